package process

import (
	"bytes"
	"context"
	"os"
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
