package executor_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

// A ledger is a Recorder in memory.
type ledger struct {
	mu      sync.Mutex
	skip    func(index int64) bool
	full    func(a sdk.Attempt) bool // no attempt can be recorded any more
	started []sdk.Attempt
	ended   []sdk.Attempt
}

var errFull = errors.New("disk full")

func (l *ledger) Admit(index int64, _ *sdk.Query) (bool, error) {
	return l.skip == nil || !l.skip(index), nil
}

func (l *ledger) AttemptStarted(a sdk.Attempt) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full != nil && l.full(a) {
		return errFull
	}
	l.started = append(l.started, a)
	return nil
}

func (l *ledger) AttemptEnded(a sdk.Attempt) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = append(l.ended, a)
	return nil
}

func TestRecorderSkips(t *testing.T) {
	p := &fake{}
	l := &ledger{skip: func(i int64) bool { return i%2 == 0 }}
	s, err := newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", p)}, Recorder: l}).Run(context.Background(), stream(100), nil)
	if err != nil || s.SuccessCount != 50 || s.SkippedCount != 50 || p.count() != 50 || s.Predicted.Queries != 50 {
		t.Errorf("%+v, error %v, %d calls", s, err, p.count())
	}
	for _, a := range l.started {
		if a.Index%2 == 0 {
			t.Errorf("query %d was asked", a.Index)
		}
	}
}

// Whatever is sent has its record before, and an outcome after; when the record
// cannot be written, nothing more is sent.
func TestNothingIsSentThatCannotBeRecorded(t *testing.T) {
	p := &fake{}
	l := &ledger{full: func(a sdk.Attempt) bool { return a.Index >= 10 }}
	s, err := newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", p)}, Recorder: l}).Run(context.Background(), stream(1000), nil)
	if !errors.Is(err, errFull) || s.Stopped == "" {
		t.Errorf("error %v, stopped %q", err, s.Stopped)
	}
	if p.count() != len(l.started) || len(l.ended) != len(l.started) || p.count() != s.Attempts {
		t.Errorf("%d calls, %d recorded before, %d after, %d attempts", p.count(), len(l.started), len(l.ended), s.Attempts)
	}
	for _, c := range p.calls {
		if len(c.id) > 2 {
			t.Errorf("query %s was asked", c.id)
		}
	}
}

// The record has the bound of each call, and what came of it, with and without
// a budget: a later session may have one.
func TestRecordOfWhatAttemptsUse(t *testing.T) {
	p := &fake{do: func(_ context.Context, q *sdk.Query, n int) (*sdk.Response, error) {
		switch n {
		case 1:
			return nil, &sdk.Error{Kind: sdk.InDoubt}
		case 2:
			return nil, &sdk.Error{Kind: sdk.RateLimited}
		}
		return answer(q), nil
	}}
	l := &ledger{}
	e := newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", p)}, Recorder: l, Prices: book(1, 1), MaxConcurrent: 1})
	if _, err := e.Run(context.Background(), func(yield func(sdk.Query, error) bool) { yield(bounded(1, 100)[0], nil) }, nil); err != nil {
		t.Fatal(err)
	}
	for i, want := range []*int64{nil, new(int64(0)), new(int64(15))} {
		a := l.ended[i]
		if l.started[i].Reserved == nil || l.started[i].ReservedTokens < 100 {
			t.Errorf("call %d has no bound: %+v", i+1, l.started[i])
		}
		if (a.Tokens == nil) != (want == nil) || want != nil && *a.Tokens != *want {
			t.Errorf("call %d used %v tokens", i+1, a.Tokens)
		}
		if (a.Cost == nil) != (want == nil) || want != nil && *a.Cost != sdk.MoneyFromUSD(float64(*want)/1e6) {
			t.Errorf("call %d cost %v", i+1, a.Cost)
		}
	}
}
