package httpapi

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
)

// A Header is what a reply's headers say, such as an [http.Header]. nil says
// nothing.
type Header interface {
	// Get returns the first value of the header of that name, in canonical form,
	// or an empty string.
	Get(name string) string
}

var (
	_ Header = http.Header(nil)
	_ Header = head(nil)
)

func get(h Header, name string) string {
	if h == nil {
		return ""
	}
	return h.Get(name)
}

// A head is the beginning of an ordinary reply as it came: lines that end with
// CRLF, the last of them empty. Few of them are ever asked for, so none is
// decoded before.
type head []byte

// Get implements Header.
func (h head) Get(name string) string {
	for line := range h.lines {
		if value, ok := valueOf(line, name); ok {
			return string(value)
		}
	}
	return ""
}

// lines yields the lines of headers, without the LF.
func (h head) lines(yield func(line []byte) bool) {
	for rest := h[bytes.IndexByte(h, '\n')+1:]; ; {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 || string(rest[:end]) == "\r" || !yield(rest[:end]) {
			return
		}
		rest = rest[end+1:]
	}
}

var (
	crlf    = []byte("\r\n")
	success = []byte("HTTP/1.1 200 ")
)

// valueOf returns the value of a header's line if the header has that name.
func valueOf(line []byte, name string) ([]byte, bool) {
	if len(line) <= len(name) || line[len(name)] != ':' {
		return nil, false
	}
	for i := range len(name) {
		if line[i]|0x20 != name[i]|0x20 { // letters and hyphens only differ in case
			return nil, false
		}
	}
	return bytes.Trim(line[len(name)+1:], " \t\r"), true
}

// A framing says how a reply's body ends.
type framing struct {
	length  int64 // in bytes; -1 for chunks
	closing bool  // the server closes the connection
}

// ordinary reads the framing of a reply with status 200. It returns false for
// whatever is unusual, or could be understood in two ways: net/http has to know
// what it means.
func (h head) ordinary() (f framing, ok bool) {
	status, _, _ := bytes.Cut(h, crlf)
	if !bytes.HasPrefix(status, success) || !printable(status) {
		return framing{}, false
	}
	framed := false
	for line := range h.lines {
		if !plainLine(line) {
			return framing{}, false
		}
		if value, ok := valueOf(line, "Content-Length"); ok {
			n, err := strconv.ParseUint(string(value), 10, 62)
			if err != nil || framed {
				return framing{}, false
			}
			f.length, framed = int64(n), true
		}
		if value, ok := valueOf(line, "Transfer-Encoding"); ok {
			if framed || string(value) != "chunked" {
				return framing{}, false
			}
			f.length, framed = -1, true
		}
		if value, ok := valueOf(line, "Connection"); ok {
			f.closing = f.closing || strings.EqualFold(string(value), "close")
			if !f.closing && !strings.EqualFold(string(value), "keep-alive") {
				return framing{}, false
			}
		}
		if _, ok := valueOf(line, "Trailer"); ok {
			return framing{}, false
		}
	}
	return f, framed
}

// promising reports whether this can be the beginning of an ordinary head.
func promising(seen []byte) bool {
	n := min(len(seen), len(success))
	return bytes.Equal(seen[:n], success[:n]) && bytes.Count(seen, crlf[1:]) == bytes.Count(seen, crlf)
}

// plainLine reports whether a line is a name, a colon and a value in ASCII, and
// ended with CRLF.
func plainLine(line []byte) bool {
	line, ok := bytes.CutSuffix(line, crlf[:1])
	if !ok {
		return false
	}
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 {
		return false
	}
	for _, c := range line[:colon] {
		if c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return printable(line[colon+1:])
}

func printable(text []byte) bool {
	for _, c := range text {
		if c < ' ' && c != '\t' || c >= 0x7f {
			return false
		}
	}
	return true
}
