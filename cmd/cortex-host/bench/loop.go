package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"
)

// runArm is the process of an arm that is written here.
func runArm(ctx context.Context, spec string, stdout io.Writer) error {
	var j job
	if err := json.Unmarshal([]byte(spec), &j); err != nil {
		return err
	}
	if j.Profile != "" {
		f, err := os.Create(j.Profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	client, err := newClient(j)
	if err != nil {
		return err
	}
	var times []time.Duration
	switch j.Arm {
	case "floor":
		times, err = loop(ctx, j, client.discard)
	case baseline:
		times, err = loop(ctx, j, client.ask)
	case "files":
		times, err = loopOverFiles(ctx, j, client)
	case "executor":
		times, err = runExecutor(ctx, j, client)
	default:
		err = fmt.Errorf("there is no arm %q", j.Arm)
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(answersOf(times))
}

// loop asks all queries, as many at once as the job says.
func loop(ctx context.Context, j job, ask func(context.Context, int) error) ([]time.Duration, error) {
	var next atomic.Int64
	return crew(j.InFlight, func() (bool, error) {
		i := int(next.Add(1)) - 1
		if i >= j.Queries {
			return false, nil
		}
		return true, ask(ctx, i)
	})
}

// crew calls work from n goroutines until it says that there is no more. It
// returns how long each call took that succeeded, and the first error.
func crew(n int, work func() (more bool, err error)) ([]time.Duration, error) {
	var mu sync.Mutex
	var times []time.Duration
	var first error
	var failed atomic.Bool
	var workers sync.WaitGroup
	for range n {
		workers.Go(func() {
			var own []time.Duration
			var err error
			for more := true; more && err == nil && !failed.Load(); {
				began := time.Now()
				if more, err = work(); more && err == nil {
					own = append(own, time.Since(began))
				}
			}
			mu.Lock()
			defer mu.Unlock()
			times = append(times, own...)
			if err != nil {
				first = cmp.Or(first, err)
				failed.Store(true)
			}
		})
	}
	workers.Wait()
	return times, first
}

// answerRow is what the arm files writes of an answer.
type answerRow struct {
	ID     string  `json:"id"`
	Answer string  `json:"answer"`
	Model  string  `json:"model"`
	Tokens int64   `json:"tokens"`
	Time   float64 `json:"time"`
}

// loopOverFiles reads queries from a file and writes a row for each answer.
func loopOverFiles(ctx context.Context, j job, c *client) ([]time.Duration, error) {
	in, err := os.Open(j.Input)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	out, err := os.Create(j.Output)
	if err != nil {
		return nil, err
	}
	defer os.Remove(j.Output)
	defer out.Close()
	var reading, writing sync.Mutex
	lines, rows := bufio.NewScanner(in), bufio.NewWriter(out)
	nextLine := func() ([]byte, bool) {
		reading.Lock()
		defer reading.Unlock()
		ok := lines.Scan()
		return bytes.Clone(lines.Bytes()), ok
	}
	times, err := crew(j.InFlight, func() (bool, error) {
		line, ok := nextLine()
		if !ok {
			return false, nil
		}
		var q struct {
			ID       string        `json:"id"`
			Messages []chatMessage `json:"messages"`
		}
		if err := json.Unmarshal(line, &q); err != nil {
			return false, err
		}
		began := time.Now()
		reply, err := c.chat(ctx, chatRequest{Model: model, Messages: q.Messages})
		if err != nil {
			return false, err
		}
		row, err := json.Marshal(answerRow{q.ID, reply.Choices[0].Message.Content, reply.Model,
			reply.Usage.PromptTokens + reply.Usage.CompletionTokens, time.Since(began).Seconds()})
		if err != nil {
			return false, err
		}
		writing.Lock()
		defer writing.Unlock()
		_, err = rows.Write(append(row, '\n'))
		return true, err
	})
	return times, errors.Join(err, lines.Err(), rows.Flush())
}
