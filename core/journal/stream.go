package journal

// A stream is one file of a log.
type stream struct {
	file    File
	buf     []byte // appended, not yet given to a flush
	base    int64  // the offset of buf in the file
	spare   []byte // the other buffer of the pair
	written int64  // how much of the file is written
	synced  int64  // how much of it is durable
}

// end is the offset that the next appended byte gets.
func (s *stream) end() int64 { return s.base + int64(len(s.buf)) }

// take gives the filled buffer away and puts the spare in its place.
func (s *stream) take() (b []byte, at int64) {
	b, at = s.buf, s.base
	s.base += int64(len(b))
	s.buf, s.spare = s.spare[:0], nil
	return b, at
}

// wrote takes back the buffer that was written, unless one large row has
// blown it up.
func (s *stream) wrote(b []byte) {
	s.written += int64(len(b))
	if cap(b) <= 4*flushBytes {
		s.spare = b
	}
}

// writeAll writes b, if there is any of it.
func writeAll(f File, b []byte, at int64) error {
	if len(b) == 0 {
		return nil
	}
	_, err := f.WriteAt(b, at)
	return err
}
