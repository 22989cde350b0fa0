package main

import (
	"math/rand/v2"
	"sync"
)

// rounds remembers how often a query was failed on purpose, so that its next
// try gets another draw. It is safe for concurrent use.
type rounds struct {
	mu     sync.Mutex
	failed map[uint64]uint64
}

// maxRounds bounds the memory. A run with more failing queries than that draws
// again from the start for some of them.
const maxRounds = 1 << 20

func (r *rounds) of(query uint64) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed[query]
}

func (r *rounds) fail(query uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed == nil || len(r.failed) >= maxRounds {
		r.failed = map[uint64]uint64{}
	}
	r.failed[query]++
}

// source returns the random numbers of one query in one round.
func source(seed, query, round uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed^round*0x9e3779b97f4a7c15, query))
}

// hash is FNV-1a: unlike the seeded hashes it is the same in every process.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}
