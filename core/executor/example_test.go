package executor_test

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

// model stands for a provider: a plugin of core/process, or any function. Each
// of its answers costs a tenth of a cent.
var model = sdk.ProviderFunc(func(_ context.Context, q *sdk.Query) (*sdk.Response, error) {
	if q.Messages[0].Text == "" {
		return nil, sdk.Errorf(sdk.InvalidRequest, "nothing was asked")
	}
	return &sdk.Response{Content: "You said: " + q.Messages[0].Text, Cost: new(sdk.USD / 1000)}, nil
})

func ask(id, text string) sdk.Query {
	return sdk.Query{ID: id, TaskType: sdk.SystemOperation, Messages: []sdk.Message{{Role: sdk.User, Text: text}}}
}

// aboutEach is the shape of a generator: things in, queries out. The sequence of
// wasm.Runner.Generate has the same type, and its generators know the machine.
func aboutEach(packages []string) iter.Seq2[sdk.Query, error] {
	return func(yield func(sdk.Query, error) bool) {
		for _, name := range packages {
			if !yield(ask("pkg_"+name, "Analyze "+name), nil) {
				return
			}
		}
	}
}

// A batch: the results are in the order of the queries, and add up.
func ExampleExecutor_ExecuteBatch() {
	e, err := executor.New(executor.Config{
		Lanes:             []route.Lane{{Name: "model", Provider: model}},
		MaxConcurrent:     5,
		RequestsPerSecond: new(10.0),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := e.ExecuteBatch(context.Background(), []sdk.Query{
		ask("q1", "Analyze nginx package"),
		ask("q2", "Analyze redis package"),
		ask("q3", ""),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("Completed: %d/%d, total cost %v\n", b.SuccessCount, len(b.Results), b.TotalCost)
	for _, r := range b.SuccessfulResponses() {
		fmt.Println(r.Content)
	}
	if r, ok := b.Result("q3"); ok {
		fmt.Println(r.QueryID, r.Error)
	}
	// Output:
	// Completed: 2/3, total cost $0.002
	// You said: Analyze nginx package
	// You said: Analyze redis package
	// q3 model: invalid_request: nothing was asked
}

// A stream: queries are pulled as they can be sent, results pushed as they
// complete. A million packages need no more memory than three.
func ExampleExecutor_Run() {
	e, err := executor.New(executor.Config{Lanes: []route.Lane{{Name: "model", Provider: model, Local: true}}, MaxConcurrent: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	packages := []string{"nginx", "postgresql", "redis"}
	summary, err := e.Run(context.Background(), aboutEach(packages), func(r sdk.Result) error {
		fmt.Println(r.QueryID, r.Response.Content)
		return nil
	})
	fmt.Println(summary.SuccessCount, "answered,", err)
	// Output:
	// pkg_nginx You said: Analyze nginx
	// pkg_postgresql You said: Analyze postgresql
	// pkg_redis You said: Analyze redis
	// 3 answered, <nil>
}

// In the background, for a program that has other things to do. An urgent query
// joins the run, and overtakes what is not yet sent.
func ExampleExecutor_Submit() {
	e, err := executor.New(executor.Config{Lanes: []route.Lane{{Name: "model", Provider: model}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	done := make(chan executor.Summary)
	go func() {
		summary, _ := e.Run(ctx, aboutEach([]string{"nginx", "postgresql", "redis"}), nil)
		done <- summary
	}()
	urgent := ask("urgent", "Is the database up?")
	urgent.Priority = 10
	r := e.Submit(ctx, urgent)
	fmt.Println(r.Response.Content)
	fmt.Println((<-done).SuccessCount, "more answered")
	// Output:
	// You said: Is the database up?
	// 3 more answered
}

// Progress: a callback for every query that completes. If it panics, that query
// has failed and the rest goes on.
func ExampleConfig_onResult() {
	e, err := executor.New(executor.Config{
		Lanes:         []route.Lane{{Name: "model", Provider: model, Local: true}},
		MaxConcurrent: 1,
		OnResult: func(r sdk.Result) {
			status := "✓"
			if !r.Success() {
				status = "✗"
			}
			fmt.Printf("%s %s completed in %.1f s\n", status, r.QueryID, r.ExecutionTime.Seconds())
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := e.ExecuteBatch(context.Background(), []sdk.Query{ask("hw_gpu", "GPU"), ask("hw_cpu", ""), ask("hw_ram", "RAM")}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// ✓ hw_gpu completed in 0.0 s
	// ✗ hw_cpu completed in 0.0 s
	// ✓ hw_ram completed in 0.0 s
}
