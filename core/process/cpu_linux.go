package process

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// clockTick is the unit of /proc's times: 100 a second on every platform that
// Go knows.
const clockTick = 10 * time.Millisecond

// processorTime returns how much processor time the plugin's process has used.
func (i *instance) processorTime() time.Duration {
	_, pid, err := i.child.process.Report(context.Background())
	if err != nil {
		return 0
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	// pid (name) state ...: the user's time is the 14th field, the system's the
	// next; the name may hold anything.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(string(fields[11]), 10, 64)
	system, _ := strconv.ParseInt(string(fields[12]), 10, 64)
	return time.Duration(user+system) * clockTick
}

// waits returns how long each thread that the plugin has now has waited for a
// processor, and whether one waits for a disk: on a machine that has too much to
// do, or too little memory, a plugin may do nothing for seconds and be well.
func (i *instance) waits() waits {
	w := waits{processor: map[string]time.Duration{}}
	_, pid, err := i.child.process.Report(context.Background())
	if err != nil {
		return w
	}
	tasks := "/proc/" + strconv.Itoa(pid) + "/task"
	entries, err := os.ReadDir(tasks)
	if err != nil {
		return w
	}
	for _, e := range entries {
		// time on a processor, time waiting for one, in ns
		if text, err := os.ReadFile(filepath.Join(tasks, e.Name(), "schedstat")); err == nil {
			if fields := bytes.Fields(text); len(fields) > 1 {
				ns, _ := strconv.ParseInt(string(fields[1]), 10, 64)
				w.processor[e.Name()] = time.Duration(ns)
			}
		}
		if text, err := os.ReadFile(filepath.Join(tasks, e.Name(), "stat")); err == nil {
			w.disk = w.disk || bytes.HasPrefix(text[bytes.LastIndexByte(text, ')')+1:], []byte(" D"))
		}
	}
	return w
}
