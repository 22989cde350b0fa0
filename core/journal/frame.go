package journal

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// The file, byte by byte (all integers little-endian):
//
//	0   8  magic "cxhrun\r\n"
//	8   4  format version
//	12  4  salt, random for each run
//	16  -  records
//
// and a record:
//
//	0   4  n, the length of the body
//	4   4  CRC-32C of salt, the record's own offset (8 bytes) and the body
//	8   n  body: one byte of kind, then what the kind says
//
// The offset and the salt in the checksum mean that a record is valid in one
// place of one file only: neither a block that a disk wrote to the wrong place
// nor what a deleted file left behind passes for one.
const (
	magic       = "cxhrun\r\n"
	version     = 1
	headSize    = 16
	frameSize   = 8
	maxRecord   = 256 << 20
	offsetBytes = 8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendHead(dst []byte, salt uint32) []byte {
	dst = append(dst, magic...)
	dst = binary.LittleEndian.AppendUint32(dst, version)
	return binary.LittleEndian.AppendUint32(dst, salt)
}

// readHead returns the salt of a journal that this program can read.
func readHead(f io.ReaderAt, name string) (salt uint32, err error) {
	var head [headSize]byte
	if _, err := f.ReadAt(head[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("journal %s: %w", name, err)
	}
	if string(head[:len(magic)]) != magic {
		return 0, &CorruptError{Path: name, Offset: 0, What: "it is not a journal"}
	}
	if v := binary.LittleEndian.Uint32(head[8:]); v != version {
		return 0, fmt.Errorf("journal %s has format %d, this program reads format %d: use the version of cortex-host that started the run", name, v, version)
	}
	return binary.LittleEndian.Uint32(head[12:]), nil
}

func checksum(salt uint32, offset int64, body []byte) uint32 {
	var place [4 + offsetBytes]byte
	binary.LittleEndian.PutUint32(place[:], salt)
	binary.LittleEndian.PutUint64(place[4:], uint64(offset))
	crc := ^uint32(0)
	for _, b := range place { // crc32.Checksum would have these few bytes on the heap
		crc = castagnoli[byte(crc)^b] ^ crc>>8
	}
	return crc32.Update(^crc, castagnoli, body)
}

// sealFrame fills in the frame before the body that starts at
// start+frameSize in buf and reaches to its end.
func sealFrame(buf []byte, start int, salt uint32, offset int64) {
	body := buf[start+frameSize:]
	binary.LittleEndian.PutUint32(buf[start:], uint32(len(body)))
	binary.LittleEndian.PutUint32(buf[start+4:], checksum(salt, offset, body))
}

// A scanner reads the records of a journal in order.
type scanner struct {
	file   io.ReaderAt
	salt   uint32
	offset int64 // of the next record
	size   int64 // of the file
	r      *bufio.Reader
	body   []byte
}

func newScanner(f File, salt uint32) (*scanner, error) {
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	r := io.NewSectionReader(f, headSize, max(0, size-headSize))
	return &scanner{file: f, salt: salt, offset: headSize, size: size, r: bufio.NewReaderSize(r, 256<<10)}, nil
}

// errTorn ends a scan at a place where no valid record begins.
var errTorn = errors.New("no valid record")

// next returns the next record; its body is valid until the next call. It
// returns io.EOF at the end of the file and errTorn where the bytes that follow
// are no valid record; the scanner's offset then stays where the valid records
// end.
func (s *scanner) next() (body []byte, err error) {
	if s.offset >= s.size {
		return nil, io.EOF
	}
	var frame [frameSize]byte
	if _, err := io.ReadFull(s.r, frame[:]); err != nil {
		return nil, tornOr(err)
	}
	n := int64(binary.LittleEndian.Uint32(frame[:]))
	if n == 0 || n > maxRecord || s.offset+frameSize+n > s.size {
		return nil, errTorn
	}
	if int64(cap(s.body)) < n {
		s.body = make([]byte, n)
	}
	body = s.body[:n]
	if _, err := io.ReadFull(s.r, body); err != nil {
		return nil, tornOr(err)
	}
	if binary.LittleEndian.Uint32(frame[4:]) != checksum(s.salt, s.offset, body) {
		return nil, errTorn
	}
	s.offset += frameSize + n
	return body, nil
}

func tornOr(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errTorn
	}
	return err
}

// syncedBeyond reports whether some valid sync mark after the torn place says
// that the disk had confirmed the journal to beyond it. Then the bytes were not
// torn by a crash: they were good once and have been damaged since.
func (s *scanner) syncedBeyond() (bool, error) {
	const window = 1 << 20
	buf := make([]byte, window+syncedFrame)
	pattern := binary.LittleEndian.AppendUint32(nil, syncedFrame-frameSize)
	for at := s.offset; at < s.size; at += window {
		n, err := s.file.ReadAt(buf[:min(int64(len(buf)), s.size-at)], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		for i := 0; ; i++ {
			j := bytes.Index(buf[i:n], pattern)
			if j < 0 || i+j+syncedFrame > n {
				break
			}
			i += j
			body := buf[i+frameSize : i+syncedFrame]
			if recordKind(body[0]) != kindSynced || binary.LittleEndian.Uint32(buf[i+4:]) != checksum(s.salt, at+int64(i), body) {
				continue
			}
			if mark, err := decodeSynced(body); err == nil && mark.Journal > s.offset {
				return true, nil
			}
		}
	}
	return false, nil
}
