package httpapi

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/net/http/httpproxy"
)

const (
	defaultMaxReply = 32 << 20
	defaultTimeout  = 10 * time.Minute
)

// Config says whom a [Client] talks to. Only BaseURL is required.
type Config struct {
	// BaseURL is what every path is appended to. Its query, if it has one, is
	// sent with every request.
	BaseURL string
	// Header is sent with every request, beside Content-Type and Accept.
	Header http.Header
	// Secrets are removed from every error.
	Secrets []string
	// CA is a further certificate authority to trust: the path of a PEM file,
	// or PEM itself. Empty: the system's alone.
	CA string
	// RequestIDHeader is the reply's header that names a request, if the vendor
	// has one of its own; those of the usual names are known.
	RequestIDHeader string
	// MaxReply bounds a reply's body in bytes; 0 is 32 MiB.
	MaxReply int64
	// Timeout bounds a call whose context has no deadline; 0 is 10 minutes.
	Timeout time.Duration
}

// A Client posts to one vendor. It is safe for concurrent use and keeps its
// connections; Close lets the idle ones go.
type Client struct {
	base      url.URL
	redactor  *Redactor
	transport transport
	maxReply  int64
	idHeader  string // canonical
}

// New returns a client, or an error that names what is wrong with cfg.
func New(cfg Config) (*Client, error) {
	base, err := ParseBaseURL(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	roots, err := rootCAs(cfg.CA)
	if err != nil {
		return nil, err
	}
	header := cfg.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if err := checkHeader(header); err != nil {
		return nil, err
	}
	header.Set("Content-Type", "application/json")
	header.Set("Accept", "application/json")
	if header.Get("User-Agent") == "" {
		header.Set("User-Agent", "cortex-host")
	}
	transport, err := newTransport(base, roots, header, cmp.Or(max(0, cfg.Timeout), defaultTimeout))
	if err != nil {
		return nil, err
	}
	c := &Client{
		base: *base, redactor: NewRedactor(cfg.Secrets...), transport: transport,
		maxReply: cfg.MaxReply, idHeader: http.CanonicalHeaderKey(cfg.RequestIDHeader),
	}
	if c.maxReply <= 0 {
		c.maxReply = defaultMaxReply
	}
	return c, nil
}

// Close closes idle connections. Calls that are under way end as they would.
func (c *Client) Close() { c.transport.close() }

// newTransport returns the way to the server: direct, unless the environment
// names a proxy for it. RATIONALE.md says why each choice was made.
func newTransport(base *url.URL, roots *x509.CertPool, header http.Header, timeout time.Duration) (transport, error) {
	config := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	proxy, err := httpproxy.FromEnvironment().ProxyFunc()(base)
	if err != nil {
		return nil, errors.New("the environment's proxy for the base URL is not a URL; check HTTPS_PROXY and HTTP_PROXY")
	}
	if proxy == nil {
		return newPool(base, config, header, timeout), nil
	}
	var http1 http.Protocols
	http1.SetHTTP1(true)
	return &proxied{base: *base, header: header, timeout: timeout, Transport: http.Transport{
		Proxy:                  http.ProxyURL(proxy),
		DialContext:            dialer().DialContext,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    handshakeTimeout,
		Protocols:              &http1,
		MaxIdleConnsPerHost:    8192,
		IdleConnTimeout:        idleTimeout,
		DisableCompression:     true,
		ReadBufferSize:         2 << 10,
		WriteBufferSize:        2 << 10,
		MaxResponseHeaderBytes: maxHead,
	}}, nil
}

// ParseBaseURL checks a base URL: http or https, a host, no credentials and no
// fragment. A slash at the end of its path is dropped.
func ParseBaseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case raw == "":
		return nil, errors.New("the base URL is empty; set it to a URL such as https://api.example.com/v1")
	case err != nil:
		// The error of net/url quotes the URL, which may hold a password.
		return nil, errors.New("the base URL is not a URL; set it to one such as https://api.example.com/v1")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("the base URL must begin with https:// or http://")
	case u.Hostname() == "":
		return nil, errors.New("the base URL names no host")
	case u.User != nil:
		return nil, errors.New("the base URL holds a user name or password; pass keys by their own property")
	case u.Fragment != "":
		return nil, errors.New("the base URL has a fragment (#...); remove it")
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = ""
	return u, nil
}

// Loopback reports whether u is an address of this machine's loopback, where no
// key is needed and nothing leaves the machine.
func Loopback(u *url.URL) bool {
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// rootCAs returns the system's authorities and the one in ca, nil (the
// system's) for an empty ca.
func rootCAs(ca string) (*x509.CertPool, error) {
	if ca == "" {
		return nil, nil
	}
	pem := []byte(ca)
	if !strings.Contains(ca, "-----BEGIN") {
		var err error
		if pem, err = os.ReadFile(ca); err != nil {
			return nil, fmt.Errorf("read the CA's certificate: %w", err)
		}
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("the CA holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)")
	}
	return roots, nil
}

// checkHeader finds what net/http would refuse with every single request.
func checkHeader(h http.Header) error {
	for name, values := range h {
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' }) {
			return fmt.Errorf("%q is not the name of an HTTP header", name)
		}
		for _, v := range values {
			if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
				return fmt.Errorf("the value of the header %s holds a line break or another control character; was a key copied with its newline?", name)
			}
		}
	}
	return nil
}
