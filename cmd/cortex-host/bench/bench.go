package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A bench runs arms in turn.
type bench struct {
	options
	arms []arm
	dir  string // for its files
	log  io.Writer
}

// compare runs all arms on one case, round by round.
func (b *bench) compare(ctx context.Context, c Case) (*Comparison, error) {
	fmt.Fprintf(b.log, "%s\n", c)
	input := filepath.Join(b.dir, "queries.ndjson")
	if err := writeQueries(input, c.Queries); err != nil {
		return nil, err
	}
	result := &Comparison{Case: c}
	var arms []arm
	for _, a := range b.arms {
		if a.most == 0 || c.Queries <= a.most {
			arms = append(arms, a)
			result.Arms = append(result.Arms, &ArmResult{Name: a.name})
		}
	}
	// Round 0 warms caches up, of the host and of the machine.
	for round := range b.rounds + 1 {
		for i, a := range arms {
			run, err := b.runOnce(ctx, a, c, input)
			if err != nil {
				return nil, fmt.Errorf("arm %s: %w", a.name, err)
			}
			if round > 0 {
				result.Arms[i].Runs = append(result.Arms[i].Runs, run)
			}
		}
	}
	result.summarize()
	return result, nil
}

// runOnce runs one arm once, against a vendor of its own.
func (b *bench) runOnce(ctx context.Context, a arm, c Case, input string) (Run, error) {
	v, err := startVendor(ctx, c, b.dir)
	if err != nil {
		return Run{}, err
	}
	defer v.kill()
	j := job{Case: c, Arm: a.name, URL: v.url + "/v1", CA: v.ca, Input: input, Output: filepath.Join(b.dir, "answers.ndjson")}
	if b.profiles != "" {
		j.Profile = filepath.Join(b.profiles, a.name+"-"+c.Name+".pprof")
	}
	args, env, err := a.command(b, j)
	if err != nil {
		return Run{}, err
	}
	run, err := measured(ctx, args, env)
	if err != nil {
		return Run{}, err
	}
	if run.Answers, err = readAnswers(j, run.stdout); err != nil {
		return Run{}, err
	}
	if run.Answered != c.Queries {
		return Run{}, fmt.Errorf("%d of %d queries were answered", run.Answered, c.Queries)
	}
	stats, err := v.stop()
	if err != nil {
		return Run{}, err
	}
	if stats.Requests < c.Queries {
		return Run{}, fmt.Errorf("the vendor saw %d requests of %d queries", stats.Requests, c.Queries)
	}
	run.Requests, run.Refused, run.MaxInFlight, run.Connections = stats.Requests, stats.Refused, stats.MaxInFlight, stats.Connections
	return run, nil
}

// measured starts a command under a measuring parent and returns what it
// says.
func measured(ctx context.Context, args, env []string) (Run, error) {
	self, err := os.Executable()
	if err != nil {
		return Run{}, err
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, self, append([]string{roleMeasure, "--"}, args...)...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if env != nil {
		cmd.Env = env
	}
	if err := cmd.Run(); err != nil {
		return Run{}, fmt.Errorf("%w\n%s", err, lastBytes(stderr.Bytes(), 2000))
	}
	// The last line is the measurement; what is before it is the arm's own.
	out := bytes.TrimRight(stdout.Bytes(), "\n")
	cut := bytes.LastIndexByte(out, '\n') + 1
	var run Run
	if err := json.Unmarshal(out[cut:], &run); err != nil {
		return Run{}, fmt.Errorf("read the measurement: %w", err)
	}
	run.stdout = out[:cut]
	return run, nil
}

func lastBytes(b []byte, n int) string {
	return strings.TrimSpace(string(b[max(0, len(b)-n):]))
}

// writeQueries writes the file of queries, about 400 bytes each.
func writeQueries(path string, n int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	var line []byte
	for i := range n {
		q := query(i)
		line = append(q.AppendJSON(line[:0]), '\n')
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	return w.Flush()
}

// model is the model asked for.
const model = "mock"

// query returns the query with number i.
func query(i int) sdk.Query {
	return sdk.Query{
		ID: fmt.Sprintf("q%07d", i),
		Messages: []sdk.Message{
			{Role: sdk.System, Text: "You are a careful Linux administrator. Answer in three short sentences, say what you are unsure of, and never suggest a command that deletes data."},
			{Role: sdk.User, Text: fmt.Sprintf("Package number %d is installed in version 1.%d.3. The candidate is 1.%d.4 from the security archive. What does an administrator have to know before upgrading it?", i, i%50, i%50)},
		},
		TaskType: sdk.SystemOperation,
	}
}
