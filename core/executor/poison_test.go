package executor_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

const poison = "poison"

// brittle is a plugin's process that one query ends, and with it all calls under
// way. Those that come until it is up again wait for that.
type brittle struct {
	mu   sync.Mutex
	up   time.Time
	life context.Context
	end  context.CancelFunc
	sent map[string]int
}

func newBrittle() *brittle {
	b := &brittle{sent: map[string]int{}}
	b.life, b.end = context.WithCancel(context.Background())
	return b
}

func (b *brittle) Complete(_ context.Context, q *sdk.Query) (*sdk.Response, error) {
	b.mu.Lock()
	b.sent[q.ID]++
	for wait := time.Until(b.up); wait > 0; wait = time.Until(b.up) {
		b.mu.Unlock()
		time.Sleep(wait)
		b.mu.Lock()
	}
	life := b.life
	b.mu.Unlock()
	answers := 2 * time.Millisecond
	if q.ID == poison {
		time.AfterFunc(time.Millisecond, b.crash)
		answers = time.Hour
	}
	select {
	case <-time.After(answers):
		return answer(q), nil
	case <-life.Done():
		return nil, &sdk.Error{Kind: sdk.Internal, Message: "the plugin died", Cause: fmt.Errorf("%w: EOF", sdk.ErrPluginBroke)}
	}
}

func (b *brittle) crash() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.end()
	b.life, b.end = context.WithCancel(context.Background())
	b.up = time.Now().Add(600 * time.Millisecond)
}

// A query that breaks the plugin each time takes its neighbours with it, twice:
// they are under way again together. It does not make them fail.
func TestAPoisonedQuerySparesItsNeighbours(t *testing.T) {
	const rounds, neighbours = 20, 8
	lost := 0
	for range rounds {
		synctest.Test(t, func(t *testing.T) {
			p := newBrittle()
			defer p.end()
			all := append(queries(neighbours), query(poison))
			out := batch(t, newExecutor(t, lanes(local("a", p))), all)
			lost += out.FailureCount - 1
			if r, ok := out.Result(poison); !ok || r.Error == nil || p.sent[poison] != 3 {
				t.Errorf("the poison was sent %d times: %+v", p.sent[poison], r)
			}
			for id, n := range p.sent {
				if n > 3 {
					t.Errorf("%s was sent %d times", id, n)
				}
			}
		})
	}
	if lost > 3 { // the second wait is any within a minute: it can happen
		t.Errorf("%d of %d neighbours failed", lost, rounds*neighbours)
	}
}

// Whoever wants nothing sent twice gets that, poison or not.
func TestAPoisonedQueryWithoutRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newBrittle()
		defer p.end()
		cfg := executor.Config{Lanes: []route.Lane{local("a", p)}, RetryFailed: new(false)}
		batch(t, newExecutor(t, cfg), append(queries(8), query(poison)))
		for id, n := range p.sent {
			if n > 1 {
				t.Errorf("%s was sent %d times", id, n)
			}
		}
	})
}
