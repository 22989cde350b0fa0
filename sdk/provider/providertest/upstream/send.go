package upstream

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"time"
)

const slowPace = 20 * time.Millisecond

var (
	jsonType = []string{"application/json"}
	// silent swallows net/http's log lines: broken connections are what this
	// server is for.
	silent = log.New(io.Discard, "", 0)
)

// send writes the reply and returns its status, 0 for a broken connection.
func (s *Server) send(ctx context.Context, w http.ResponseWriter, req Request, reply Reply) int {
	if sleep(ctx, s.latency()+reply.Delay) != nil {
		return 0
	}
	if reply.Status == 0 {
		reply.Status = http.StatusOK
	}
	if reply.Body == nil {
		reply.Body = s.body(req, reply.Status)
	}
	switch reply.Fault {
	case Hang:
		<-ctx.Done()
		return 0
	case ResetBefore:
		hangUp(w, true)
		return 0
	case CutJSON:
		reply.Body = reply.Body[:len(reply.Body)/2]
	}
	h := w.Header()
	h["Content-Type"] = jsonType
	h.Set("X-Request-Id", "req-"+strconv.Itoa(req.Number))
	for name, values := range reply.Header {
		h[http.CanonicalHeaderKey(name)] = values
	}
	if reply.Fault != Endless {
		h.Set("Content-Length", strconv.Itoa(len(reply.Body)))
	}
	w.WriteHeader(reply.Status)
	writeBody(ctx, w, reply)
	return reply.Status
}

func (s *Server) body(req Request, status int) []byte {
	if status >= 400 {
		return s.cfg.Dialect.Problem(status, "mock vendor: "+http.StatusText(status))
	}
	return s.cfg.Dialect.Answer(req.Model, s.answer(req))
}

func writeBody(ctx context.Context, w http.ResponseWriter, reply Reply) {
	flush := func() { _ = http.NewResponseController(w).Flush() }
	switch reply.Fault {
	case ResetInside, CloseInside:
		_, _ = w.Write(reply.Body[:len(reply.Body)/2])
		flush()
		// Time for the first half to arrive: a reset overtakes it otherwise.
		_ = sleep(ctx, slowPace)
		hangUp(w, reply.Fault == ResetInside)
	case SlowBytes:
		for i := range reply.Body {
			if _, err := w.Write(reply.Body[i : i+1]); err != nil || sleep(ctx, slowPace) != nil {
				return
			}
			flush()
		}
	case Endless:
		chunk := bytes.Repeat([]byte(" "), 64<<10)
		for ctx.Err() == nil {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	default:
		_, _ = w.Write(reply.Body)
	}
}

// hangUp takes the connection away from net/http and ends it: with a TCP reset,
// or in an orderly way.
func hangUp(w http.ResponseWriter, reset bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	raw := conn
	if t, ok := conn.(*tls.Conn); ok {
		raw = t.NetConn()
	}
	if tcp, ok := raw.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	raw.Close()
}
