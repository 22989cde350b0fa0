package wasm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"

	"github.com/cortexlinux/cortex-host/core/confine"
)

// childName is what [confine.Main] knows the child by.
const childName = "wasm"

// moduleFD is the descriptor from which a child reads the module.
const moduleFD = 3

// The jobs of a child.
const (
	jobCompile = "compile"
	jobRun     = "run"
	jobNothing = "nothing" // proves that a process can be made
)

// childJob is what a child is told in its only argument.
type childJob struct {
	Job      string `json:"job"`
	Cache    string `json:"cache"`
	MemoryMB int    `json:"memory_mb"`
	LogBytes int    `json:"log_bytes"`
	Seed     int64  `json:"seed"`
	// ReadBytes is how much of its input the guest gets at once; 0: what there
	// is. For conformance tests.
	ReadBytes int `json:"read_bytes,omitempty"`
	// Probe asks the child to try what it must not be able to do, instead of
	// running a guest.
	Probe *probeTargets `json:"probe,omitempty"`
}

// Child is the job that [confine.Main] must know: it compiles and runs guests
// in the confined child.
func Child() confine.Child {
	return confine.Child{Name: childName, Run: func(args []string) int {
		var job childJob
		if len(args) != 1 || json.Unmarshal([]byte(args[0]), &job) != nil {
			fmt.Fprintln(os.Stderr, "broken job")
			return 1
		}
		streams := newGuestIO(os.Stdin, os.Stdout, job.LogBytes)
		if job.ReadBytes > 0 {
			streams.space = streams.space[:min(job.ReadBytes, maxFrame)]
		}
		end := job.do(streams)
		end.ReadAll = streams.ended
		raw, err := json.Marshal(end)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		streams.end(raw)
		return 0
	}}
}

// do compiles, and runs if that is the job. It reports panics of the compiler
// as what they are: modules that it cannot compile.
func (j childJob) do(streams *guestIO) (end childEnd) {
	if j.Probe != nil {
		report, err := confine.Enforced()
		if err != nil {
			return childEnd{Reason: ChildFailed, Message: err.Error()}
		}
		return childEnd{Probe: &Containment{Report: report, Probe: j.Probe.try()}}
	}
	if j.Job == jobNothing {
		return childEnd{}
	}
	ctx := context.Background()
	phase := InvalidModule
	defer func() {
		if p := recover(); p != nil {
			end = childEnd{Reason: phase, Message: fmt.Sprintf("the WebAssembly runtime broke down on it: %v", p)}
		}
	}()
	module, err := io.ReadAll(os.NewFile(moduleFD, "module"))
	if err != nil {
		return childEnd{Reason: ChildFailed, Message: fmt.Sprintf("reading the module: %v", err)}
	}
	cache, err := wazero.NewCompilationCacheWithDir(j.Cache)
	if err != nil {
		return childEnd{Reason: ChildFailed, Message: fmt.Sprintf("compilation cache: %v", err)}
	}
	config := wazero.NewRuntimeConfig().
		WithCompilationCache(cache).
		WithCoreFeatures(api.CoreFeaturesV2).
		WithMemoryLimitPages(uint32(j.MemoryMB) * 16).
		WithMemoryCapacityFromMax(true).
		WithDebugInfoEnabled(false)
	runtime := wazero.NewRuntimeWithConfig(ctx, config)
	compiled, err := runtime.CompileModule(ctx, module)
	if err != nil {
		return childEnd{Reason: InvalidModule, Message: fmt.Sprintf("it cannot be compiled: %s", firstLine(err.Error()))}
	}
	if j.Job == jobCompile {
		return childEnd{}
	}
	phase = Trapped
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, runtime); err != nil {
		return childEnd{Reason: ChildFailed, Message: err.Error()}
	}
	clock := &virtualClock{}
	_, err = runtime.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().
		WithName("guest").
		WithStdin(streams).WithStdout(streams).WithStderr(guestLog{streams}).
		WithWalltime(clock.walltime, sys.ClockResolution(clockStep)).
		WithNanotime(clock.nanotime, sys.ClockResolution(clockStep)).
		WithNanosleep(clock.sleep).
		WithRandSource(randomness(j.Seed)))
	return guestEnd(err)
}

// guestEnd says how the guest ended.
func guestEnd(err error) childEnd {
	var exit *sys.ExitError
	switch {
	case err == nil:
		return childEnd{}
	case errors.As(err, &exit) && exit.ExitCode() == 0:
		return childEnd{}
	case errors.As(err, &exit):
		return childEnd{Reason: ExitStatus, Message: fmt.Sprintf("it ended with exit status %d", exit.ExitCode())}
	case strings.Contains(err.Error(), "module[guest] function[_start] failed"),
		strings.Contains(err.Error(), "start function[") && strings.Contains(err.Error(), "failed"):
		return childEnd{Reason: Trapped, Message: "it crashed: " + trapText(err)}
	default:
		return childEnd{Reason: InvalidModule, Message: "it cannot be started: " + firstLine(err.Error())}
	}
}

// trapText takes the trap out of the runtime's message, without the stack.
func trapText(err error) string {
	text := firstLine(err.Error())
	if _, after, ok := strings.Cut(text, "failed: "); ok {
		text = after
	}
	return strings.TrimPrefix(text, "wasm error: ")
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}
