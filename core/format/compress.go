package format

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// A Compression is how a file is packed, told by its suffix.
type Compression string

// The compressions.
const (
	Plain Compression = ""
	Gzip  Compression = "gzip"
	Zstd  Compression = "zstd"
)

// CompressionOf returns the compression that the name's suffix tells: .gz, .zst
// or .zstd.
func CompressionOf(name string) Compression {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".gz":
		return Gzip
	case ".zst", ".zstd":
		return Zstd
	}
	return Plain
}

// TrimSuffix takes the suffix of the compression off a name.
func (c Compression) TrimSuffix(name string) string {
	if c == Plain {
		return name
	}
	return strings.TrimSuffix(name, filepath.Ext(name))
}

const (
	// A file may grow to bombFactor times its size, and to bombFloor in any
	// case. Queries that repeat one long prompt pack to a few hundredths; gzip
	// reaches 1030 on nothing but zeros.
	bombFactor = 250
	bombFloor  = 256 << 20
	// zstdWindow bounds the memory that a file can ask for.
	zstdWindow = 64 << 20
)

// NewReader unpacks r, in bounded memory. A file that grows without end is an
// error.
func (c Compression) NewReader(r io.Reader) (io.ReadCloser, error) {
	packed := &countingReader{r: r}
	var plain io.ReadCloser
	switch c {
	case Plain:
		return io.NopCloser(r), nil
	case Gzip:
		z, err := gzip.NewReader(packed)
		if err != nil {
			return nil, c.explain(err)
		}
		plain = z
	case Zstd:
		z, err := zstd.NewReader(packed, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdWindow), zstd.WithDecoderMaxMemory(2*zstdWindow))
		if err != nil {
			return nil, c.explain(err)
		}
		plain = z.IOReadCloser()
	default:
		return nil, fmt.Errorf("compression %q is unknown; one of gzip, zstd", string(c))
	}
	return &unpacker{c: c, packed: packed, plain: plain}, nil
}

// NewWriter packs what is written to it. Closing it does not close w.
func (c Compression) NewWriter(w io.Writer) (io.WriteCloser, error) {
	switch c {
	case Plain:
		return nopWriteCloser{w}, nil
	case Gzip:
		return gzip.NewWriterLevel(w, gzip.DefaultCompression)
	case Zstd:
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	}
	return nil, fmt.Errorf("compression %q is unknown; one of gzip, zstd", string(c))
}

// explain rewords the libraries' errors for people.
func (c Compression) explain(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("the %s data end too early; the file was not copied completely: %w", c, io.ErrUnexpectedEOF)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, zstd.ErrMagicMismatch):
		return fmt.Errorf("it is not a %s file, as its name says: %w", c, err)
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return fmt.Errorf("it needs a window of more than %d MiB; pack it again without --long: %w", zstdWindow>>20, err)
	}
	return fmt.Errorf("the %s data are damaged: %w", c, err)
}

// An unpacker watches how much comes out of how little.
type unpacker struct {
	c      Compression
	packed *countingReader
	plain  io.ReadCloser
	out    int64
}

func (u *unpacker) Read(p []byte) (int, error) {
	n, err := u.plain.Read(p)
	u.out += int64(n)
	if u.out > bombFloor && u.out > bombFactor*u.packed.n {
		return n, fmt.Errorf("%d bytes of %s data have become more than %d: this is no file of queries", u.packed.n, u.c, u.out)
	}
	switch {
	case err == nil, errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return n, err
	case u.packed.err != nil:
		return n, u.packed.err
	}
	return n, u.c.explain(err)
}

func (u *unpacker) Close() error { return u.plain.Close() }

// A countingReader counts, and remembers an error that is not the data's.
type countingReader struct {
	r   io.Reader
	n   int64
	err error
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

type nopWriteCloser struct{ io.Writer }

func (nopWriteCloser) Close() error { return nil }
