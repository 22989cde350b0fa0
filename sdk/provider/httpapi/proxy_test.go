package httpapi_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// A tunnel is a proxy as companies have them: it lets HTTPS through by CONNECT,
// to one server whatever the host, and sees no more of it than that.
type tunnel struct {
	*httptest.Server
	mu   sync.Mutex
	seen []string // method and host of each request
	keys int      // requests that showed the vendor's key
}

// startTunnel starts a proxy to the server at an address. password, if set, is
// what it demands, as Proxy-Authorization.
func startTunnel(t *testing.T, to, password string) *tunnel {
	t.Helper()
	p := &tunnel{}
	var relays sync.WaitGroup
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.seen = append(p.seen, r.Method+" "+r.Host)
		if r.Header.Get("Authorization") != "" {
			p.keys++
		}
		p.mu.Unlock()
		if r.Header.Get("Proxy-Authorization") != password {
			http.Error(w, "who are you?", http.StatusProxyAuthRequired)
			return
		}
		vendor, err := net.Dial("tcp", to)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusOK)
		client, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			vendor.Close()
			return
		}
		relays.Go(func() { _, _ = io.Copy(vendor, buffered); vendor.Close() })
		relays.Go(func() { _, _ = io.Copy(client, vendor); client.Close() })
	}))
	t.Cleanup(func() { p.Close(); relays.Wait() })
	return p
}

// saw returns what the proxy saw so far, and how often it saw the vendor's key.
func (p *tunnel) saw() (text string, keys int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.seen, ", "), p.keys
}

// Through a proxy of the environment: the vendor's certificate is checked against
// the company's CA, the proxy sees neither key nor question, and connections are
// kept.
func TestHTTPSThroughAProxy(t *testing.T) {
	const vendor = "other.example" // whose certificate this is
	s := start(t, upstream.Config{TLS: true, CertFault: upstream.OtherCert, Key: "sk-vendor"})
	p := startTunnel(t, strings.TrimPrefix(s.URL(), "https://"), "Basic dXNlcjpodXNo")
	header := http.Header{"Authorization": {"Bearer sk-vendor"}}
	t.Setenv("HTTPS_PROXY", strings.Replace(p.URL, "http://", "http://user:hush@", 1))
	c := dial(t, httpapi.Config{BaseURL: "https://" + vendor + "/v1", CA: string(s.CA()), Header: header})
	for range 3 {
		if _, err := post(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	c.Close()
	if got, keys := p.saw(); got != "CONNECT other.example:443" || keys != 0 {
		t.Errorf("the proxy saw %s, %d keys", got, keys)
	}
	if n := s.Stats().Requests; n != 3 {
		t.Errorf("%d requests", n)
	}

	refused := func(name, says string, cfg httpapi.Config) {
		t.Helper()
		cfg.Header = header
		_, err := post(t.Context(), dial(t, cfg))
		if !errors.Is(err, sdk.Unreachable) || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	refused("no CA", "ca_file", httpapi.Config{BaseURL: "https://" + vendor})
	refused("another host's certificate", "third.example", httpapi.Config{BaseURL: "https://third.example", CA: string(s.CA())})
	t.Setenv("HTTPS_PROXY", strings.Replace(p.URL, "http://", "http://user:hush-hush@", 1))
	refused("a proxy that refuses", "Proxy Authentication Required", httpapi.Config{BaseURL: "https://" + vendor, CA: string(s.CA())})
	t.Setenv("NO_PROXY", "other.example")
	before, _ := p.saw()
	refused("not by the proxy", vendor, httpapi.Config{BaseURL: "https://" + vendor + ":1", CA: string(s.CA())})
	if after, keys := p.saw(); s.Stats().Requests != 3 || after != before || keys != 0 {
		t.Errorf("%d requests reached the vendor, the proxy saw %s, %d keys", s.Stats().Requests, after, keys)
	}
}
