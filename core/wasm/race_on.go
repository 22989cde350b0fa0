//go:build race

package wasm

// A child that was built with the race detector needs memory for its shadow,
// and would sleep a second before it exits.
const shadowBytes = 16 << 30

var childEnv = []string{"GORACE=atexit_sleep_ms=0"}
