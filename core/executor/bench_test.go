package executor_test

import (
	"context"
	"testing"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

// BenchmarkRun measures what the executor itself costs a query: the provider
// answers at once.
func BenchmarkRun(b *testing.B) {
	for name, rate := range map[string]float64{"unlimited": 0, "limited": 1e9} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			p := sdk.ProviderFunc(func(_ context.Context, q *sdk.Query) (*sdk.Response, error) { return answer(q), nil })
			e, err := executor.New(executor.Config{Lanes: []route.Lane{local("a", p)}, MaxConcurrent: 256, RequestsPerSecond: &rate})
			if err != nil {
				b.Fatal(err)
			}
			q := query("x")
			_, err = e.Run(context.Background(), func(yield func(sdk.Query, error) bool) {
				for range b.N {
					if !yield(q, nil) {
						return
					}
				}
			}, func(sdk.Result) error { return nil })
			if err != nil {
				b.Fatal(err)
			}
		})
	}
}

// A query takes the memory of an earlier one.
func TestAQueryTakesNoMemoryOfItsOwn(t *testing.T) {
	const n = 5000
	resp := &sdk.Response{FinishReason: sdk.Stop}
	p := sdk.ProviderFunc(func(context.Context, *sdk.Query) (*sdk.Response, error) { return resp, nil })
	e := newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", p)}, MaxConcurrent: 1})
	q := query("x")
	got := testing.AllocsPerRun(3, func() {
		_, err := e.Run(context.Background(), func(yield func(sdk.Query, error) bool) {
			for range n {
				if !yield(q, nil) {
					return
				}
			}
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
	})
	if got > n/2 {
		t.Errorf("%v allocations for each query", got/n)
	}
}
