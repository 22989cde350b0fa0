package report_test

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cortexlinux/cortex-host/core/report"
	"github.com/cortexlinux/cortex-host/sdk"
)

func Example() {
	recorder := report.New(report.Config{Started: time.Now()})
	// For each result, as it completes:
	recorder.Observe(&sdk.Result{
		QueryID: "q1", Attempts: 1, ExecutionTime: 800 * time.Millisecond,
		Response: &sdk.Response{Content: "42", Provider: "openai", Model: "gpt-5"},
	}, time.Now())

	file, err := os.Create(filepath.Join(os.TempDir(), "run.html"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.Remove(file.Name())
	if err := recorder.WritePage(file, report.Run{ID: "example"}); err != nil {
		fmt.Println(err)
	}
	fmt.Println(recorder.Totals().SuccessCount, "answered,", file.Close())
	// Output: 1 answered, <nil>
}
