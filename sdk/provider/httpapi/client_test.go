package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const question = `{"model":"m","messages":[{"role":"user","content":"hello"}]}`

func start(t testing.TB, cfg upstream.Config) *upstream.Server {
	t.Helper()
	s, err := upstream.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func dial(t testing.TB, cfg httpapi.Config) *httpapi.Client {
	t.Helper()
	c, err := httpapi.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// post asks once and gives the reply back.
func post(ctx context.Context, c *httpapi.Client) (string, error) {
	reply, err := c.Post(ctx, "/chat/completions", []byte(question))
	if err != nil {
		return "", err
	}
	defer reply.Close()
	var v json.RawMessage
	if err := reply.Decode(&v); err != nil {
		return "", err
	}
	return string(v), nil
}

func Example() {
	vendor, err := upstream.Start(upstream.Config{Script: upstream.Sequence(
		upstream.Reply{Status: 429, Header: http.Header{"Retry-After": {"2"}}})})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer vendor.Close()
	client, err := httpapi.New(httpapi.Config{BaseURL: vendor.URL() + "/v1", Secrets: []string{"sk-secret"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	for range 2 {
		reply, err := client.Post(context.Background(), "/chat/completions", []byte(question))
		var e *sdk.Error
		if errors.As(err, &e) {
			fmt.Println(e.Kind, *e.RetryAfter)
			continue
		}
		var v struct{ Model string }
		fmt.Println(reply.Decode(&v), v.Model)
		reply.Close()
	}
	// Output:
	// rate_limited 2s
	// <nil> m
}

// eachWay runs a test with a server that is reached directly, and with one that
// is reached through a proxy: those are two transports. by returns the base URL
// under which the client reaches the server at that one.
func eachWay(t *testing.T, test func(t *testing.T, by func(url string) string)) {
	t.Helper()
	t.Run("direct", func(t *testing.T) { test(t, func(url string) string { return url }) })
	t.Run("proxied", func(t *testing.T) {
		test(t, func(url string) string {
			// To a server that takes absolute URLs, whoever sends them is a client
			// of its proxy. Loopback addresses are never proxied.
			t.Setenv("HTTP_PROXY", url)
			return "http://vendor.invalid"
		})
	})
}

func TestFaults(t *testing.T) { eachWay(t, testFaults) }

func testFaults(t *testing.T, by func(url string) string) {
	s := start(t, upstream.Config{})
	c := dial(t, httpapi.Config{BaseURL: by(s.URL()), MaxReply: 1 << 20})
	for _, f := range []struct {
		name  string
		reply upstream.Reply
		kind  sdk.Kind
	}{
		{"success", upstream.Reply{}, ""},
		{"hang", upstream.Reply{Fault: upstream.Hang}, sdk.InDoubt},
		{"reset before", upstream.Reply{Fault: upstream.ResetBefore}, sdk.InDoubt},
		{"reset inside", upstream.Reply{Fault: upstream.ResetInside}, sdk.InDoubt},
		{"close inside", upstream.Reply{Fault: upstream.CloseInside}, sdk.InDoubt},
		{"reset inside an error body", upstream.Reply{Status: 429, Fault: upstream.ResetInside}, sdk.RateLimited},
		{"cut json", upstream.Reply{Fault: upstream.CutJSON}, sdk.BadResponse},
		{"not json", upstream.Reply{Body: []byte("<html>hello")}, sdk.BadResponse},
		{"empty", upstream.Reply{Body: []byte{}}, sdk.BadResponse},
		{"slow bytes", upstream.Reply{Fault: upstream.SlowBytes}, sdk.InDoubt},
		{"endless", upstream.Reply{Fault: upstream.Endless}, sdk.BadResponse},
		{"endless error", upstream.Reply{Fault: upstream.Endless, Status: 400}, sdk.InvalidRequest},
	} {
		t.Run(f.name, func(t *testing.T) {
			s.SetScript(upstream.Always(f.reply))
			before := s.Stats().Requests
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			_, err := post(ctx, c)
			if (err == nil) != (f.kind == "") || err != nil && sdk.KindOf(err) != f.kind {
				t.Errorf("got %v, want %s", err, f.kind)
			}
			if n := s.Stats().Requests - before; n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestNotSent(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	secure, plain := start(t, upstream.Config{TLS: true}), start(t, upstream.Config{})
	for name, c := range map[string]struct{ url, says string }{
		"refused":       {"http://" + closed.Addr().String(), "refused"},
		"unknown CA":    {secure.URL(), "ca_file"},
		"no TLS server": {strings.Replace(plain.URL(), "http", "https", 1), "TLS"},
		"no such host":  {"http://does-not-exist.invalid", "does-not-exist.invalid"},
	} {
		_, err := post(t.Context(), dial(t, httpapi.Config{BaseURL: c.url}))
		if !errors.Is(err, sdk.Unreachable) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := post(ctx, dial(t, httpapi.Config{BaseURL: plain.URL()})); !errors.Is(err, sdk.Unreachable) || !errors.Is(err, context.Canceled) {
		t.Errorf("canceled before: got %v", err)
	}
}

// A kept-alive connection that the server has dropped is the classic trap:
// net/http sends again by itself if it is let.
func TestStaleConnectionIsNotSentTwice(t *testing.T) { eachWay(t, testStaleConnection) }

func testStaleConnection(t *testing.T, by func(url string) string) {
	var mu sync.Mutex
	requests := 0
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { // answers one request, reads the next and hangs up
				defer conn.Close()
				buf := make([]byte, 4096)
				for i := range 2 {
					if _, err := conn.Read(buf); err != nil {
						return
					}
					mu.Lock()
					requests++
					mu.Unlock()
					if i == 0 {
						fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
					}
				}
			}()
		}
	}()
	c := dial(t, httpapi.Config{BaseURL: by("http://" + l.Addr().String())})
	if _, err := post(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if _, err := post(t.Context(), c); !errors.Is(err, sdk.InDoubt) {
		t.Errorf("got %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	if requests != 2 {
		t.Errorf("2 calls, the server saw %d", requests)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	eachWay(t, func(t *testing.T, by func(url string) string) {
		thief, s := start(t, upstream.Config{}), start(t, upstream.Config{})
		c := dial(t, httpapi.Config{BaseURL: by(s.URL()), Header: http.Header{"Authorization": {"Bearer secret"}}})
		for _, status := range []int{301, 302, 303, 307, 308} {
			s.SetScript(upstream.Always(upstream.Reply{Status: status, Header: http.Header{"Location": {thief.URL()}}}))
			if _, err := post(t.Context(), c); !errors.Is(err, sdk.NotFound) || !strings.Contains(err.Error(), thief.URL()) {
				t.Errorf("%d: got %v", status, err)
			}
			if _, err := c.Get(t.Context(), "/models", ""); !errors.Is(err, sdk.NotFound) {
				t.Errorf("%d: got %v", status, err)
			}
		}
		if thief.Stats().Requests != 0 {
			t.Error("a redirect was followed")
		}
	})
}

func TestCorporateCA(t *testing.T) {
	s := start(t, upstream.Config{TLS: true})
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, s.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, ca := range []string{file, string(s.CA())} {
		if _, err := post(t.Context(), dial(t, httpapi.Config{BaseURL: s.URL(), CA: ca})); err != nil {
			t.Errorf("got %v", err)
		}
	}
}

func TestConnectionsAreReused(t *testing.T) {
	s := start(t, upstream.Config{Latency: 5 * time.Millisecond})
	c := dial(t, httpapi.Config{BaseURL: s.URL()})
	for range 3 {
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				if _, err := post(t.Context(), c); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	if n := s.Stats().Connections; n > 64 {
		t.Errorf("%d connections for 64 calls at once", n)
	}
}

func TestTimeoutWithoutADeadline(t *testing.T) {
	eachWay(t, func(t *testing.T, by func(url string) string) {
		s := start(t, upstream.Config{Script: upstream.Always(upstream.Reply{Fault: upstream.Hang})})
		if _, err := post(t.Context(), dial(t, httpapi.Config{BaseURL: by(s.URL()), Timeout: 300 * time.Millisecond})); !errors.Is(err, sdk.InDoubt) {
			t.Errorf("got %v", err)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	for name, cfg := range map[string]httpapi.Config{
		"empty":    {},
		"scheme":   {BaseURL: "ftp://x"},
		"host":     {BaseURL: "https://"},
		"password": {BaseURL: "https://user:hush@x"},
		"fragment": {BaseURL: "https://x/#y"},
		"garbage":  {BaseURL: "http://[::1"},
		"newline":  {BaseURL: "https://x", Header: http.Header{"Authorization": {"Bearer hush\n"}}},
		"header":   {BaseURL: "https://x", Header: http.Header{"a b": {"hush"}}},
		"ca":       {BaseURL: "https://x", CA: "/does/not/exist"},
		"not pem":  {BaseURL: "https://x", CA: "-----BEGIN nothing"},
	} {
		if _, err := httpapi.New(cfg); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
