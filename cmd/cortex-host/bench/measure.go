package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// A Run is what was measured of one run of an arm.
type Run struct {
	Wall time.Duration `json:"wall_ns"`
	// CPU is the user and system time of all processes of the arm.
	CPU time.Duration `json:"cpu_ns"`
	// PeakBytes is the highest sum of memory of all processes, Processes the
	// highest number of them, among samples.
	PeakBytes int64 `json:"peak_bytes"`
	Processes int   `json:"processes"`
	// ByProcess tells roughly which programs took the CPU time, as far as
	// samples saw it.
	ByProcess []ProcessCPU `json:"by_process"`
	Answers
	// What the vendor saw.
	Requests    int `json:"requests"`
	Refused     int `json:"refused"`
	MaxInFlight int `json:"max_in_flight"`
	Connections int `json:"connections"`

	stdout []byte
}

// ProcessCPU is the CPU time of all processes of one name.
type ProcessCPU struct {
	Name string        `json:"name"`
	CPU  time.Duration `json:"cpu_ns"`
}

// sampleEvery is how often processes are looked at in the beginning.
const sampleEvery = 25 * time.Millisecond

// runMeasure runs a command, waits for it and all its descendants, and prints
// what they took after what they print themselves.
func runMeasure(args []string, stdout io.Writer) error {
	if args[0] != "--" || len(args) < 2 {
		return errors.New("usage: bench measure -- COMMAND [ARGUMENT...]")
	}
	run, err := measure(args[1:])
	if err != nil {
		return fmt.Errorf("%s: %w", args[1], err)
	}
	return json.NewEncoder(stdout).Encode(run)
}
