package httpapi_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

const answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

// rawServer serves each connection by hand and returns its base URL.
func rawServer(t *testing.T, serve func(c net.Conn, r *bufio.Reader)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c, bufio.NewReader(c))
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// readRequest reads one request to its end.
func readRequest(r *bufio.Reader) error {
	req, err := http.ReadRequest(r)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, req.Body)
	return err
}

func TestADroppedConnectionIsNoticedBeforeItIsUsed(t *testing.T) {
	var connections atomic.Int64
	dropped := make(chan struct{}, 8)
	c := dial(t, httpapi.Config{BaseURL: rawServer(t, func(c net.Conn, r *bufio.Reader) {
		connections.Add(1)
		if readRequest(r) == nil {
			fmt.Fprint(c, answer)
		}
		c.Close()
		dropped <- struct{}{}
	})})
	for range 3 {
		if _, err := post(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		<-dropped
		time.Sleep(10 * time.Millisecond) // until the end of the connection has come over
	}
	if n := connections.Load(); n != 3 {
		t.Errorf("%d connections", n)
	}
}

func TestAServerMayAnswerBeforeItHasReadEverything(t *testing.T) {
	c := dial(t, httpapi.Config{BaseURL: rawServer(t, func(c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		fmt.Fprint(c, "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")
		_ = c.(*net.TCPConn).CloseWrite()
		time.Sleep(50 * time.Millisecond) // the reply is there before the reset is
	})})
	_, err := c.Post(t.Context(), "/x", make([]byte, 16<<20))
	var e *sdk.Error
	if !errors.As(err, &e) || e.Status != 413 || e.Kind == sdk.InDoubt {
		t.Errorf("got %v", err)
	}
}

func TestInterimReplies(t *testing.T) {
	for interim, kind := range map[string]sdk.Kind{
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n": "",
		strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 20):                         sdk.InDoubt,
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n":                      sdk.InDoubt,
		"HTTP/1.1 200 OK\r\nX-Long: " + strings.Repeat("x", 300<<10):                  sdk.InDoubt,
		"garbage\r\n\r\n": sdk.InDoubt,
	} {
		c := dial(t, httpapi.Config{BaseURL: rawServer(t, func(c net.Conn, r *bufio.Reader) {
			if readRequest(r) == nil {
				fmt.Fprint(c, interim+answer)
			}
		})})
		if _, err := post(t.Context(), c); err == nil && kind != "" || err != nil && sdk.KindOf(err) != kind {
			t.Errorf("%.30q: got %v, want %q", interim, err, kind)
		}
	}
}

// What a canceled call leaves on a connection must not reach the next call.
func TestACanceledCallTakesItsConnectionWithIt(t *testing.T) {
	var first atomic.Bool
	half := make(chan struct{})
	c := dial(t, httpapi.Config{BaseURL: rawServer(t, func(c net.Conn, r *bufio.Reader) {
		for readRequest(r) == nil {
			if first.CompareAndSwap(false, true) {
				fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"old\":")
				close(half)
				continue
			}
			fmt.Fprint(c, answer)
		}
	})})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-half; cancel() }()
	if _, err := post(ctx, c); !errors.Is(err, sdk.InDoubt) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got, err := post(t.Context(), c); err != nil || got != "{}" {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestACallThatIsCanceledWhileItIsWrittenEndsAtOnce(t *testing.T) {
	done := make(chan struct{})
	defer close(done)
	c := dial(t, httpapi.Config{BaseURL: rawServer(t, func(net.Conn, *bufio.Reader) { <-done })})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	start := time.Now()
	_, err := c.Post(ctx, "/x", make([]byte, 16<<20))
	if took := time.Since(start); !errors.Is(err, context.Canceled) || took > 900*time.Millisecond {
		t.Errorf("got %v after %v", err, took)
	}
}

// More than was announced is another reply, or an attack: nothing of it may be
// taken for the answer to the next request.
func TestASurplusReplyIsNotTheNextAnswer(t *testing.T) {
	c := dial(t, httpapi.Config{BaseURL: rawServer(t, func(c net.Conn, r *bufio.Reader) {
		for n := 0; readRequest(r) == nil; n++ {
			fmt.Fprint(c, answer+"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"evil\":1}")
		}
	})})
	for range 5 {
		if got, err := post(t.Context(), c); err != nil || got != "{}" {
			t.Fatalf("got %s, %v", got, err)
		}
	}
}

func TestACloseThatIsAnnouncedIsHonoured(t *testing.T) {
	var connections atomic.Int64
	c := dial(t, httpapi.Config{BaseURL: rawServer(t, func(c net.Conn, r *bufio.Reader) {
		connections.Add(1)
		for readRequest(r) == nil {
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")
		}
	})})
	for range 3 {
		if _, err := post(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if n := connections.Load(); n != 3 {
		t.Errorf("%d connections", n)
	}
}

func TestACallsDeadlineIsNotItsConnections(t *testing.T) {
	var connections atomic.Int64
	c := dial(t, httpapi.Config{Timeout: time.Second, BaseURL: rawServer(t, func(c net.Conn, r *bufio.Reader) {
		connections.Add(1)
		for readRequest(r) == nil {
			fmt.Fprint(c, answer)
		}
	})})
	for _, pause := range []time.Duration{0, 1100 * time.Millisecond} {
		time.Sleep(pause)
		if _, err := post(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestNoPathIsTheRoot(t *testing.T) {
	var seen atomic.Value
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Store(r.RequestURI)
		fmt.Fprint(w, "{}")
	}))
	defer s.Close()
	c := dial(t, httpapi.Config{BaseURL: s.URL + "?a=b"})
	r, err := c.Post(t.Context(), "", []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	if seen.Load() != "/?a=b" {
		t.Error(seen.Load())
	}
}

func TestCloseDropsIdleConnections(t *testing.T) {
	ended := make(chan error, 1)
	c := dial(t, httpapi.Config{BaseURL: rawServer(t, func(c net.Conn, r *bufio.Reader) {
		if readRequest(r) == nil {
			fmt.Fprint(c, answer)
			_, err := r.ReadByte()
			ended <- err
		}
	})})
	if _, err := post(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	c.Close()
	select {
	case err := <-ended:
		if !errors.Is(err, io.EOF) {
			t.Errorf("got %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("the connection is still open")
	}
}

func TestConnectionsOverTLSAreReused(t *testing.T) {
	s := start(t, upstream.Config{TLS: true})
	c := dial(t, httpapi.Config{BaseURL: s.URL(), CA: string(s.CA())})
	for range 5 {
		if _, err := post(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.Stats().Connections; n != 1 {
		t.Errorf("%d connections for 5 calls in turn", n)
	}
}

// However many calls begin at once, only so many TLS handshakes are made: the
// others wait, and one that is given up meanwhile was not sent.
func TestHandshakesAtOnceAreBounded(t *testing.T) {
	const bound, calls = 256, 300
	var connected, begun atomic.Int64
	release := make(chan struct{})
	base := rawServer(t, func(_ net.Conn, r *bufio.Reader) { // no handshake is answered
		connected.Add(1)
		if _, err := r.ReadByte(); err == nil {
			begun.Add(1)
		}
		<-release
	})
	defer close(release)
	c := dial(t, httpapi.Config{BaseURL: strings.Replace(base, "http:", "https:", 1)})
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error, calls)
	for range calls {
		go func() {
			_, err := post(ctx, c)
			errs <- err
		}()
	}
	for end := time.Now().Add(8 * time.Second); (connected.Load() < calls || begun.Load() < bound) && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond)
	if n := begun.Load(); n != bound {
		t.Errorf("%d handshakes are under way on %d connections, want %d", n, connected.Load(), bound)
	}
	cancel()
	for range calls {
		if err := <-errs; !errors.Is(err, sdk.Unreachable) || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
}
