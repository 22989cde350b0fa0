package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/sdk/provider"
	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// debug starts a plugin as an author does under a debugger and returns the
// variable that it prints.
func debug(t *testing.T, name string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(layout, "plugins", "cortex-provider-"+name), "--debug")
	cmd.Env, cmd.Stderr = cleanEnv(t.TempDir()), os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(io.LimitReader(stdout, 4096)).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, provider.ReattachVariable+"=") {
		t.Fatalf("it printed %q, %v", line, err)
	}
	return cmd, strings.ReplaceAll(strings.TrimSpace(line), "'", "") // as a shell would read it
}

// A host joins a plugin that runs already, as often as it likes, and leaves it
// running.
func TestTheHostAttachesToAPluginUnderADebugger(t *testing.T) {
	plugin, variable := debug(t, "openai")
	s := startVendor(t, upstream.Config{})
	alone := filepath.Join(t.TempDir(), "cortex-host") // no plugins are beside it
	if err := os.Link(filepath.Join(layout, "cortex-host"), alone); err != nil {
		t.Skip("SKIPPED: ", err)
	}
	ask := func(n int) (string, string, int) {
		cmd := hostCommand(t, s, "batch", queryFile(t, n))
		cmd.Path, cmd.Env = alone, append(cmd.Env, variable)
		out, errs, _, code := timed(t, cmd)
		return out, errs, code
	}
	for range 2 {
		out, errs, code := ask(3)
		if code != 0 || strings.Count(out, "\n") != 3 || !strings.Contains(errs, "nobody verified it") {
			t.Fatalf("exit %d\n%s%s", code, out, errs)
		}
	}
	if err := plugin.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- plugin.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("interrupted, it ended with %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("interrupted, it still runs")
	}
	if _, errs, code := ask(1); code == 0 || !strings.Contains(errs, provider.ReattachVariable) {
		t.Errorf("a plugin that is gone: exit %d\n%s", code, errs)
	}
}
