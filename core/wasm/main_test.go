package wasm_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/cortexlinux/cortex-host/core/confine"
	"github.com/cortexlinux/cortex-host/core/wasm"
)

// sharedCache is where the modules of this test run are compiled to.
var sharedCache string

func TestMain(m *testing.M) {
	confine.Main(wasm.Child())
	if os.Getenv(hostEnv) != "" {
		os.Exit(endlessHost())
	}
	dir, err := os.MkdirTemp("", "cortex-host-wasm-")
	if err != nil {
		panic(err)
	}
	sharedCache = dir
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		os.RemoveAll(dir)
		os.Exit(status)
	}))
}
