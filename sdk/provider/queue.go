package provider

import "sync"

// A queue gathers what is to be sent while the sender is busy, so that under
// load many messages share one frame. It is safe for concurrent use.
type queue[T any] struct {
	mu    sync.Mutex
	items []T
	spare []T
	bytes int
	// wake has an element when there is something to take.
	wake chan struct{}
}

func newQueue[T any]() *queue[T] { return &queue[T]{wake: make(chan struct{}, 1)} }

// bounds are those of a queue. 0 is none.
type bounds struct{ items, bytes int }

// put appends an item of that size. It reports false, and does nothing, if what
// waits already reaches one of the bounds.
func (q *queue[T]) put(item T, size int, most bounds) bool {
	q.mu.Lock()
	if most.items > 0 && len(q.items) >= most.items || most.bytes > 0 && q.bytes >= most.bytes {
		q.mu.Unlock()
		return false
	}
	q.items = append(q.items, item)
	q.bytes += size
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
	q.items, q.spare, q.bytes = q.spare[:0], items, 0
	return items
}
