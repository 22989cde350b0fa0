package wasm_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/core/wasm"
)

// Our own generators pass by the same call as everybody's.
func TestGeneratorsConform(t *testing.T) {
	if raceEnabled {
		t.Skip("SKIPPED: all of it happens in other processes, which the race detector only makes slow")
	}
	r := newRunner(t, wasm.Config{Facts: vectorFacts{}})
	for _, name := range []string{"package", "error", "hardware"} {
		t.Run(name, func(t *testing.T) { conforms(t, r, goGenerator(t, name)) })
	}
	for language := range build {
		t.Run(language, func(t *testing.T) { conforms(t, r, packageIn(t, language)) })
	}
}

func conforms(t *testing.T, r *wasm.Runner, m *wasm.Module) {
	t.Helper()
	report, err := r.Conform(context.Background(), m, wasm.Request{})
	if err != nil {
		t.Fatal(err)
	}
	if !report.OK() {
		var b strings.Builder
		_ = report.WriteText(&b)
		t.Error(b.String())
	}
}

// Each fault is found by the check that is for it.
func TestConformFindsFaults(t *testing.T) {
	if raceEnabled {
		t.Skip("SKIPPED: all of it happens in other processes, which the race detector only makes slow")
	}
	// One query for each read, whatever it gave.
	perRead := cat([]byte{0x02, 0x40, 0x03, 0x40}, read, num(44), []byte{0x28, 2, 0, 0x45, 0x0d, 1}, write, []byte{0x0c, 0, 0x0b, 0x0b})
	r := newRunner(t, wasm.Config{Limits: wasm.Limits{Timeout: 300 * time.Millisecond, TimeoutPerItem: -1}})
	for name, fault := range map[string]struct {
		check string
		guest guest
	}{
		"garbage":         {"answers", guest{data: []byte("hi\n"), bodies: [][]byte{write}}},
		"no line feed":    {"answers", guest{data: []byte(goodQuery[:len(goodQuery)-1]), bodies: [][]byte{write}}},
		"says nothing":    {"answers", guest{bodies: [][]byte{nil}}},
		"never stops":     {"answers", guest{bodies: [][]byte{forever(read)}}},
		"never reads":     {"reads-all", guest{data: []byte(goodQuery), bodies: [][]byte{write}}},
		"one a read":      {"split-input", guest{data: []byte(goodQuery), bodies: [][]byte{perRead}}},
		"tries no more":   {"others", guest{bodies: [][]byte{forever()}}},
		"takes any ABI":   {"other-abi", guest{data: []byte(goodQuery), bodies: [][]byte{write}}},
		"takes any input": {"bad-header", guest{data: []byte(goodQuery), bodies: [][]byte{write}}},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := wasm.Parse("faulty", fault.guest.build())
			if err != nil {
				t.Fatal(err)
			}
			report, err := r.Conform(context.Background(), m, wasm.Request{})
			if err != nil {
				t.Fatal(err)
			}
			for _, check := range report.Checks {
				if name == "says nothing" && strings.Contains(check.Detail, "printed nothing") != (check.Name == "answers") {
					t.Errorf("%s repeats what answers found: %+v", check.Name, check)
				}
			}
			for _, check := range report.Checks {
				if check.Name == fault.check {
					if check.OK || check.Fix == "" {
						t.Errorf("%+v", check)
					}
					return
				}
			}
			t.Errorf("there is no check %s", fault.check)
		})
	}
}

func TestInspect(t *testing.T) {
	i, err := newRunner(t, wasm.Config{}).Inspect(context.Background(), goGenerator(t, "package"))
	if err != nil {
		t.Fatal(err)
	}
	if i.Problem != "" || i.ItemsPerSecond <= 0 || len(i.Imports) == 0 || len(i.Params) != 2 {
		t.Errorf("%+v", i)
	}
}
