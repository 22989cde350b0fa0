package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A Trace is where one row comes from.
type Trace struct {
	Attempts []TracedAttempt `json:"attempts"`
	// Settled says how the query ended: "answered", "degraded" or the kind of
	// the failure; empty if it has no row.
	Settled string `json:"settled,omitempty"`
}

// A TracedAttempt is a call, by whom and from which session.
type TracedAttempt struct {
	sdk.Attempt
	// Ended is false if the outcome is not known.
	Ended bool `json:"ended"`
	// Session is the number of the session, from 0; Origin says who worked in
	// it: versions, models, prices.
	Session int    `json:"session"`
	Origin  Origin `json:"origin"`
}

// TraceQuery finds all that a run's journal knows of the query with this id.
func TraceQuery(ctx context.Context, cfg Config, run, queryID string) (Trace, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return Trace{}, err
	}
	if !validID(run) {
		return Trace{}, fmt.Errorf("run %q: %w", run, ErrNoRun)
	}
	path := cfg.journalPath(run)
	f, err := cfg.Disk.Open(path, OpenRead)
	if errors.Is(err, fs.ErrNotExist) {
		return Trace{}, fmt.Errorf("run %s: %w", run, ErrNoRun)
	}
	if err != nil {
		return Trace{}, err
	}
	defer f.Close()
	salt, err := readHead(f, path)
	if err != nil {
		return Trace{}, err
	}
	s, err := newScanner(f, salt)
	if err != nil {
		return Trace{}, err
	}
	t := tracer{id: queryID, index: -1, session: -1}
	for {
		body, err := s.next()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, errTorn):
			return t.Trace, nil
		case err == nil:
			err = ctx.Err()
		}
		if err == nil {
			err = t.read(body)
		}
		if err != nil {
			return Trace{}, fmt.Errorf("journal %s: %w", path, err)
		}
	}
}

// A tracer picks the records of one query.
type tracer struct {
	Trace
	id      string
	index   int64 // -1 until its first attempt tells it
	session int
	origin  Origin
}

func (t *tracer) read(body []byte) error {
	switch recordKind(body[0]) {
	case kindSession:
		var rec sessionRecord
		if err := decodeJSON(body, &rec); err != nil {
			return err
		}
		t.session++
		t.origin = rec.Origin
	case kindStarted:
		rec, err := decodeStarted(body)
		if err != nil || rec.QueryID != t.id {
			return err
		}
		t.index = rec.Index
		t.Attempts = append(t.Attempts, TracedAttempt{Session: t.session, Origin: t.origin, Attempt: sdk.Attempt{
			Index: rec.Index, QueryID: rec.QueryID, Number: rec.Number, Lane: rec.Lane, Model: rec.Model,
			Started: time.UnixMicro(rec.At), Reserved: rec.Reserved}})
	case kindEnded:
		rec, err := decodeEnded(body)
		if err != nil || rec.Index != t.index {
			return err
		}
		a := &t.Attempts[len(t.Attempts)-1]
		a.Ended, a.Duration, a.Kind, a.Cost, a.RequestID = true, rec.Duration, rec.Kind, rec.Cost, rec.RequestID
		if a.ModelServed = rec.ModelServed; a.ModelServed == "" && rec.Kind == "" {
			a.ModelServed = a.Model
		}
	case kindAnswered, kindHeld:
		rec, err := decodeSettled(body)
		if err != nil || rec.Index != t.index {
			return err
		}
		t.Settled = rec.Class.String()
	}
	return nil
}
