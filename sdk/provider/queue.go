package provider

import "sync"

// A queue gathers what is to be sent while the sender is busy, so that under
// load many messages share one frame. It is safe for concurrent use.
type queue[T any] struct {
	mu    sync.Mutex
	items []T
	spare []T
	// wake has an element when there is something to take.
	wake chan struct{}
}

func newQueue[T any]() *queue[T] { return &queue[T]{wake: make(chan struct{}, 1)} }

// put appends item. It reports false, and does nothing, if limit items wait
// already; a limit of 0 is none.
func (q *queue[T]) put(item T, limit int) bool {
	q.mu.Lock()
	if limit > 0 && len(q.items) >= limit {
		q.mu.Unlock()
		return false
	}
	q.items = append(q.items, item)
	first := len(q.items) == 1
	q.mu.Unlock()
	if first {
		select {
		case q.wake <- struct{}{}:
		default:
		}
	}
	return true
}

// take returns all that waits. What it returned before is no longer valid.
func (q *queue[T]) take() []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	items := q.items
	clear(q.spare)
	q.items, q.spare = q.spare[:0], items
	return items
}
