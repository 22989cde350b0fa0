package executor_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/price"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

// whispering answers no question in the form that it asks for, unless it is
// asked again, and notes when it was asked.
type whispering struct {
	mu sync.Mutex
	at []time.Time
}

func (w *whispering) Complete(_ context.Context, q *sdk.Query) (*sdk.Response, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = append(w.at, time.Now())
	r := answer(q)
	r.Content = "yes"
	if len(q.Messages) == 2 {
		r.Content = "YES"
	}
	return r, nil
}

func shouting(n int) []sdk.Query {
	list := bounded(n, 5)
	for i := range list {
		list[i].ResponseFormat = &sdk.ResponseFormat{Name: "shout", Schema: json.RawMessage("{}")}
	}
	return list
}

// A question that repairs an answer is one more send: it waits for its turn in
// the rate.
func TestARepairKeepsToTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(whispering)
		e := newExecutor(t, executor.Config{Lanes: []route.Lane{{Name: "a", Provider: w, Free: true}}, Checker: shout{}, RequestsPerSecond: new(1.0), Burst: 1})
		b := batch(t, e, shouting(10))
		if b.SuccessCount != 10 || len(w.at) != 20 {
			t.Fatalf("%d answered, %d sends", b.SuccessCount, len(w.at))
		}
		for i := 1; i < len(w.at); i++ {
			if gap := w.at[i].Sub(w.at[i-1]); gap < time.Second-time.Microsecond {
				t.Errorf("send %d came %v after the one before", i, gap)
			}
		}
	})
}

// It is paid from the budget, and not asked if that does not suffice: then the
// answer that could be had is kept, with what it cost.
func TestARepairIsPaidFromTheBudget(t *testing.T) {
	for name, c := range map[string]struct {
		tokens int64
		sends  int
		ok     bool
	}{
		"enough":     {10_000, 2, true},
		"not enough": {1095, 1, false}, // one call may use 1,058, the repair 1,089
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := new(whispering)
				lane := route.Lane{Name: "a", Provider: w, Model: "m"}
				e := newExecutor(t, executor.Config{Lanes: []route.Lane{lane}, Checker: shout{}, Prices: book(1, 2), Budget: price.Limits{MaxTokens: c.tokens}})
				r := e.Submit(context.Background(), shouting(1)[0])
				if len(w.at) != c.sends || r.Success() != c.ok || r.Response == nil || r.Attempts != c.sends {
					t.Fatalf("%d sends: %+v", len(w.at), r)
				}
				if total := r.Response.Usage.TotalTokens(); total != int64(15*c.sends) {
					t.Errorf("%d tokens are counted of %d sends", total, c.sends)
				}
				if want := sdk.MoneyFromUSD(float64(c.sends) * (10*1 + 5*2) / 1e6); r.Response.Cost == nil || *r.Response.Cost != want {
					t.Errorf("cost %v, want %v", r.Response.Cost, want)
				}
				if !c.ok && !errors.Is(r.Error, sdk.BadResponse) && !errors.Is(r.Error, sdk.BudgetExhausted) {
					t.Errorf("got %v", r.Error)
				}
			})
		})
	}
}
