package wasm_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/cortexlinux/cortex-host/core/confine"
	"github.com/cortexlinux/cortex-host/core/wasm"
)

func TestMain(m *testing.M) {
	confine.Main(wasm.Child())
	goleak.VerifyTestMain(m)
}
