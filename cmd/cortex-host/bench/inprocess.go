package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

// unreached is a rate per second that no machine reaches. It keeps the limiter at
// work where there is none, which on a loopback address would have nothing to do.
const unreached = 1e6

// runExecutor asks all queries through core/executor. Its provider makes the
// loop's own calls, so that the difference to the loop is the executor.
func runExecutor(ctx context.Context, j job, c *client) ([]time.Duration, error) {
	lane := route.Lane{Name: "vendor", Model: model, Local: true, Provider: c.provider()}
	// The executor's own limiter does the pacing.
	rate := cmp.Or(j.Rate, unreached)
	c.limiter = nil
	cfg := executor.Config{Lanes: []route.Lane{lane}, MaxConcurrent: j.InFlight, RequestsPerSecond: &rate}
	exec, err := executor.New(cfg)
	if err != nil {
		return nil, err
	}
	times := make([]time.Duration, 0, j.Queries)
	queries := func(yield func(sdk.Query, error) bool) {
		for i := range j.Queries {
			if !yield(query(i), nil) {
				return
			}
		}
	}
	_, err = exec.Run(ctx, queries, func(r sdk.Result) error {
		if !r.Success() {
			return fmt.Errorf("query %s: %w", r.QueryID, r.Error)
		}
		times = append(times, r.ExecutionTime)
		return nil
	})
	return times, err
}

func (c *client) provider() sdk.Provider {
	return sdk.ProviderFunc(func(ctx context.Context, q *sdk.Query) (*sdk.Response, error) {
		request := chatRequest{Model: q.Model, Messages: make([]chatMessage, len(q.Messages))}
		for i, m := range q.Messages {
			request.Messages[i] = chatMessage{string(m.Role), m.Text}
		}
		reply, err := c.chat(ctx, request)
		if err != nil {
			return nil, sdk.Errorf(sdk.InDoubt, "%w", err)
		}
		return &sdk.Response{
			Content: reply.Choices[0].Message.Content, ModelServed: reply.Model, RequestID: reply.ID, FinishReason: sdk.Stop,
			Usage: &sdk.Usage{PromptTokens: reply.Usage.PromptTokens, CompletionTokens: reply.Usage.CompletionTokens},
		}, nil
	})
}
