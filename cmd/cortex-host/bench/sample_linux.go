package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// A sampler looks at the memory and the CPU time of all descendants of a
// process.
type sampler struct {
	root      int
	peak      int64
	processes int
	cpu       map[int]ProcessCPU // by process id, as last seen
}

func newSampler(root int) *sampler { return &sampler{root: root, cpu: map[int]ProcessCPU{}} }

// run samples until stop is closed: seldom in a long run, whose memory is level
// by then, and whose latency would show every look at it.
func (s *sampler) run(stop <-chan struct{}) {
	for began := time.Now(); ; {
		s.sample()
		select {
		case <-stop:
			return
		case <-time.After(max(sampleEvery, time.Since(began)/5)):
		}
	}
}

func (s *sampler) sample() {
	var sum int64
	family := descendants(s.root)
	for _, pid := range family {
		sum += memoryOf(pid)
		if cpu, ok := cpuOf(pid); ok {
			s.cpu[pid] = cpu
		}
	}
	s.peak = max(s.peak, sum)
	s.processes = max(s.processes, len(family))
}

// byName adds up the CPU time of processes of one name, the busiest first.
func (s *sampler) byName() []ProcessCPU {
	sums := map[string]time.Duration{}
	for _, p := range s.cpu {
		sums[p.Name] += p.CPU
	}
	var list []ProcessCPU
	for name, cpu := range sums {
		list = append(list, ProcessCPU{name, cpu})
	}
	slices.SortFunc(list, func(a, b ProcessCPU) int { return cmp.Compare(b.CPU, a.CPU) })
	return list
}

// cpuOf returns the name of a process and the CPU time that it took itself.
func cpuOf(pid int) (ProcessCPU, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ProcessCPU{}, false
	}
	command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || len(command) == 0 {
		return ProcessCPU{}, false // it ended and waits to be noticed
	}
	// The fields after the name in parentheses; utime and stime are the 14th
	// and 15th of all, in ticks of 10 ms.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return ProcessCPU{}, false
	}
	ticks := firstNumber(fields[11]) + firstNumber(fields[12])
	program, _, _ := bytes.Cut(command, []byte{0})
	return ProcessCPU{filepath.Base(string(program)), time.Duration(ticks) * 10 * time.Millisecond}, true
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
