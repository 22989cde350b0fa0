package report_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/report"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

// A run of the executor, with retries, failures and replies cut short: the page
// and the summary tell the same.
func TestPageOfARealRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider := sdk.ProviderFunc(func(_ context.Context, q *sdk.Query) (*sdk.Response, error) {
			time.Sleep(time.Second)
			n := len(q.Messages[0].Text)
			usage := &sdk.Usage{PromptTokens: int64(n), CompletionTokens: 7}
			switch n % 10 {
			case 3:
				return nil, &sdk.Error{Kind: sdk.InDoubt, Message: "reset", Usage: usage}
			case 5:
				return nil, sdk.Errorf(sdk.InvalidRequest, "no")
			case 7:
				return &sdk.Response{Content: "cut", Usage: usage, Cost: new(sdk.Money(5)), FinishReason: sdk.Length}, nil
			}
			return &sdk.Response{Content: "yes", Usage: usage, Cost: new(sdk.Money(n))}, nil
		})
		exec, err := executor.New(executor.Config{MaxConcurrent: 8, Lanes: []route.Lane{{Name: "vendor", Model: "m", Provider: provider, Local: true}}})
		if err != nil {
			t.Fatal(err)
		}
		rec := report.New(report.Config{Started: time.Now()})
		queries := func(yield func(sdk.Query, error) bool) {
			for i := range 60 {
				q := sdk.Query{ID: fmt.Sprint(i), Messages: []sdk.Message{{Role: sdk.User, Text: fmt.Sprintf("%*d", i+1, i)}}}
				if !yield(q, nil) {
					return
				}
			}
		}
		summary, err := exec.Run(t.Context(), queries, func(r sdk.Result) error {
			rec.Observe(&r, time.Now())
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		totals := report.Totals{
			SuccessCount: summary.SuccessCount, FailureCount: summary.FailureCount, TruncatedCount: summary.TruncatedCount,
			DegradedCount: summary.DegradedCount, Attempts: summary.Attempts, Tokens: summary.Tokens,
			Cost: summary.Cost, UnknownCosts: summary.UnknownCosts,
		}
		page := pageOf(t, rec, report.Run{ID: "real", TotalTime: summary.TotalTime, Totals: &totals})
		cost, err := summary.Cost.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		for id, want := range map[string]string{
			"success_count": fmt.Sprint(summary.SuccessCount), "failure_count": fmt.Sprint(summary.FailureCount), "attempts": fmt.Sprint(summary.Attempts),
			"total_tokens": fmt.Sprint(summary.TotalTokens), "total_cost": string(cost), "total_time": fmt.Sprint(summary.TotalTime.Seconds()),
		} {
			if got := number(t, page, id); got != want {
				t.Errorf("%s is %s on the page, %s in the summary", id, got, want)
			}
		}
		if summary.Attempts <= summary.SuccessCount+summary.FailureCount {
			t.Error("nothing was retried: the test proves too little")
		}
		if got := rec.Totals(); got.SuccessCount != summary.SuccessCount || got.TruncatedCount != summary.TruncatedCount || got.Attempts != summary.Attempts {
			t.Errorf("the recorder counts %+v, the summary %+v", got, summary.Totals)
		}
	})
}
