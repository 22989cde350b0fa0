package executor_test

import (
	"context"
	"fmt"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/price"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

// echo is a provider that needs no network.
var echo = sdk.ProviderFunc(func(_ context.Context, q *sdk.Query) (*sdk.Response, error) {
	return &sdk.Response{Content: "You said: " + q.Messages[0].Content(), Usage: &sdk.Usage{PromptTokens: 4, CompletionTokens: 6}}, nil
})

func ask(id, text string) sdk.Query {
	return sdk.Query{ID: id, MaxTokens: new(50), Messages: []sdk.Message{{Role: sdk.User, Text: text}}}
}

// Queries come from anywhere, one at a time, and results go on as they
// complete; neither is kept in memory.
func ExampleExecutor_Run() {
	e, err := executor.New(executor.Config{Lanes: []route.Lane{{Name: "echo", Provider: echo, Local: true}}, MaxConcurrent: 1})
	if err != nil {
		panic(err)
	}
	queries := func(yield func(sdk.Query, error) bool) {
		for i := range 3 {
			if !yield(ask(fmt.Sprintf("q%d", i), "hello"), nil) {
				return
			}
		}
	}
	s, err := e.Run(context.Background(), queries, func(r sdk.Result) error {
		fmt.Println(r.QueryID, r.Response.Content)
		return nil
	})
	fmt.Println(s.SuccessCount, "answered,", s.TotalTokens, "tokens", err)
	// Output:
	// q0 You said: hello
	// q1 You said: hello
	// q2 You said: hello
	// 3 answered, 30 tokens <nil>
}

// A query can be asked at any time, also while a run is under way.
func ExampleExecutor_Submit() {
	e, err := executor.New(executor.Config{Lanes: []route.Lane{{Name: "echo", Provider: echo, Local: true}}})
	if err != nil {
		panic(err)
	}
	urgent := ask("now", "it burns")
	urgent.Priority = 10
	fmt.Println(e.Submit(context.Background(), urgent).Response.Content)
	// Output: You said: it burns
}

// A plan calls nobody. Here the budget would end the run.
func ExampleExecutor_Plan() {
	prices := &price.Book{}
	prices.Set("echo", "", price.PerMillion(1, 10))
	limit := sdk.MoneyFromUSD(0.0001)
	e, err := executor.New(executor.Config{
		Lanes:  []route.Lane{{Name: "echo", Provider: echo}},
		Prices: prices, Budget: price.Limits{MaxCost: &limit},
	})
	if err != nil {
		panic(err)
	}
	plan, err := e.Plan(context.Background(), func(yield func(sdk.Query, error) bool) { yield(ask("q", "hello"), nil) })
	fmt.Println(plan.Queries, plan.Cost, plan.Limit, err)
	// Output: 1 $0.0005 money <nil>
}
