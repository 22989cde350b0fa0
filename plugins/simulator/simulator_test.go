package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/cortexlinux/cortex-host/sdk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func configured(t testing.TB, settings string) *Provider {
	t.Helper()
	var s sdk.Settings
	if err := json.Unmarshal([]byte(settings), &s); err != nil {
		t.Fatal(err)
	}
	p := new(Provider)
	if err := p.Configure(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return p
}

func query(id string) *sdk.Query {
	return &sdk.Query{ID: id, Messages: []sdk.Message{{Role: sdk.User, Text: "twelve bytes"}}}
}

func TestAnswersSayThatTheyAreSimulated(t *testing.T) {
	p := configured(t, `{"completion_tokens": 1}`)
	r, err := p.Complete(t.Context(), query("q1"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.Content, "Simulated") || !strings.Contains(r.Content, "q1") || r.ModelServed != modelName {
		t.Errorf("got %+v", r)
	}
	if r.Usage.PromptTokens != 3 || r.Usage.CompletionTokens != 1 {
		t.Errorf("usage is %+v, want 3 and 1", *r.Usage)
	}
	if d := p.Describe(); !d.Local || !d.Free {
		t.Error("the simulator is local and free")
	}
}

func TestSameSeedSameRun(t *testing.T) {
	const settings = `{"seed": 42, "completion_tokens": 10, "completion_tokens_max": 500, "error_rates": {"overloaded": 0.3}}`
	run := func(settings string) (all []string) {
		p := configured(t, settings)
		for i := range 200 {
			r, err := p.Complete(t.Context(), query(fmt.Sprint("q", i)))
			if err != nil {
				all = append(all, err.Error())
			} else {
				all = append(all, fmt.Sprint(r.Usage.CompletionTokens))
			}
		}
		return all
	}
	first := run(settings)
	if !slices.Equal(first, run(settings)) {
		t.Error("two runs with one seed differ")
	}
	if slices.Equal(first, run(strings.Replace(settings, "42", "43", 1))) {
		t.Error("another seed changed nothing")
	}
}

func TestErrorRates(t *testing.T) {
	p := configured(t, `{"error_rates": {"overloaded": 0.2, "in_doubt": 0.1, "truncated": 0.1}, "error_retry_after": "3s"}`)
	got := map[sdk.Kind]int{}
	const n = 5000
	for i := range n {
		r, err := p.Complete(t.Context(), query(fmt.Sprint(i)))
		var e *sdk.Error
		switch {
		case errors.As(err, &e):
			got[e.Kind]++
			if (e.RetryAfter != nil) != (e.Kind == sdk.Overloaded) {
				t.Fatalf("%s has retry-after %v", e.Kind, e.RetryAfter)
			}
		case r.FinishReason == sdk.Length:
			got[sdk.Truncated]++
		}
	}
	for kind, want := range map[sdk.Kind]float64{sdk.Overloaded: 0.2, sdk.InDoubt: 0.1, sdk.Truncated: 0.1} {
		if rate := float64(got[kind]) / n; math.Abs(rate-want) > 0.03 {
			t.Errorf("%s: %.3f of the calls, want %.3f", kind, rate, want)
		}
	}
}

func TestAFailedQueryIsDrawnAgain(t *testing.T) {
	p := configured(t, `{"error_rates": {"overloaded": 0.5}}`)
	for i := range 100 {
		tries := 1
		for ; tries < 40; tries++ {
			if _, err := p.Complete(t.Context(), query(fmt.Sprint(i))); err == nil {
				break
			}
		}
		if tries == 40 {
			t.Fatalf("query %d failed 40 times at a rate of one half", i)
		}
	}
}

func TestLatencies(t *testing.T) {
	for _, c := range []struct {
		settings               string
		least, median, longest time.Duration
	}{
		{`{"latency": "100ms"}`, 100 * time.Millisecond, 100 * time.Millisecond, 100 * time.Millisecond},
		{`{"latency": "100ms", "latency_distribution": "uniform", "latency_spread": 0.2}`, 80 * time.Millisecond, 100 * time.Millisecond, 120 * time.Millisecond},
		{`{"latency": "100ms", "latency_distribution": "exponential"}`, 0, 69 * time.Millisecond, 2 * time.Second},
		{`{"latency": "100ms", "latency_distribution": "lognormal"}`, 0, 100 * time.Millisecond, 2 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := configured(t, c.settings)
			var all []time.Duration
			for i := range 1000 {
				r, err := p.Complete(t.Context(), query(fmt.Sprint(i)))
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, r.Latency)
			}
			slices.Sort(all)
			if all[0] < c.least || all[999] > c.longest {
				t.Errorf("%s: from %v to %v", c.settings, all[0], all[999])
			}
			if off := float64(all[500]-c.median) / float64(c.median); math.Abs(off) > 0.12 {
				t.Errorf("%s: the median is %v, want %v", c.settings, all[500], c.median)
			}
		})
	}
}

// The limits keep the promise that a vendor's keep: at most burst + rate*t in
// any window, and a client that waits as told is admitted.
func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := configured(t, `{"requests_per_second": 10, "burst": 2}`)
		began, sent := time.Now(), 0
		for sent < 100 {
			r, err := p.Complete(t.Context(), query(fmt.Sprint(sent)))
			var e *sdk.Error
			switch {
			case err == nil:
				sent++
				if w := r.RateLimit.Requests; *w.Limit != 2 || *w.Remaining < 0 || *w.Reset <= 0 {
					t.Fatalf("headers say %d, %d, %v", *w.Limit, *w.Remaining, *w.Reset)
				}
			case errors.As(err, &e) && e.Kind == sdk.RateLimited && e.Status == 429 && e.RetryAfter != nil && e.RateLimit != nil:
				time.Sleep(*e.RetryAfter)
			default:
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took < 9800*time.Millisecond || took > 9900*time.Millisecond {
			t.Errorf("100 calls took %v, want 9.8s", took)
		}
	})
}

func TestTokenLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := configured(t, `{"tokens_per_minute": 600, "completion_tokens": 290, "prompt_tokens": 10, "rate_limit_headers": false}`)
		for i := range 2 {
			if r, err := p.Complete(t.Context(), query(fmt.Sprint(i))); err != nil || r.RateLimit != nil {
				t.Fatal(r, err)
			}
		}
		_, err := p.Complete(t.Context(), query("third"))
		var e *sdk.Error
		if !errors.As(err, &e) || e.Kind != sdk.RateLimited || e.RetryAfter == nil || *e.RetryAfter != 30*time.Second {
			t.Errorf("got %v, want a wait of 30s", err)
		}
		p = configured(t, `{"tokens_per_minute": 10}`)
		if _, err := p.Complete(t.Context(), query("large")); !errors.Is(err, sdk.InvalidRequest) {
			t.Errorf("got %v for a call that never fits", err)
		}
	})
}

func TestConcurrencyLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := configured(t, `{"max_concurrent": 3, "latency": "1s"}`)
		var calls sync.WaitGroup
		for i := range 3 {
			calls.Go(func() {
				if _, err := p.Complete(t.Context(), query(fmt.Sprint(i))); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if _, err := p.Complete(t.Context(), query("fourth")); !errors.Is(err, sdk.RateLimited) {
			t.Errorf("the fourth call at once: %v", err)
		}
		calls.Wait()
		if _, err := p.Complete(t.Context(), query("later")); err != nil {
			t.Errorf("a later call: %v", err)
		}
	})
}

func TestMaxTokensCuts(t *testing.T) {
	p, few := configured(t, `{"completion_tokens": 100}`), 20
	q := query("q")
	q.MaxTokens = &few
	r, err := p.Complete(t.Context(), q)
	if err != nil || r.FinishReason != sdk.Length || r.Usage.CompletionTokens != 20 || len(r.Content) > 80 {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := configured(t, `{"latency": "1h"}`)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := p.Complete(ctx, query("q")); !errors.Is(err, sdk.InDoubt) {
			t.Errorf("got %v", err)
		}
	})
}

func BenchmarkComplete(b *testing.B) {
	p, q := configured(b, `{"requests_per_second": 1000000, "burst": 1000000}`), query("q")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_, _ = p.Complete(b.Context(), q)
		}
	})
}
