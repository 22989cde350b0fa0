//go:build !race

package wasm

const shadowBytes = 0

var childEnv []string
