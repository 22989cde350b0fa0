package main

import (
	"context"
	"sync"
)

// A memo keeps answers for as long as what they were made from stays the same.
// Callers that ask for the same key at once wait for one of them to find out,
// each in its own context. It is safe for concurrent use.
type memo[V any] struct {
	mu      sync.Mutex
	entries map[string]*memoEntry[V]
}

type memoEntry[V any] struct {
	turn  chan struct{} // holds a token while somebody looks or loads
	known bool
	stamp string
	value V
}

// maxMemo bounds a memo. A memo that is full begins anew.
const maxMemo = 512

// get returns the value that was loaded under the same stamp, or loads it. A
// failure is told to its own caller only.
func (m *memo[V]) get(ctx context.Context, key, stamp string, load func(context.Context) (V, error)) (V, error) {
	var none V
	e := m.entry(key)
	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
	if e.known && e.stamp == stamp {
		return e.value, nil
	}
	v, err := load(ctx)
	if err != nil {
		return none, err
	}
	e.known, e.stamp, e.value = true, stamp, v
	return v, nil
}

func (m *memo[V]) entry(key string) *memoEntry[V] {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.entries[key]
	if e == nil {
		if m.entries == nil || len(m.entries) >= maxMemo {
			m.entries = map[string]*memoEntry[V]{}
		}
		e = &memoEntry[V]{turn: make(chan struct{}, 1)}
		m.entries[key] = e
	}
	return e
}
