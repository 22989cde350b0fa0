package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// A sampler looks at the memory of all descendants of a process.
type sampler struct {
	root      int
	peak      int64
	processes int
}

func newSampler(root int) *sampler { return &sampler{root: root} }

// run samples until stop is closed.
func (s *sampler) run(stop <-chan struct{}) {
	ticker := time.NewTicker(sampleEvery)
	defer ticker.Stop()
	for {
		s.sample()
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
	}
}

func (s *sampler) sample() {
	var sum int64
	family := descendants(s.root)
	for _, pid := range family {
		sum += memoryOf(pid)
	}
	s.peak = max(s.peak, sum)
	s.processes = max(s.processes, len(family))
}

// descendants returns the children of a process, their children and so on. The
// kernel lists children by the thread that started them.
func descendants(pid int) []int {
	var list []int
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil // it ended
	}
	for _, thread := range threads {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, thread.Name()))
		if err != nil {
			continue
		}
		for _, field := range bytes.Fields(data) {
			child, err := strconv.Atoi(string(field))
			if err == nil {
				list = append(append(list, child), descendants(child)...)
			}
		}
	}
	return list
}

// memoryOf returns a process's proportional share of the memory that it uses,
// or its resident memory where the kernel does not tell the share.
func memoryOf(pid int) int64 {
	if data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid)); err == nil {
		if _, rest, ok := bytes.Cut(data, []byte("\nPss:")); ok {
			return firstNumber(rest) << 10
		}
	}
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(data, []byte("\nVmRSS:"))
	return firstNumber(rest) << 10
}

func firstNumber(b []byte) int64 {
	fields := bytes.Fields(b[:min(len(b), 64)])
	if len(fields) == 0 {
		return 0
	}
	n, err := strconv.ParseInt(string(fields[0]), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
