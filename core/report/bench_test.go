package report_test

import (
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/core/report"
	"github.com/cortexlinux/cortex-host/sdk"
)

// Observe is on the way of every result.
func BenchmarkObserve(b *testing.B) {
	rec := report.New(report.Config{Started: began})
	r := sdk.Result{QueryID: "q", Attempts: 1, Response: &sdk.Response{Content: "all is well", Provider: "p", Model: "m", ModelServed: "m-1",
		Usage: &sdk.Usage{PromptTokens: 100, CompletionTokens: 50}, Cost: new(sdk.Money(7))}}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.ExecutionTime = time.Duration(1000+i%997) * time.Millisecond
		rec.Observe(&r, began.Add(time.Duration(i)*time.Millisecond))
	}
}
