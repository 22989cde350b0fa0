package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// A vendorSpec tells the vendor's process how to behave.
type vendorSpec struct {
	Case
	CA string `json:"ca"` // where to write its CA
}

// runVendor is the vendor's process: it prints its URL, serves until its stdin
// ends, and prints what it saw.
func runVendor(spec string, stdin io.Reader, stdout io.Writer) error {
	var v vendorSpec
	if err := json.Unmarshal([]byte(spec), &v); err != nil {
		return err
	}
	answer := strings.Repeat("Everything is fine. ", v.AnswerBytes/20+1)[:v.AnswerBytes]
	server, err := upstream.Start(upstream.Config{
		TLS: v.TLS, Latency: v.Latency, Sigma: v.Sigma, Fast: true,
		// A burst of 5: without any, what two sends come closer by on their way is refused.
		Limit:  upstream.Limit{PerSecond: v.Rate, Burst: 5, RetryAfter: true, Headers: true},
		Answer: func(upstream.Request) string { return answer },
	})
	if err != nil {
		return err
	}
	defer server.Close()
	if v.TLS {
		if err := os.WriteFile(v.CA, server.CA(), 0o644); err != nil {
			return err
		}
	}
	fmt.Fprintln(stdout, server.URL())
	if _, err := io.Copy(io.Discard, stdin); err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(server.Stats())
}

// A vendor is a running vendor process.
type vendor struct {
	url, ca string
	cmd     *exec.Cmd
	stdin   io.Closer
	stdout  *bufio.Reader
}

func startVendor(ctx context.Context, c Case, dir string) (*vendor, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	spec := vendorSpec{Case: c}
	if c.TLS {
		spec.CA = filepath.Join(dir, "ca.pem")
	}
	data, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	v := &vendor{ca: spec.CA, cmd: exec.CommandContext(ctx, self, roleVendor, string(data))}
	v.cmd.Stderr = os.Stderr
	if v.stdin, err = v.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := v.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	v.stdout = bufio.NewReader(stdout)
	if err := v.cmd.Start(); err != nil {
		return nil, err
	}
	url, err := v.stdout.ReadString('\n')
	if err != nil {
		v.kill()
		return nil, fmt.Errorf("the mock vendor did not start: %w", err)
	}
	v.url = strings.TrimSpace(url)
	return v, nil
}

// stop ends the vendor and returns what it saw.
func (v *vendor) stop() (upstream.Stats, error) {
	var stats upstream.Stats
	v.stdin.Close()
	if err := json.NewDecoder(v.stdout).Decode(&stats); err != nil {
		return stats, fmt.Errorf("read what the mock vendor saw: %w", err)
	}
	return stats, v.cmd.Wait()
}

// kill ends the vendor if stop did not.
func (v *vendor) kill() {
	if v.cmd.ProcessState == nil {
		_ = v.cmd.Process.Kill()
		_ = v.cmd.Wait()
	}
}
