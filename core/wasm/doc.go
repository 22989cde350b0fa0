// Package wasm loads, contains and runs generators: WebAssembly modules that
// turn items into queries.
//
//	func main() {
//		confine.Main(wasm.Child())
//		...
//	}
//
//	runner, err := wasm.NewRunner(wasm.Config{})
//	module, err := wasm.Open("bin/generators/package.wasm")
//	for query, err := range runner.Generate(ctx, module, wasm.Request{Items: wasm.Texts("nginx")}) {
//		...
//	}
//
// A generator is an ordinary WASI preview 1 command: it reads records, one JSON
// object a line, and prints records. sdk/generator/SPEC.md is the contract, to
// the byte. [Open] reads and checks a module without running any of it.
//
// # Containment
//
// Guest code never runs in the host's process. It runs in a child (see package
// confine) that can open no file but its own entry of the compilation cache, no
// socket and no process, within limits of memory and processor time; and in
// there under a WebAssembly runtime that gives it no files, environment, clock
// or randomness of the machine. The host reads the child's output as that of an
// enemy: in bounded frames, bounded lines and strictly decoded records. See
// [Limits] and [Allow] for what is bounded.
//
// A deadline counts only the time for which the host waits for the guest. It is
// enforced by SIGKILL. A guest that breaks a rule ends its own run with an
// [*Error] that has a [Reason] and says what to do; the host goes on.
//
// # Determinism
//
// The same module, parameters, facts, items and seed give the same queries. A
// guest's clock begins at a fixed time and moves by one millisecond a look, or
// by as long as the guest sleeps, which takes no time; its random numbers are a
// function of the seed.
package wasm
