// Command cortex-host asks many LLM questions at once, safely.
//
//	cortex-host run package nginx redis     a generator makes the questions
//	cortex-host batch queries.ndjson        the questions are ready-made
//	cortex-host generate package nginx      print the questions, ask nobody
//
// Results go to stdout, everything else to stderr. It exits with 0 if all
// queries were answered, 1 on a fatal error, 2 if the command line or the
// configuration is wrong, 3 if it finished but queries failed, 4 if a budget or
// a deadline ended it early, 130 and 143 when a signal did.
package main

import (
	"io"
	"os"

	"github.com/cortexlinux/cortex-host/core/confine"
	_ "github.com/cortexlinux/cortex-host/core/confine/early"
	"github.com/cortexlinux/cortex-host/core/process"
	"github.com/cortexlinux/cortex-host/core/wasm"
)

// version is set by the linker.
var version = "dev"

func main() {
	confine.Main(wasm.Child(), process.Child())
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program: one command line, to its exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	signals, stop := watchSignals(stderr)
	defer stop()
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, env: os.LookupEnv, signals: signals}
	return a.execute(args)
}
