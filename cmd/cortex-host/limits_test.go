package main

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/limiter"
	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// A shortSummary is what these tests read of a --summary.
type shortSummary struct {
	SuccessCount        int `json:"success_count"`
	PossiblyBilledCount int `json:"possibly_billed_count"`
	Lanes               []struct {
		Utilisation map[limiter.Cause]float64
		Restarts    int
	}
}

// summaryOf runs a command and returns its --summary.
func summaryOf(t *testing.T, cmd *exec.Cmd) shortSummary {
	t.Helper()
	path := filepath.Join(t.TempDir(), "summary.json")
	cmd.Args = append(cmd.Args, "--summary", path)
	_, errs, _, code := timed(t, cmd)
	if code != exitOK {
		t.Fatalf("exit %d\n%s", code, errs)
	}
	return readSummary(t, path)
}

func readSummary(t *testing.T, path string) shortSummary {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var s shortSummary
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// A vendor that counts prompt and completion tokens apart, and says so in its
// headers, is paced by both: from the wire to the statistics.
func TestTokensThatAVendorCountsApart(t *testing.T) {
	headers := http.Header{}
	for _, kind := range []string{"input", "output"} {
		headers.Set("anthropic-ratelimit-"+kind+"-tokens-limit", map[string]string{"input": "600000", "output": "60000"}[kind])
		headers.Set("anthropic-ratelimit-"+kind+"-tokens-remaining", map[string]string{"input": "599000", "output": "59000"}[kind])
		headers.Set("anthropic-ratelimit-"+kind+"-tokens-reset", time.Now().Add(30*time.Second).UTC().Format(time.RFC3339))
	}
	s := startVendor(t, upstream.Config{Dialect: upstream.Anthropic(), Script: upstream.Always(upstream.Reply{Header: headers})})
	home := t.TempDir()
	cmd := exec.Command(filepath.Join(layout, "cortex-host"), "batch", queryFile(t, 30), "--provider", "anthropic", "--base-url", s.URL(), "-j", "2", "--max-tokens", "100")
	cmd.Dir, cmd.Env = home, append(cleanEnv(home), "ANTHROPIC_API_KEY=sk-1")
	lane := summaryOf(t, cmd).Lanes[0]
	prompt, completion := lane.Utilisation[executor.PromptTokens], lane.Utilisation[executor.CompletionTokens]
	if prompt <= 0 || completion <= 0 || lane.Utilisation["tokens"] != 0 {
		t.Errorf("utilisation %v", lane.Utilisation)
	}
}

// A provider's process that dies is counted, and its queries are asked again.
func TestRestartsAreCounted(t *testing.T) {
	needsProc(t)
	s := startVendor(t, upstream.Config{Latency: 50 * time.Millisecond})
	path := filepath.Join(t.TempDir(), "summary.json")
	cmd, _, errs := running(t, s, 1, "batch", queryFile(t, 20), "-j", "1", "--summary", path)
	for deadline := time.Now().Add(20 * time.Second); s.Stats().Requests < 5 && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	for _, pid := range descendants(t, cmd.Process.Pid) {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	waitEnd(t, cmd, 20*time.Second)
	sum := readSummary(t, path)
	if code := cmd.ProcessState.ExitCode(); code != 0 || sum.SuccessCount != 20 || sum.Lanes[0].Restarts != 1 || sum.PossiblyBilledCount != 1 {
		t.Errorf("exit %d, %+v\n%s", code, sum, errs)
	}
}
