//go:build !linux

package wasm

// trySystem has nothing more to try here.
func (t *probeTargets) trySystem(func(name string, f func() error)) {}
