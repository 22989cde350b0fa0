// Package generator helps to write a generator in Go: a WebAssembly module that
// turns items into questions for a model. SPEC.md beside this file is the
// contract that it implements; a generator in another language needs nothing
// of this package.
//
// A whole generator:
//
//	package main
//
//	import "github.com/cortexlinux/cortex-host/sdk/generator"
//
//	func main() { generator.Main(capitals) }
//
//	func capitals(r *generator.Run) error {
//		r.Prompt("system", "Answer with one word.")
//		for item := range r.Items() {
//			question := "What is the capital of " + item.Text() + "?"
//			r.Send(generator.Query{ID: item.Text(), Use: "system", User: question})
//		}
//		return nil
//	}
//
// It is built and packed with
//
//	GOOS=wasip1 GOARCH=wasm go build -ldflags='-s -w' -trimpath -o capitals.part
//	cortex-host generator pack --manifest manifest.json -o capitals.wasm capitals.part
//
// The package reads and writes JSON by itself: encoding/json and fmt would more
// than double a module's size and halve its speed. A generator that wants to
// stay small does without them too.
//
// A Run belongs to one goroutine.
package generator
