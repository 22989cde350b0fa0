package main

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/shirou/gopsutil/v3/mem"
)

func lookAtMemory(ctx context.Context, r *report) error {
	sec := r.sheet.section("Memory")
	v, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return fmt.Errorf("read the memory's size: %w", err)
	}
	if v.Total == 0 {
		return fmt.Errorf("the memory's size is not known")
	}
	const meminfo = "/proc/meminfo"
	taken := 100 * (1 - float64(v.Available)/float64(v.Total))
	g := r.from(sec, meminfo)
	g.fact("installed", "%s", size(v.Total))
	g.fact("available", "%s, %.0f %%", size(v.Available), 100-taken)
	if v.Dirty+v.WriteBack > 0 {
		g.fact("to be written", "%s", size(v.Dirty+v.WriteBack))
	}
	if v.HugePagesTotal > 0 {
		g.fact("huge pages", "%d, of them %d free", v.HugePagesTotal, v.HugePagesFree)
	}
	r.judge(lowMemory, taken, meminfo, "%.0f %% of the memory is taken, %s is available", size(v.Available))
	r.swap(ctx, g, v)
	r.addPressure(sec, "memory", "full", memoryStall)
	r.killed(sec)
	r.memoryLimit(sec)
	r.memoryErrors(sec)
	return nil
}

// swap tells of the swap and judges how full it is.
func (r *report) swap(ctx context.Context, g *group, v *mem.VirtualMemoryStat) {
	total, free := v.SwapTotal, v.SwapFree
	if total == 0 { // none, or a system that tells elsewhere
		if s, err := mem.SwapMemoryWithContext(ctx); err == nil {
			total, free = s.Total, s.Free
		}
	}
	if total == 0 {
		g.fact("swap", "none")
		return
	}
	percent := 100 * float64(total-min(free, total)) / float64(total)
	g.fact("swap", "%s of %s in use, %.0f %%", size(total-min(free, total)), size(total), percent)
	r.judge(swapPercent, percent, g.source, "%.0f %% of the swap is in use")
}

// killed tells how many processes the kernel killed for want of memory.
func (r *report) killed(sec *section) {
	for line := range strings.Lines(r.m.read("/proc/vmstat", 64<<10)) {
		text, ok := strings.CutPrefix(line, "oom_kill ")
		if !ok {
			continue
		}
		n := parseUint(text)
		r.from(sec, "/proc/vmstat").fact("killed", "%d processes since boot, for want of memory", n)
		if n > 0 {
			r.find(warning, "/proc/vmstat", "the kernel killed %s since boot for want of memory (%s from 1)", count(int(n), "process", "processes"), warning)
		}
	}
}

// memoryLimit tells of the limit of the control group that this process runs
// in.
func (r *report) memoryLimit(sec *section) {
	const dir = "/sys/fs/cgroup/"
	limit, used := parseUint(r.m.word(dir+"memory.max")), parseUint(r.m.word(dir+"memory.current"))
	if limit == 0 {
		return
	}
	percent := 100 * float64(used) / float64(limit)
	r.from(sec, dir+"memory.max").fact("limit", "%s, set by the control group; %s in use, %.0f %%", size(limit), size(used), percent)
	r.judge(lowMemory, percent, dir+"memory.current", "%.0f %% of the control group's memory is in use")
}

// memoryErrors tells what the memory controllers found and mended.
func (r *report) memoryErrors(sec *section) {
	const dir = "/sys/devices/system/edac/mc"
	var mended, lost uint64
	controllers := 0
	for _, name := range r.m.list(dir) {
		ce := r.m.word(path.Join(dir, name, "ce_count"))
		if ce == "" {
			continue
		}
		controllers++
		mended += parseUint(ce)
		lost += parseUint(r.m.word(path.Join(dir, name, "ue_count")))
	}
	if controllers == 0 {
		return
	}
	r.from(sec, dir).fact("errors", "%d corrected, %d not corrected since boot", mended, lost)
	switch {
	case lost > 0:
		r.find(critical, dir, "%d errors of the memory could not be corrected since boot (%s from 1)", lost, critical)
	case mended > 0:
		r.find(warning, dir, "%d errors of the memory were corrected since boot (%s from 1)", mended, warning)
	}
}
