package upstream

import (
	"net/http"
	"sync/atomic"
	"time"
)

// A Request is one request as the vendor saw it.
type Request struct {
	// Number counts all requests from 0, in the order of arrival.
	Number int
	// Query is the text of the last message, by which a query is recognised.
	Query string
	// Attempt counts the requests of this query from 1.
	Attempt int
	// Model is the model asked for.
	Model string
	// At is when the request's header had been read.
	At time.Time
	// Method, Path, RawQuery, Header and Body are the request itself.
	Method, Path, RawQuery string
	Header                 http.Header
	Body                   []byte
	// Status is what was answered: 0 if the connection was broken instead.
	// Set in [Server.Requests] only.
	Status int
}

// A Reply is what the script wants to be answered. The zero value is a success.
type Reply struct {
	// Status is the HTTP status; 0 is 200.
	Status int
	// Header is added to the reply.
	Header http.Header
	// Body is sent as it is. Nil is the dialect's: an answer below status 400,
	// else an error body that suits the status.
	Body []byte
	// Delay is waited for on top of the latency.
	Delay time.Duration
	// Fault breaks the reply.
	Fault Fault
}

// A Fault is a way to break a reply.
type Fault int

// The faults.
const (
	// NoFault sends the reply as it is.
	NoFault Fault = iota
	// Hang reads the request and never answers; it ends when the client goes.
	Hang
	// ResetBefore resets the connection before the first byte of the reply.
	ResetBefore
	// ResetInside resets the connection in the middle of the body.
	ResetInside
	// CloseInside closes the connection in the middle of the body.
	CloseInside
	// CutJSON sends a well-formed reply whose body ends in the middle.
	CutJSON
	// SlowBytes sends the body byte by byte, 20 ms apart.
	SlowBytes
	// Endless sends a body that never ends.
	Endless
)

// Sequence is a script: the first request gets the first reply and so on; when
// they are used up, every request is answered.
func Sequence(replies ...Reply) func(Request) Reply {
	var next atomic.Int64
	return func(Request) Reply {
		if i := int(next.Add(1)) - 1; i < len(replies) {
			return replies[i]
		}
		return Reply{}
	}
}

// Always is a script that gives every request the same reply.
func Always(reply Reply) func(Request) Reply {
	return func(Request) Reply { return reply }
}

// PerQuery is a script that gives each query's first attempts these replies;
// later attempts are answered.
func PerQuery(replies ...Reply) func(Request) Reply {
	return func(r Request) Reply {
		if r.Attempt <= len(replies) {
			return replies[r.Attempt-1]
		}
		return Reply{}
	}
}
