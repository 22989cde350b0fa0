package process_test

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/core/process"
	"github.com/cortexlinux/cortex-host/core/store"
	"github.com/cortexlinux/cortex-host/sdk/provider/providertest"
)

// door opens plugins as processes for the conformance kit.
type door struct{ plugin store.Plugin }

func (d door) Open(_ context.Context, caFile string) (providertest.Instance, error) {
	cfg := process.Config{Plugin: d.plugin, ConfigureLater: true, StartTimeout: 30 * time.Second}
	if caFile != "" {
		cfg.ExtraEnv = []string{"SSL_CERT_FILE=" + caFile}
	}
	return process.New(cfg)
}

// venv returns the bin directory of a Python that has grpcio, which it installs
// on first use. Without Python, or without a network, the test is skipped.
func venv(t *testing.T) string {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("SKIPPED: the provider in Python is not tested: there is no python3")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skip("SKIPPED: the provider in Python is not tested: ", err)
	}
	dir := filepath.Join(cache, "cortex-host-test", "venv")
	bin := filepath.Join(dir, "bin")
	has := func() bool {
		return exec.Command(filepath.Join(bin, "python"), "-c", "import grpc, grpc_tools").Run() == nil
	}
	if has() {
		return bin
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for _, args := range [][]string{
		{python, "-m", "venv", dir},
		{filepath.Join(bin, "pip"), "install", "--quiet", "--retries", "1", "--timeout", "15", "--disable-pip-version-check", "-r", "../../sdk/python/requirements.txt"},
	} {
		if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Skipf("SKIPPED: the provider in Python is not tested: grpcio can't be installed: %v\n%s", err, out)
		}
	}
	if !has() {
		t.Skip("SKIPPED: the provider in Python is not tested: grpcio was installed and can't be imported")
	}
	return bin
}

// The provider in Python passes the kit from outside, as any provider in any
// language would.
func TestTheProviderInPython(t *testing.T) {
	bin := venv(t)
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../sdk/python")); err != nil {
		t.Fatal(err)
	}
	protoc := exec.Command(filepath.Join(bin, "python"), "-m", "grpc_tools.protoc", "-I", "../../sdk/proto",
		"--python_out="+dir, "--grpc_python_out="+dir, "cortex/provider/v1/provider.proto")
	if out, err := protoc.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	path := filepath.Join(dir, "cortex-provider-pyecho")
	if err := os.Chmod(path, fs.FileMode(0o755)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	fixture, err := providertest.ReadFixture(filepath.Join(dir, "fixture.json"))
	if err != nil {
		t.Fatal(err)
	}
	report, err := providertest.Check(t.Context(), door{store.Plugin{Name: "pyecho", Path: path}}, fixture, nil)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := report.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	if t.Log(b.String()); !report.Passed() || report.Reached != providertest.Robust {
		t.Error("it does not pass")
	}
}

// A plugin of ours passes from outside what it passes in its own process, and
// what needs a process: SSL_CERT_FILE.
func TestOpenAIFromOutside(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a plugin")
	}
	path := filepath.Join(t.TempDir(), "cortex-provider-openai")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../../plugins/openai").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	fixture, err := providertest.ReadFixture("../../plugins/openai/testdata/fixture.json")
	if err != nil {
		t.Fatal(err)
	}
	report, err := providertest.Check(t.Context(), door{store.Plugin{Name: "openai", Path: path}}, fixture, nil)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := report.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	if !report.Passed() || report.Reached != providertest.Faults {
		t.Error(b.String())
	}
}
