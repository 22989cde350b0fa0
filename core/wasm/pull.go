package wasm

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"strconv"
	"sync"

	"github.com/cortexlinux/cortex-host/sdk"
)

// How far the host reads ahead of a guest.
const (
	maxPending      = 256
	maxPendingBytes = 1 << 20
)

// maxUnfit is how many items may be unfit for any guest: with more of them, the
// input is something else than items.
const maxUnfit = 1000

// A puller calls an iterator of items in a goroutine of its own, because the
// iterator may block (on a terminal, say) while the guest has much to tell. It
// reads ahead a little.
type puller struct {
	mu      sync.Mutex
	changed *sync.Cond
	items   []Item
	bytes   int
	bad     []*sdk.ItemError // failed items on their way past the guest
	unfit   []*sdk.ItemError // those that come after all else
	count   int64            // items taken from the iterator
	ended   bool
	err     error // what ended the iterator
	stopped bool
	notify  chan struct{} // holds a token when something new is in bad
}

func pull(ctx context.Context, items iter.Seq2[Item, error], itemBytes int) *puller {
	p := &puller{notify: make(chan struct{}, 1)}
	p.changed = sync.NewCond(&p.mu)
	if items == nil {
		p.ended = true
		return p
	}
	go p.run(items, itemBytes)
	context.AfterFunc(ctx, p.stop)
	return p
}

func (p *puller) run(items iter.Seq2[Item, error], itemBytes int) {
	var end error
	number := 0
	for item, err := range items {
		number++
		var bad *sdk.ItemError
		if errors.As(err, &bad) {
			if !p.addBad(bad) {
				return
			}
			continue
		}
		if err == nil {
			if bad = checkItem(item, number, itemBytes); bad != nil {
				err = p.addUnfit(bad)
			} else if !p.add(item) {
				break
			}
		}
		if end = err; end != nil {
			break
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended, p.err = true, end
	p.changed.Broadcast()
}

// addUnfit keeps a failed item for the end, so that it has the same place among
// the results whenever the run is gone through.
func (p *puller) addUnfit(e *sdk.ItemError) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.unfit = append(p.unfit, e); len(p.unfit) > maxUnfit {
		return failf(InvalidItem, "more than %d items cannot be given to a generator; the last of them: %s", maxUnfit, e.Err.Message)
	}
	return nil
}

// unfitted returns the items that no guest can be given.
func (p *puller) unfitted() []*sdk.ItemError {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unfit
}

// checkItem returns a failed item in place of one that no guest can be given.
// One line of a log that is too long must not be the end of all the others.
func checkItem(item Item, number, itemBytes int) *sdk.ItemError {
	var fail *Error
	switch size := max(len(item.Text), len(item.JSON)); {
	case size > itemBytes:
		fail = failf(InvalidItem, "the item is %d bytes long; at most %d: %s", size, itemBytes, quote(append([]byte(item.Text), item.JSON...), 40))
	case item.JSON != nil && (!json.Valid(item.JSON) || firstByte(item.JSON) != '{'):
		fail = failf(InvalidItem, "the item is no JSON object: %s", quote(item.JSON, 40))
	default:
		return nil
	}
	return &sdk.ItemError{ID: "item_" + strconv.Itoa(number),
		Err: &sdk.Error{Kind: sdk.InvalidRequest, Message: fail.Message, Cause: fail}}
}

func firstByte(b []byte) byte {
	for _, c := range b {
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c
		}
	}
	return 0
}

// add hands over an item once there is room. It reports whether to go on.
func (p *puller) add(item Item) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for !p.stopped && (len(p.items) >= maxPending || p.bytes >= maxPendingBytes) {
		p.changed.Wait()
	}
	p.items = append(p.items, item)
	p.bytes += len(item.Text) + len(item.JSON)
	p.changed.Broadcast()
	return !p.stopped
}

func (p *puller) addBad(e *sdk.ItemError) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for !p.stopped && len(p.bad) >= maxPending {
		p.changed.Wait()
	}
	p.bad = append(p.bad, e)
	p.changed.Broadcast()
	select {
	case p.notify <- struct{}{}:
	default:
	}
	return !p.stopped
}

// take returns all items that are there, and waits if there are none yet. It
// returns none at the end, and after stop.
func (p *puller) take() []Item {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.items) == 0 && !p.ended && !p.stopped {
		p.changed.Wait()
	}
	if p.stopped {
		return nil
	}
	items := p.items
	p.items, p.bytes = nil, 0
	p.count += int64(len(items))
	p.changed.Broadcast()
	return items
}

// some waits for the first item and reports whether there is one.
func (p *puller) some(ctx context.Context) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.items) == 0 && !p.ended && !p.stopped && len(p.bad) < maxPending {
		p.changed.Wait()
	}
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if len(p.items) == 0 && p.ended {
		return false, p.err
	}
	return true, nil
}

// failed returns the failed items that nobody has taken yet.
func (p *puller) failed() []*sdk.ItemError {
	p.mu.Lock()
	defer p.mu.Unlock()
	bad := p.bad
	p.bad = nil
	p.changed.Broadcast()
	return bad
}

// taken returns how many items were taken.
func (p *puller) taken() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}

// end returns what ended the iterator, nil if it came to its end by itself or
// has not ended.
func (p *puller) end() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// stop makes every call return and the iterator end at its next yield.
func (p *puller) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	p.changed.Broadcast()
}
