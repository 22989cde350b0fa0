package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// Answers is what an arm says of the queries that were answered.
type Answers struct {
	Answered int `json:"answered"`
	// P50 and P99 are how long a query took.
	P50 time.Duration `json:"p50_ns"`
	P99 time.Duration `json:"p99_ns"`
}

func answersOf(times []time.Duration) Answers {
	n := len(times)
	if n == 0 {
		return Answers{}
	}
	slices.Sort(times)
	return Answers{Answered: n, P50: times[n/2], P99: times[n*99/100]}
}

// readAnswers returns what an arm got answered: it says so itself, or it wrote
// a row for each query.
func readAnswers(j job, stdout []byte) (Answers, error) {
	if j.Arm != "batch" && j.Arm != "run" {
		var a Answers
		err := json.Unmarshal(stdout, &a)
		return a, err
	}
	f, err := os.Open(j.Output)
	if err != nil {
		return Answers{}, err
	}
	defer f.Close()
	defer os.Remove(j.Output)
	var times []time.Duration
	for lines := bufio.NewReader(f); ; {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return answersOf(times), nil
		}
		if err != nil {
			return Answers{}, err
		}
		var r sdk.Result
		if err := json.Unmarshal(line, &r); err != nil {
			return Answers{}, err
		}
		if r.Success() {
			times = append(times, r.ExecutionTime)
		}
	}
}
