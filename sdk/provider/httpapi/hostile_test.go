package httpapi_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
)

// A server that waits for the next request has said all it will: what it says
// is not waited for in the form that is usual.
func TestAnUnusualReplyIsReadAtOnce(t *testing.T) {
	for raw, want := range map[string]string{
		"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}":        "{}",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\n{}":    "{}",
		"HTTP/1.1 200 OK\nContent-Length: 2\n\r\n{}":      "{}",
		"HTTP/1.1 404 Not Found\nContent-Length: 2\n\n{}": "404",
		"SSH-2.0-OpenSSH_9.9\r\n":                         "malformed HTTP",
		"\x15\x03\x01\x00\x02\x02\x0a\n":                  "malformed HTTP",
	} {
		c := dial(t, httpapi.Config{Timeout: 2 * time.Second, BaseURL: rawServer(t, func(c net.Conn, r *bufio.Reader) {
			for readRequest(r) == nil {
				fmt.Fprint(c, raw)
			}
		})})
		got, err := post(t.Context(), c)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%q: got %s", raw, got)
		}
	}
}

// No bound on the reply's length ends a reply that is nearly all chunk
// extensions.
func TestAServerMayNotWasteBandwidth(t *testing.T) {
	done := make(chan int, 1)
	c := dial(t, httpapi.Config{Timeout: 5 * time.Second, BaseURL: rawServer(t, func(c net.Conn, r *bufio.Reader) {
		if readRequest(r) == nil {
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
			chunk, n := "1;"+strings.Repeat("x", 3000)+"\r\n1\r\n", 0
			for ; n < 20_000; n++ {
				if _, err := fmt.Fprint(c, chunk); err != nil {
					break
				}
			}
			done <- n
		}
	})})
	_, err := post(t.Context(), c)
	if n := <-done; err == nil || n == 20_000 {
		t.Errorf("got %v after %d chunks", err, n)
	}
}
