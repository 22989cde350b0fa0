package main

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider"
)

var _ provider.Plugin = (*Provider)(nil)

// Provider is the plugin. The zero value is ready for Configure. It is safe for
// concurrent use.
type Provider struct {
	backend atomic.Pointer[backend]
}

// Configure implements provider.Plugin. It may come again at any time; limits
// and rounds begin anew.
func (p *Provider) Configure(_ context.Context, s sdk.Settings) error {
	next, err := newBackend(s)
	if err != nil {
		return err
	}
	p.backend.Store(next)
	return nil
}

// Complete implements sdk.Provider.
func (p *Provider) Complete(ctx context.Context, q *sdk.Query) (*sdk.Response, error) {
	b := p.backend.Load()
	if b == nil {
		return nil, sdk.Errorf(sdk.Internal, "the simulator was asked before it was configured")
	}
	return b.complete(ctx, q)
}

// A backend is one configuration at work.
type backend struct {
	seed                    uint64
	latency                 latency
	faults                  faults
	limits                  *limits
	promptTokens            *int64 // nil counts the prompt
	leastTokens, mostTokens int64
	rounds                  rounds
}

func (b *backend) complete(ctx context.Context, q *sdk.Query) (*sdk.Response, error) {
	began, query := time.Now(), hash(q.ID)
	random := source(b.seed, query, b.rounds.of(query))
	usage := sdk.Usage{CompletionTokens: b.leastTokens + random.Int64N(b.mostTokens-b.leastTokens+1)}
	if b.promptTokens != nil {
		usage.PromptTokens = *b.promptTokens
	} else {
		usage.PromptTokens = promptTokens(q)
	}
	finish := sdk.Stop
	if q.MaxTokens != nil && int64(*q.MaxTokens) < usage.CompletionTokens {
		usage.CompletionTokens, finish = int64(*q.MaxTokens), sdk.Length
	}
	told, refused := b.limits.enter(usage.TotalTokens())
	if refused != nil {
		return nil, refused
	}
	defer b.limits.leave()
	fault := b.faults.pick(random.Float64())
	if err := sleep(ctx, b.latency.draw(random)); err != nil {
		return nil, err
	}
	if fault != nil {
		b.rounds.fail(query)
		if fault.finish == "" {
			e := b.faults.failure(fault)
			e.RateLimit = told
			return nil, e
		}
		finish = fault.finish
	}
	model := q.Model
	if model == "" {
		model = modelName
	}
	return &sdk.Response{
		Content: answer(q.ID, usage.CompletionTokens), Model: model, ModelServed: modelName,
		Usage: &usage, FinishReason: finish, Latency: time.Since(began), RateLimit: told,
	}, nil
}

// sleep waits for d, or returns an error when ctx is done.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return sdk.Errorf(sdk.InDoubt, "the simulated call was given up: %w", context.Cause(ctx))
	}
}
