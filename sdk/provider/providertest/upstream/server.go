package upstream

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxBody     = 64 << 20
	defaultKeep = 100_000
)

// A Server is a running vendor. Its methods are safe for concurrent use.
type Server struct {
	cfg      Config
	listener net.Listener
	http     *http.Server
	ca       []byte
	fast     []byte
	bucket   bucket
	served   chan struct{}

	sends, refused, conns atomic.Int64
	inFlight, maxInFlight atomic.Int64

	mu       sync.Mutex
	script   func(Request) Reply
	random   *rand.Rand
	kept     []Request
	perQuery map[string]int
}

// Start starts a vendor; Close it.
func Start(cfg Config) (*Server, error) {
	if cfg.Dialect.Answer == nil {
		cfg.Dialect = OpenAI()
	}
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	if cfg.Keep == 0 {
		cfg.Keep = defaultKeep
	}
	s := &Server{
		cfg: cfg, script: cfg.Script, served: make(chan struct{}),
		random:   rand.New(rand.NewPCG(cfg.Seed, 1)),
		perQuery: map[string]int{},
	}
	s.bucket.set(cfg.Limit)
	if cfg.Fast {
		s.fast = cfg.Dialect.Answer("mock", s.answer(Request{}))
	}
	var err error
	if s.listener, err = net.Listen("tcp", cfg.Addr); err != nil {
		return nil, fmt.Errorf("mock vendor: %w", err)
	}
	serving := s.listener
	if cfg.TLS {
		cert, ca, err := newCertificate(cfg.CertFault)
		if err != nil {
			s.listener.Close()
			return nil, fmt.Errorf("mock vendor: %w", err)
		}
		s.ca = ca
		serving = tls.NewListener(s.listener, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	}
	s.http = &http.Server{Handler: http.HandlerFunc(s.serve), ErrorLog: silent, ConnState: func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.conns.Add(1)
		}
	}}
	go func() {
		defer close(s.served)
		_ = s.http.Serve(serving) // it always ends with ErrServerClosed, by Close
	}()
	return s, nil
}

// URL returns the server's address: scheme, host and port, no path.
func (s *Server) URL() string {
	scheme := "http"
	if s.cfg.TLS {
		scheme = "https"
	}
	return scheme + "://" + s.listener.Addr().String()
}

// CA returns the certificate of the server's CA in PEM, nil without TLS.
func (s *Server) CA() []byte { return bytes.Clone(s.ca) }

// SetScript replaces the script.
func (s *Server) SetScript(script func(Request) Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = script
}

// SetLimit replaces the limit; its bucket starts full.
func (s *Server) SetLimit(l Limit) { s.bucket.set(l) }

// Stats is what the vendor saw so far.
type Stats struct {
	// Requests counts the requests that arrived.
	Requests int `json:"requests"`
	// Refused counts those that the limit refused.
	Refused int `json:"refused"`
	// Connections counts the connections that were opened.
	Connections int `json:"connections"`
	// InFlight is how many are being answered now.
	InFlight int `json:"in_flight"`
	// MaxInFlight is the most that were in flight at once.
	MaxInFlight int `json:"max_in_flight"`
	// PerQuery counts requests by query text, for at most [Config.Keep] texts.
	PerQuery map[string]int `json:"per_query,omitempty"`
}

// Stats returns a copy of the counters.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{
		Requests: int(s.sends.Load()), Refused: int(s.refused.Load()),
		Connections: int(s.conns.Load()), InFlight: int(s.inFlight.Load()), MaxInFlight: int(s.maxInFlight.Load()),
		PerQuery: maps.Clone(s.perQuery),
	}
}

// Requests returns the requests that are remembered, in the order of arrival.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.kept...)
}

// Close breaks what is in flight, stops the server and waits for it.
func (s *Server) Close() error {
	err := s.http.Close()
	<-s.served
	return err
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	number := int(s.sends.Add(1)) - 1
	n := s.inFlight.Add(1)
	defer s.inFlight.Add(-1)
	for {
		most := s.maxInFlight.Load()
		if n <= most || s.maxInFlight.CompareAndSwap(most, n) {
			break
		}
	}
	verdict := s.bucket.take(now)
	if s.cfg.Fast {
		s.serveFast(w, r, verdict)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return // the client went away while it was sending
	}
	req := Request{Number: number, At: now, Method: r.Method, Path: r.URL.Path, RawQuery: r.URL.RawQuery, Header: r.Header, Body: body}
	var parseErr error
	req.Model, req.Query, parseErr = s.cfg.Dialect.Parse(r.URL.Path, body)
	kept := s.keep(&req)
	verdict.headers(w.Header(), s.cfg.Dialect)
	status := s.send(r.Context(), w, req, s.decide(r, req, verdict, parseErr))
	s.mu.Lock()
	defer s.mu.Unlock()
	if kept >= 0 {
		s.kept[kept].Status = status
	}
}

// decide chooses the reply: what the vendor itself refuses comes before the
// script.
func (s *Server) decide(r *http.Request, req Request, v verdict, parseErr error) Reply {
	switch {
	case v.refused:
		s.refused.Add(1)
		return Reply{Status: http.StatusTooManyRequests}
	case s.cfg.Key != "" && s.cfg.Dialect.Key(r.Header) != s.cfg.Key:
		return Reply{Status: http.StatusUnauthorized}
	case r.Method == http.MethodGet && s.cfg.Dialect.Models != nil:
		if reply := s.scripted(req); reply.Status != 0 || reply.Body != nil || reply.Fault != NoFault {
			return reply
		}
		return Reply{Body: s.cfg.Dialect.Models()}
	case r.Method != http.MethodPost:
		return Reply{Status: http.StatusMethodNotAllowed}
	case parseErr != nil:
		return Reply{Status: http.StatusBadRequest, Body: s.cfg.Dialect.Problem(http.StatusBadRequest, parseErr.Error())}
	}
	return s.scripted(req)
}

// scripted is what the script says, a success without one.
func (s *Server) scripted(req Request) Reply {
	s.mu.Lock()
	script := s.script
	s.mu.Unlock()
	if script == nil {
		return Reply{}
	}
	return script(req)
}

// keep counts the request for its query and remembers it; it returns the
// request's place, or -1.
func (s *Server) keep(req *Request) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen, known := s.perQuery[req.Query]
	req.Attempt = seen + 1
	if known || len(s.perQuery) < s.cfg.Keep {
		s.perQuery[req.Query] = req.Attempt
	}
	if len(s.kept) >= s.cfg.Keep {
		return -1
	}
	s.kept = append(s.kept, *req)
	return len(s.kept) - 1
}

func (s *Server) serveFast(w http.ResponseWriter, r *http.Request, v verdict) {
	_, _ = io.Copy(io.Discard, r.Body)
	h := w.Header()
	h["Content-Type"] = jsonType
	v.headers(h, s.cfg.Dialect)
	if v.refused {
		s.refused.Add(1)
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = w.Write(s.cfg.Dialect.Problem(http.StatusTooManyRequests, "slow down"))
		return
	}
	if sleep(r.Context(), s.latency()) != nil {
		return
	}
	_, _ = w.Write(s.fast)
}

func (s *Server) answer(req Request) string {
	if s.cfg.Answer != nil {
		return s.cfg.Answer(req)
	}
	return "You asked: " + req.Query
}

func (s *Server) latency() time.Duration {
	if s.cfg.Latency <= 0 || s.cfg.Sigma <= 0 {
		return s.cfg.Latency
	}
	s.mu.Lock()
	z := s.random.NormFloat64()
	s.mu.Unlock()
	return time.Duration(float64(s.cfg.Latency) * math.Exp(s.cfg.Sigma*z))
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
