package process_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/cortexlinux/cortex-host/core/process"
	"github.com/cortexlinux/cortex-host/core/store"
)

// BenchmarkStart starts a plugin of ours and asks it what it is: with the hash,
// the sealed copy, the supervisor and the confinement.
func BenchmarkStart(b *testing.B) {
	path := filepath.Join(b.TempDir(), "cortex-provider-simulator")
	if out, err := exec.Command("go", "build", "-ldflags", "-s -w", "-o", path, "../../plugins/simulator").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	plugin := store.Plugin{Name: "simulator", Path: path}
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			image, err := plugin.Load()
			if err != nil {
				b.Fatal(err)
			}
			image.Close()
		}
	})
	for _, level := range []string{process.ConfineStandard, process.ConfineOff} {
		b.Run(level, func(b *testing.B) {
			for b.Loop() {
				p, err := process.New(process.Config{Plugin: plugin, Confinement: level})
				if err != nil {
					b.Fatal(err)
				}
				if err := p.Start(b.Context()); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				p.Close()
				b.StartTimer()
			}
		})
	}
}
