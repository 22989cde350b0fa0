package metrics_test

import (
	"context"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/executor/metrics"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

func TestMetricsEqualStatistics(t *testing.T) {
	p := sdk.ProviderFunc(func(_ context.Context, q *sdk.Query) (*sdk.Response, error) {
		if q.ID == "bad" {
			return nil, &sdk.Error{Kind: sdk.NotFound}
		}
		return &sdk.Response{Content: "x", Usage: &sdk.Usage{PromptTokens: 7, CompletionTokens: 3}}, nil
	})
	e, err := executor.New(executor.Config{Lanes: []route.Lane{{Name: "a", Model: "m", Provider: p, Local: true, Free: true}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"x", "y", "bad"} {
		e.Submit(context.Background(), sdk.Query{ID: id, Messages: []sdk.Message{{Role: sdk.User, Text: "?"}}})
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(metrics.New(e))
	want := `
# HELP cortex_host_attempts_total Calls to the provider.
# TYPE cortex_host_attempts_total counter
cortex_host_attempts_total{lane="a",model="m"} 3
# HELP cortex_host_failed_attempts_total Calls that failed.
# TYPE cortex_host_failed_attempts_total counter
cortex_host_failed_attempts_total{kind="not_found",lane="a",model="m"} 1
# HELP cortex_host_tokens_total Tokens that the provider reported.
# TYPE cortex_host_tokens_total counter
cortex_host_tokens_total{kind="cache_write",lane="a",model="m"} 0
cortex_host_tokens_total{kind="cached",lane="a",model="m"} 0
cortex_host_tokens_total{kind="completion",lane="a",model="m"} 6
cortex_host_tokens_total{kind="prompt",lane="a",model="m"} 14
cortex_host_tokens_total{kind="reasoning",lane="a",model="m"} 0
`
	err = testutil.GatherAndCompare(registry, strings.NewReader(want),
		"cortex_host_attempts_total", "cortex_host_failed_attempts_total", "cortex_host_tokens_total")
	if err != nil {
		t.Error(err)
	}
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
}
