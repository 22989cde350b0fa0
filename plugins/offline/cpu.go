package main

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/shirou/gopsutil/v3/cpu"
	"github.com/shirou/gopsutil/v3/host"
	"github.com/shirou/gopsutil/v3/load"
)

func lookAtCPU(ctx context.Context, r *report) error {
	sec := r.sheet.section("Processor")
	threads, err := cpu.CountsWithContext(ctx, true)
	if err != nil {
		return fmt.Errorf("count the CPUs: %w", err)
	}
	g := r.from(sec, "/proc/cpuinfo")
	if info, err := cpu.InfoWithContext(ctx); err == nil && len(info) > 0 {
		g.fact("model", "%s", info[0].ModelName)
	}
	if cores, err := cpu.CountsWithContext(ctx, false); err == nil && cores > 0 {
		g.fact("cores", "%d, %d threads", cores, threads)
	} else {
		g.fact("threads", "%d", threads)
	}
	if governor := r.m.word("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"); governor != "" {
		r.from(sec, "/sys/devices/system/cpu/cpu0/cpufreq").fact("governor", "%s", governor)
	}
	r.use(ctx, threads)
	r.throttling(sec)
	r.temperatures(ctx, sec)
	r.weaknesses(sec)
	return nil
}

// lookAtUse tells how busy the processor is.
func lookAtUse(ctx context.Context, r *report) error {
	threads, err := cpu.CountsWithContext(ctx, true)
	if err != nil {
		return fmt.Errorf("count the CPUs: %w", err)
	}
	r.use(ctx, threads)
	return nil
}

func (r *report) use(ctx context.Context, threads int) {
	use := r.sheet.section("Use")
	if avg, err := load.AvgWithContext(ctx); err == nil && threads > 0 {
		r.from(use, "/proc/loadavg").fact("load", "%.2f, %.2f, %.2f over 1, 5 and 15 minutes, on %d threads", avg.Load1, avg.Load5, avg.Load15, threads)
		r.judge(loadPerThread, avg.Load5/float64(threads), "/proc/loadavg", "the load of the last 5 minutes is %.2f times the number of threads")
	}
	r.addPressure(use, "cpu", "some", cpuStall)
	if times, err := cpu.TimesWithContext(ctx, false); err == nil && len(times) == 1 {
		t := times[0]
		if total := t.User + t.System + t.Idle + t.Nice + t.Iowait + t.Irq + t.Softirq + t.Steal; total > 0 && t.Steal > 0 {
			percent := 100 * t.Steal / total
			r.from(use, "/proc/stat").fact("stolen", "%.1f %% of CPU time since boot went to other guests of the hypervisor", percent)
			r.judge(stealPercent, percent, "/proc/stat", "%.1f %% of CPU time since boot was taken by the hypervisor")
		}
	}
	r.quota(use)
}

// quota tells of the limit of the control group that this process runs in.
func (r *report) quota(sec *section) {
	const dir = "/sys/fs/cgroup/"
	limit := strings.Fields(r.m.word(dir + "cpu.max"))
	if len(limit) != 2 || limit[0] == "max" {
		return
	}
	g := r.from(sec, dir+"cpu.max, cpu.stat")
	if period := parseUint(limit[1]); period > 0 {
		g.fact("limit", "%.2f CPUs, set by the control group", float64(parseUint(limit[0]))/float64(period))
	}
	for line := range strings.Lines(r.m.read(dir+"cpu.stat", 4096)) {
		if n, ok := strings.CutPrefix(line, "nr_throttled "); ok && parseUint(n) > 0 {
			g.fact("throttled", "%s times by that limit", strings.TrimSpace(n))
		}
	}
}

// throttling adds up how often CPUs slowed down because of heat.
func (r *report) throttling(sec *section) {
	const dir = "/sys/devices/system/cpu"
	var events uint64
	known := false
	for _, name := range r.m.list(dir) {
		for _, file := range []string{"core_throttle_count", "package_throttle_count"} {
			if text := r.m.word(path.Join(dir, name, "thermal_throttle", file)); text != "" {
				known = true
				events = max(events, parseUint(text))
			}
		}
	}
	source := dir + "/cpu*/thermal_throttle"
	if !known {
		r.from(sec, dir).fact("throttling", "unknown: this CPU or hypervisor keeps no count")
		return
	}
	r.from(sec, source).fact("throttling", "at most %d times on one CPU since boot", events)
	if events > 0 {
		r.find(warning, source, "a CPU slowed down %d times since boot because of heat (%s from 1)", events, warning)
	}
}

// temperatures adds what sensors say, judged by their own limits.
func (r *report) temperatures(ctx context.Context, sec *section) {
	const source = "/sys/class/hwmon, /sys/class/thermal"
	sensors, _ := host.SensorsTemperaturesWithContext(ctx) // what can't be read is left out
	hottest := -1
	for i, s := range sensors {
		if s.Temperature <= 0 || s.Temperature > 150 { // no sensor is connected there
			continue
		}
		if hottest < 0 || s.Temperature > sensors[hottest].Temperature {
			hottest = i
		}
		t := celsius
		if s.High > 0 && s.High < 150 {
			t = threshold{s.High, max(s.Critical, s.High)}
			if s.Critical <= 0 {
				t.critical = s.High + 10
			}
		}
		r.judge(t, s.Temperature, source, "%.0f degrees Celsius at the sensor %s", s.SensorKey)
	}
	if hottest < 0 {
		r.from(sec, source).fact("temperature", "unknown: no sensor can be read")
		return
	}
	r.from(sec, source).fact("temperature", "%.0f degrees Celsius at the hottest of %d sensors, %s", sensors[hottest].Temperature, len(sensors), sensors[hottest].SensorKey)
}

// weaknesses quotes the kernel on the CPU's known weaknesses.
func (r *report) weaknesses(sec *section) {
	const dir = "/sys/devices/system/cpu/vulnerabilities"
	var open []string
	all := r.m.list(dir)
	for _, name := range all {
		if text := r.m.word(path.Join(dir, name)); strings.HasPrefix(text, "Vulnerable") {
			open = append(open, name)
		}
	}
	if len(all) > 0 {
		r.from(sec, dir).fact("weaknesses", "of %d that the kernel knows it calls the CPU vulnerable to %s", len(all), names(open, r.m.settings.list))
	}
}
