package executor_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

// With no lane left a run ends at once: a million queries are not read only to
// be refused.
func TestRunEndsWhenNoLaneIsLeft(t *testing.T) {
	for _, kind := range []sdk.Kind{sdk.Unauthenticated, sdk.PermissionDenied, sdk.QuotaExhausted} {
		synctest.Test(t, func(t *testing.T) {
			var read atomic.Int64
			input := func(yield func(sdk.Query, error) bool) {
				for q, err := range stream(1_000_000) {
					if read.Add(1); !yield(q, err) {
						return
					}
				}
			}
			p := failing(1_000_000, &sdk.Error{Kind: kind})
			s, err := newExecutor(t, lanes(local("a", p))).Run(context.Background(), input, nil)
			var stopped *executor.LanesStoppedError
			if !errors.As(err, &stopped) || stopped.Last.Kind != kind || s.Stopped == "" {
				t.Errorf("%s: error %v, stopped %q", kind, err, s.Stopped)
			}
			if n := read.Load(); n > 1000 || p.count() != 1 {
				t.Errorf("%s: %d queries were read, %d calls made", kind, n, p.count())
			}
		})
	}
}

// One lane that is stopped ends nothing for the others.
func TestRunGoesOnWhileALaneIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := failing(1_000_000, &sdk.Error{Kind: sdk.QuotaExhausted}), &fake{}
		e := newExecutor(t, executor.Config{
			Lanes:  []route.Lane{local("a", a), local("b", b)},
			Routes: route.Table{sdk.UserChat: {"a"}, sdk.SystemOperation: {"b"}},
		})
		qs := queries(1000)
		for i := range qs {
			if i >= 500 {
				qs[i].TaskType = sdk.SystemOperation
			}
		}
		out := batch(t, e, qs)
		if out.SuccessCount != 500 || a.count() != 1 {
			t.Errorf("%d answered, %d calls of the stopped lane", out.SuccessCount, a.count())
		}
		if r := out.Results[400]; r.Error.Kind != sdk.LaneStopped || r.Error.Provider != "a" {
			t.Errorf("result %+v", r)
		}
	})
}

// A query that met the wrong key itself has not ended the run early.
func TestLastQueryMeetsTheWrongKey(t *testing.T) {
	e := newExecutor(t, lanes(local("a", failing(9, &sdk.Error{Kind: sdk.Unauthenticated}))))
	b := batch(t, e, queries(1))
	if b.Results[0].Error.Kind != sdk.Unauthenticated || b.Stopped != "" {
		t.Errorf("%+v, stopped %q", b.Results[0], b.Stopped)
	}
}

// A run that too many failures end while a lane is given up has one result for
// each of its queries, those that waited in that lane too.
func TestRunIsAbortedWhileALaneIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &fake{do: func(context.Context, *sdk.Query, int) (*sdk.Response, error) {
			time.Sleep(time.Second) // until all have been read
			return nil, &sdk.Error{Kind: sdk.QuotaExhausted}
		}}
		e := newExecutor(t, executor.Config{
			Lanes:      []route.Lane{local("a", a), local("b", taking(time.Hour))},
			Routes:     route.Table{sdk.UserChat: {"a"}, sdk.SystemOperation: {"b"}},
			AbortAfter: 3, Drain: -1,
		})
		input := func(yield func(sdk.Query, error) bool) {
			for i, q := range queries(100) {
				if i == 0 {
					q.TaskType = sdk.SystemOperation
				}
				if !yield(q, nil) {
					return
				}
			}
		}
		results := map[string]int{}
		_, err := e.Run(context.Background(), input, func(r sdk.Result) error {
			results[r.QueryID]++
			return nil
		})
		aborted, ok := errors.AsType[*executor.AbortError](err)
		if !ok || aborted.Failures != 3 || aborted.Last.Kind != sdk.LaneStopped {
			t.Errorf("error %v", err)
		}
		for _, q := range queries(100) {
			if results[q.ID] != 1 {
				t.Errorf("%s has %d results", q.ID, results[q.ID])
			}
		}
	})
}
