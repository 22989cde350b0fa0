package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A TracedAttempt is one call as the journal tells it: who made it, whom it
// asked, what came of it.
type TracedAttempt struct {
	QueryID string `json:"query_id"`
	Index   int64  `json:"index"`
	// Session is the number of the session, from 0; Attempt that of the call
	// within it, from 1.
	Session int       `json:"session"`
	Attempt int       `json:"attempt"`
	Started time.Time `json:"started"`
	// Model is the one asked for, ModelServed the one that answered.
	Model       string `json:"model,omitempty"`
	ModelServed string `json:"model_served,omitempty"`
	RequestID   string `json:"request_id,omitempty"`
	// Ended is false if the outcome is not known: the call was in flight when
	// the process died, or is now.
	Ended bool `json:"ended"`
	// Kind is what went wrong, empty for an answer.
	Kind sdk.Kind `json:"kind,omitempty"`
	// Duration is in seconds.
	Duration float64 `json:"duration"`
	// Cost and Tokens are what it used, nil if that is not known. Then the
	// budget counts what was reserved.
	Cost           *sdk.Money `json:"cost,omitempty"`
	Tokens         *int64     `json:"tokens,omitempty"`
	Reserved       *sdk.Money `json:"reserved,omitempty"`
	ReservedTokens int64      `json:"reserved_tokens,omitempty"`
	// Lane is who was asked, in which version and at what price. Of the origin
	// of the session only the name and hash of the generator are here.
	Lane            Lane   `json:"lane"`
	Host            string `json:"host,omitempty"`
	Generator       string `json:"generator,omitempty"`
	GeneratorSHA256 string `json:"generator_sha256,omitempty"`
}

// Attempts goes through all calls that a run's journal knows of, in the order
// in which they ended; those without a known outcome come last. With an id it
// goes through those of that query. An error is the last element. A run that
// is under way can be read too.
func Attempts(ctx context.Context, cfg Config, run, queryID string) iter.Seq2[TracedAttempt, error] {
	return func(yield func(TracedAttempt, error) bool) {
		if err := attempts(ctx, cfg, run, queryID, func(a TracedAttempt) bool { return yield(a, nil) }); err != nil {
			yield(TracedAttempt{}, err)
		}
	}
}

func attempts(ctx context.Context, cfg Config, run, queryID string, yield func(TracedAttempt) bool) error {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return err
	}
	if !validID(run) {
		return fmt.Errorf("run %q: %w", run, ErrNoRun)
	}
	path := cfg.journalPath(run)
	f, err := cfg.Disk.Open(path, OpenRead)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("run %s: %w", run, ErrNoRun)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	salt, err := readHead(f, path)
	if err != nil {
		return err
	}
	s, err := newScanner(f, salt)
	if err != nil {
		return err
	}
	t := tracer{id: queryID, session: -1, open: map[int64]TracedAttempt{}, yield: yield}
	if err := t.scan(ctx, s); err != nil {
		return fmt.Errorf("journal %s: %w", path, err)
	}
	return nil
}

// A tracer picks the calls of one query, or all of them, out of a journal.
type tracer struct {
	id      string // empty: all
	session int
	origin  Origin
	open    map[int64]TracedAttempt // calls without an outcome yet, by ordinal
	yield   func(TracedAttempt) bool
}

func (t *tracer) scan(ctx context.Context, s *scanner) error {
	for {
		body, err := s.next()
		if errors.Is(err, io.EOF) || errors.Is(err, errTorn) {
			t.leave()
			return nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		more, err := t.read(body)
		if err != nil || !more {
			return err
		}
	}
}

// read takes one record. It returns false when nobody wants more.
func (t *tracer) read(body []byte) (more bool, err error) {
	switch recordKind(body[0]) {
	case kindSession:
		var rec sessionRecord
		if err := decodeJSON(body, &rec); err != nil {
			return false, err
		}
		if !t.leave() {
			return false, nil
		}
		t.session++
		t.origin = rec.Origin
	case kindStarted:
		rec, err := decodeStarted(body)
		if err != nil {
			return false, err
		}
		if t.id == "" || rec.QueryID == t.id {
			t.open[rec.Index] = t.begun(&rec)
		}
	case kindEnded:
		rec, err := decodeEnded(body)
		if err != nil {
			return false, err
		}
		if a, ok := t.open[rec.Index]; ok {
			delete(t.open, rec.Index)
			a.end(&rec)
			return t.yield(a), nil
		}
	}
	return true, nil
}

// leave hands out the calls of a session that is over, or of the last one,
// whose outcome is not known.
func (t *tracer) leave() (more bool) {
	left := slices.SortedFunc(maps.Values(t.open), func(a, b TracedAttempt) int { return cmp.Compare(a.Index, b.Index) })
	clear(t.open)
	for _, a := range left {
		if !t.yield(a) {
			return false
		}
	}
	return true
}

func (t *tracer) begun(r *started) TracedAttempt {
	a := TracedAttempt{QueryID: r.QueryID, Index: r.Index, Session: t.session, Attempt: r.Number, Started: time.UnixMicro(r.At).UTC(),
		Model: r.Model, Reserved: r.Reserved, ReservedTokens: r.ReservedTokens, Lane: Lane{Name: r.Lane},
		Host: t.origin.Host, Generator: t.origin.Generator, GeneratorSHA256: t.origin.SHA256}
	for _, l := range t.origin.Lanes {
		if l.Name == r.Lane {
			a.Lane = l
		}
	}
	return a
}

func (a *TracedAttempt) end(r *ended) {
	a.Ended, a.Kind, a.Duration, a.Cost, a.RequestID = true, r.Kind, r.Duration.Seconds(), r.Cost, r.RequestID
	a.Tokens = r.Tokens
	if a.ModelServed = r.ModelServed; a.ModelServed == "" && r.Kind == "" {
		a.ModelServed = a.Model
	}
}
