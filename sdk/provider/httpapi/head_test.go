package httpapi

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
)

// ordinaryReplies are read without net/http, the others only by it.
var ordinaryReplies, unusualReplies = []string{
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
	"HTTP/1.1 200 \r\ncontent-length:2 \r\nX-Request-Id: \t r1 \r\nx-request-id: r2\r\n\r\n{}",
	"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n\r\n",
	"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\nX-Empty:\r\n\r\n{}",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nDate: d\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Late: 1\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2 \t\r\n{}\r\n00\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}}\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1;"+strings.Repeat("x", 100)+"\r\n1\r\n", 100) + "0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1;"+strings.Repeat("x", 2000)+"\r\n1\r\n", 9) + "0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n{}\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;" + strings.Repeat("x", replyBytes) + "\r\n{}\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
	"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + strings.Repeat("x", 9000),
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
}, []string{
	"",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n",
	"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
	"HTTP/1.1 2000\r\nContent-Length: 2\r\n\r\n{}",
	"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}",
	"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
	"HTTP/1.1 200 OK\r\n\r\n{}",
	"HTTP/1.1 200 OK\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
	"HTTP/1.1 200 OK\r\nContent-Length: 1\n\nContent-Length: 2\r\n\r\n{}",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n{}",
	"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}",
	"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n{}",
	"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\n{}",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n Connection: close\r\n\r\n{}",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: upgrade, close\r\n\r\n{}",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Late\r\n\r\n2\r\n{}\r\n0\r\nX-Late: 1\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Note: caf\xc3\xa9\r\n\r\n{}",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Long: " + strings.Repeat("x", replyBytes) + "\r\n\r\n{}",
}

func TestWhichRepliesAreOrdinary(t *testing.T) {
	for _, raw := range ordinaryReplies {
		if !compare(t, raw) {
			t.Errorf("%q is left to net/http", raw)
		}
	}
	for _, raw := range unusualReplies {
		if compare(t, raw) {
			t.Errorf("%.100q is not left to net/http", raw)
		}
	}
}

// An ordinary reply is what net/http takes it for.
func FuzzReply(f *testing.F) {
	for _, raw := range append(ordinaryReplies, unusualReplies...) {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) { compare(t, raw) })
}

// compare reads a reply in both ways, and reports whether it is ordinary.
func compare(t *testing.T, raw string) bool {
	t.Helper()
	r := takeReader(iotest.HalfReader(strings.NewReader(raw)))
	defer giveReader(r)
	h, err := r.peek()
	if err != nil {
		return false
	}
	f, ok := h.ordinary()
	if !ok {
		return false
	}
	reply := &Reply{client: &Client{maxReply: defaultMaxReply}}
	defer reply.Close()
	read := r.sized
	if f.length < 0 {
		read = r.chunked
	}
	r.begin(reply, h, f)
	keep, err := read(reply, f)

	theirs := bufio.NewReader(strings.NewReader(raw))
	want, failed := http.ReadResponse(theirs, nil)
	if failed != nil {
		t.Fatalf("%q: net/http refuses it: %v", raw, failed)
	}
	body, failed := io.ReadAll(want.Body)
	if want.StatusCode != reply.status || err == nil && !bytes.Equal(body, reply.Body()) {
		t.Errorf("%q: status %d and %q, net/http reads %d and %q", raw, reply.status, reply.Body(), want.StatusCode, body)
	}
	// What follows the last chunk is not looked at.
	if failed != nil && err == nil && (f.length >= 0 || errors.Is(failed, io.ErrUnexpectedEOF)) {
		t.Errorf("%q: read, but net/http says %v", raw, failed)
	}
	if failed == nil && err != nil {
		t.Errorf("%q: got %v", raw, err)
	}
	if keep && (failed != nil || want.Close || theirs.Buffered() > 0) {
		t.Errorf("%q: the connection is kept", raw)
	}
	for name := range want.Header {
		if name != "Transfer-Encoding" && reply.header.Get(name) != want.Header.Get(name) {
			t.Errorf("%q: %s is %q, net/http reads %q", raw, name, reply.header.Get(name), want.Header.Get(name))
		}
	}
	return true
}
