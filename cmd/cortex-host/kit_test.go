package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/sdk/provider/providertest"
)

// testProvider runs `provider test` and returns its report.
func testProvider(t *testing.T, env []string, binary, fixture string) (r providertest.Report) {
	t.Helper()
	cmd := exec.Command(filepath.Join(layout, "cortex-host"), "provider", "test", binary, "--fixture", fixture, "--json")
	cmd.Env = append(cleanEnv(t.TempDir()), env...)
	out, errs, _, code := timed(t, cmd)
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("exit %d: %v\n%s%s", code, err, out, errs)
	}
	if r.Passed() != (code == 0) {
		t.Errorf("exit %d of a report that passed: %v", code, r.Passed())
	}
	return r
}

func wantLevel(t *testing.T, r *providertest.Report, level providertest.Level) {
	t.Helper()
	if r.Passed() && r.Claimed == level && r.Reached == level {
		return
	}
	var b strings.Builder
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	t.Errorf("it should pass at the level %s:\n%s", level, b.String())
}

// Every bundled provider passes the kit from outside, at the level that it
// claims.
func TestBundledProvidersPassTheKit(t *testing.T) {
	for name, level := range map[string]providertest.Level{
		"openai": providertest.Faults, "anthropic": providertest.Faults, "gemini": providertest.Faults,
		"offline": providertest.Robust, "simulator": providertest.Robust,
	} {
		t.Run(name, func(t *testing.T) {
			r := testProvider(t, nil, filepath.Join(layout, "plugins", "cortex-provider-"+name), filepath.Join("../../plugins", name, "testdata/fixture.json"))
			wantLevel(t, &r, level)
		})
	}
}

// A program that is no plugin gets a report too, not an error of the kit.
func TestTheKitReportsAPluginThatDoesNotStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cortex-provider-lame")
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho hello\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	r := testProvider(t, nil, path, "../../plugins/simulator/testdata/fixture.json")
	if len(r.Findings) != 1 || r.Findings[0].Name != "handshake" || r.Findings[0].Status != providertest.Fail || r.Reached != providertest.NoLevel {
		t.Errorf("got %+v", r)
	}
}

// pythonWithGRPC returns the python3 that runs the plugin in dir: the machine's own
// if it has grpcio, else one of a virtual environment in which it is installed,
// else the machine's own with grpcio beside the plugin. The test is skipped
// where nothing of that works.
func pythonWithGRPC(t *testing.T, dir string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	run := func(name string, args ...string) error {
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
		}
		return nil
	}
	has := func(python string) bool { return run(python, "-c", "import grpc, grpc_tools") == nil }
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("SKIPPED: the provider in Python is not tested: there is no python3")
	}
	if has(python) {
		return python
	}
	install := []string{"-m", "pip", "install", "--quiet", "--retries", "1", "--timeout", "15", "--disable-pip-version-check", "-r", "requirements.txt"}
	venv := filepath.Join(t.TempDir(), "venv")
	own := filepath.Join(venv, "bin", "python3")
	if err = run(python, "-m", "venv", venv); err == nil {
		err = run(own, install...)
	}
	if err == nil && has(own) {
		return own
	}
	if beside := run(python, append(install, "--target", dir)...); beside != nil || !has(python) {
		t.Skipf("SKIPPED: the provider in Python is not tested: grpcio can't be installed: %v\n%v", err, beside)
	}
	return python
}

// The provider in Python passes the kit from outside, as any provider in any
// language would.
func TestTheProviderInPython(t *testing.T) {
	if testing.Short() {
		t.Skip("installs grpcio")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../sdk/python")); err != nil {
		t.Fatal(err)
	}
	python := pythonWithGRPC(t, dir)
	protoc := exec.Command(python, "-m", "grpc_tools.protoc", "-I", "../../sdk/proto",
		"--python_out="+dir, "--grpc_python_out="+dir, "cortex/provider/v1/provider.proto")
	protoc.Env = append(os.Environ(), "PYTHONPATH="+dir)
	if out, err := protoc.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	path := filepath.Join(dir, "cortex-provider-pyecho")
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	env := []string{"PATH=" + filepath.Dir(python) + string(os.PathListSeparator) + os.Getenv("PATH")}
	r := testProvider(t, env, path, filepath.Join(dir, "fixture.json"))
	wantLevel(t, &r, providertest.Robust)
	installInPython(t, dir, env)
}

// installInPython makes one file of the provider as its README says, installs
// that, and asks it.
func installInPython(t *testing.T, dir string, env []string) {
	t.Helper()
	readme := readFile(t, filepath.Join(dir, "README.md"))
	_, recipe, _ := strings.Cut(readme, "make one of them:\n")
	recipe, _, found := strings.Cut(recipe, "\n\nThe interpreter")
	if !found {
		t.Fatal("the README has no recipe for one file")
	}
	sh := func(script string) (out, errs string) {
		t.Helper()
		cmd := exec.Command("sh", "-ec", script)
		cmd.Dir, cmd.Env = dir, append(append(cleanEnv(dir), env...), "PATH="+layout+string(os.PathListSeparator)+strings.TrimPrefix(env[0], "PATH="))
		out, errs, _, code := timed(t, cmd)
		if code != 0 {
			t.Fatalf("exit %d\n%s%s", code, out, errs)
		}
		return out, errs
	}
	if out, errs := sh("umask 022; " + recipe); !strings.Contains(out, "installed pyecho ") || !strings.Contains(errs, "not covered by the hash: the interpreter") {
		t.Errorf("got %s%s", out, errs)
	}
	if out, _ := sh("rm -r app dist cortex cortex_provider.py; cortex-host batch " + queryFile(t, 1) + " --provider pyecho"); !strings.Contains(out, `"content":"question 0"`) {
		t.Errorf("got %s", out)
	}
	if out, _ := sh("cortex-host provider verify pyecho"); !strings.Contains(out, "not covered: every module") {
		t.Errorf("got %s", out)
	}
}
