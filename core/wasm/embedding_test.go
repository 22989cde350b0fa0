//go:build !race

package wasm_test // all of it happens in other processes, which the race detector only makes slow

import (
	"context"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/core/wasm"
	"github.com/cortexlinux/cortex-host/sdk"
)

// patient is for a machine that is busy; the zero value does for a program.
func patient() wasm.Config {
	return wasm.Config{CacheDir: sharedCache, Limits: wasm.Limits{CompileTimeout: 10 * time.Minute}}
}

// queriesOf returns the queries that a generator makes of items. A program opens
// a file: wasm.Open("bin/generators/package.wasm").
func queriesOf(generator string, items ...string) []sdk.Query {
	runner, err := wasm.NewRunner(patient())
	if err != nil {
		log.Fatal(err)
	}
	module, err := buildGenerator(generator)
	if err != nil {
		log.Fatal(err)
	}
	var queries []sdk.Query
	for query, err := range runner.Generate(context.Background(), module, wasm.Request{Items: wasm.Texts(items...)}) {
		if err != nil {
			log.Fatal(err)
		}
		queries = append(queries, query)
	}
	return queries
}

// mine is a provider of one's own: it answers with what a query is about.
var mine = sdk.ProviderFunc(func(_ context.Context, q *sdk.Query) (*sdk.Response, error) {
	about := q.Metadata["package"] + q.Metadata["hardware_type"] + q.Metadata["original_error"]
	return &sdk.Response{Content: "This is about " + about + ".", Usage: &sdk.Usage{PromptTokens: 10, CompletionTokens: 5}}, nil
})

// Several packages are asked about at once; the answers come in their order.
func Example_packages() {
	exec, err := executor.New(executor.Config{Lanes: []route.Lane{{Name: "mine", Provider: mine, Free: true}}})
	if err != nil {
		log.Fatal(err)
	}
	queries := queriesOf("package", "nginx", "postgresql", "redis")
	batch, err := exec.ExecuteBatch(context.Background(), queries)
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range batch.SuccessfulResponses() {
		fmt.Println(r.Content)
	}
	redis, _ := batch.Result("pkg_redis")
	fmt.Println(redis.Metadata["package"], "needed", redis.Attempts, "attempt")
	fmt.Printf("completed: %d/%d, %d tokens, %v\n", batch.SuccessCount, len(queries), batch.TotalTokens, batch.TotalCost)
	// Output:
	// This is about nginx.
	// This is about postgresql.
	// This is about redis.
	// redis needed 1 attempt
	// completed: 3/3, 45 tokens, $0.0000
}

// Hardware is asked about in the background, and each answer is told of as it
// comes.
func Example_hardware() {
	exec, err := executor.New(executor.Config{
		Lanes:         []route.Lane{{Name: "mine", Provider: mine, Local: true}},
		MaxConcurrent: 1,
		OnResult: func(r sdk.Result) {
			fmt.Println(r.QueryID, r.Success(), r.ExecutionTime < time.Minute)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	queries := queriesOf("hardware", "GPU", "CPU", "RAM", "Storage")
	done := make(chan *executor.Batch)
	go func() {
		batch, err := exec.ExecuteBatch(context.Background(), queries)
		if err != nil {
			log.Print(err)
		}
		done <- batch
	}()
	fmt.Println((<-done).SuccessCount, "answered")
	// Output:
	// hw_gpu true true
	// hw_cpu true true
	// hw_ram true true
	// hw_storage true true
	// 4 answered
}

// Error messages are diagnosed as they come, without a list of them: those that
// are alike make one query.
func Example_errors() {
	exec, err := executor.New(executor.Config{
		Lanes:  []route.Lane{{Name: "mine", Provider: mine, Local: true}},
		Routes: route.Table{sdk.ErrorDebugging: {"mine"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	runner, err := wasm.NewRunner(patient())
	if err != nil {
		log.Fatal(err)
	}
	module, err := buildGenerator("error")
	if err != nil {
		log.Fatal(err)
	}
	items := wasm.Texts("disk sda1 is full", "disk sda2 is full")
	ctx := context.Background()
	summary, err := exec.Run(ctx, runner.Generate(ctx, module, wasm.Request{Items: items}), func(r sdk.Result) error {
		fmt.Println(strings.HasPrefix(r.QueryID, "err_"), r.Response.Content)
		return nil // an error ends the run
	})
	fmt.Println(summary.SuccessCount, "answered", err)
	// Output:
	// true This is about disk sda1 is full.
	// 1 answered <nil>
}
