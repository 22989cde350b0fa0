package journal_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/cortexlinux/cortex-host/core/journal"
	"github.com/cortexlinux/cortex-host/sdk"
)

// A run is interrupted after the first of two queries, and resumed.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	cfg := journal.Config{Dir: filepath.Join(dir, "runs")}
	plan := journal.Plan{
		Fixed:  []journal.Field{{Name: "model", Value: "gpt-5"}},
		Output: journal.Output{Path: filepath.Join(dir, "out.ndjson")},
	}
	queries := []sdk.Query{{ID: "one"}, {ID: "two"}}

	run, err := journal.Create(ctx, cfg, plan)
	if err != nil {
		log.Fatal(err)
	}
	work(run, queries, 1)
	if err := run.Close("interrupted"); err != nil {
		log.Fatal(err)
	}

	run, err = journal.Resume(ctx, cfg, run.ID(), plan, journal.Again{Failed: true, Pending: true})
	if err != nil {
		log.Fatal(err)
	}
	work(run, queries, 2)
	out, err := run.Finish(ctx)
	if err != nil {
		log.Fatal(err)
	}
	rows, err := os.ReadFile(out.Path)
	fmt.Printf("%s%d answered, %v\n", rows, out.Totals.Answered, err)
	// Output:
	// asking one
	// asking two
	// {"query_id":"one"}
	// {"query_id":"two"}
	// 2 answered, <nil>
}

// work is what the executor and the command do: it asks the first n queries
// that the journal admits.
func work(run *journal.Run, queries []sdk.Query, n int) {
	for i, q := range queries[:n] {
		ask, err := run.Admit(int64(i), &q)
		if err != nil {
			log.Fatal(err)
		}
		if !ask {
			continue
		}
		attempt := sdk.Attempt{Index: int64(i), QueryID: q.ID, Number: 1, Lane: "openai", Model: "gpt-5", Started: time.Now()}
		if err := run.AttemptStarted(attempt); err != nil {
			log.Fatal(err)
		}
		fmt.Println("asking", q.ID)
		if err := run.AttemptEnded(attempt); err != nil {
			log.Fatal(err)
		}
		result := sdk.Result{QueryID: q.ID, Index: int64(i), Response: &sdk.Response{}}
		if err := run.Settle(&result, fmt.Appendf(nil, "{\"query_id\":%q}\n", q.ID)); err != nil {
			log.Fatal(err)
		}
	}
}
