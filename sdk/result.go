package sdk

import (
	"encoding/json"
	"time"
)

// A Result is the outcome of one query: one row of a run.
//
// It has a Response, or an Error, or both: a reply that was cut short, filtered
// or refused is an error that keeps the text that came.
type Result struct {
	// QueryID is the id of the query.
	QueryID string
	// Index is the position of the query in the input, from 0.
	Index int64
	// Response is nil if no reply came.
	Response *Response
	// Error is nil on success.
	Error *Error
	// Attempts counts the calls that were started: 1 if the first succeeded, 0
	// if none was allowed to start.
	Attempts int
	// ExecutionTime runs from the start of the first attempt to the end of the
	// last, with the waits between them.
	ExecutionTime time.Duration
	// Degraded marks an answer from a fallback lane.
	Degraded bool
	// PossiblyBilled marks a query of which at least one attempt failed after
	// it may have been paid for.
	PossiblyBilled bool
	// Metadata is the query's.
	Metadata map[string]string
	// Generator is the SHA-256 (hex) of the module that made the query, or
	// empty.
	Generator string
}

// Success reports whether the query was answered in full.
func (r *Result) Success() bool { return r.Error == nil && r.Response != nil }

// Truncated reports whether the reply was cut short.
func (r *Result) Truncated() bool { return r.Error != nil && r.Error.Kind == Truncated }

type resultJSON struct {
	QueryID        string            `json:"query_id"`
	Index          int64             `json:"index"`
	Response       *Response         `json:"response,omitempty"`
	Error          *Error            `json:"error,omitempty"`
	Attempts       int               `json:"attempts"`
	ExecutionTime  float64           `json:"execution_time"`
	Truncated      bool              `json:"truncated,omitempty"`
	Degraded       bool              `json:"degraded,omitempty"`
	PossiblyBilled bool              `json:"possibly_billed,omitempty"`
	Metadata       map[string]string `json:"metadata,omitempty"`
	Generator      string            `json:"generator_sha256,omitempty"`
}

// MarshalJSON writes the row: durations in seconds, money in dollars.
func (r Result) MarshalJSON() ([]byte, error) { return r.AppendJSON(nil), nil }

// UnmarshalJSON reads what MarshalJSON writes and ignores what it does not know.
func (r *Result) UnmarshalJSON(data []byte) error {
	var w resultJSON
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*r = Result{QueryID: w.QueryID, Index: w.Index, Response: w.Response, Error: w.Error, Attempts: w.Attempts,
		ExecutionTime: duration(w.ExecutionTime), Degraded: w.Degraded, PossiblyBilled: w.PossiblyBilled,
		Metadata: w.Metadata, Generator: w.Generator}
	return nil
}
