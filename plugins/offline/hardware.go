package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/shirou/gopsutil/v3/common"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A part of the machine, its names in small letters, and what looks at it.
type part struct {
	name  string
	names map[string]bool
	look  func(context.Context, *report) error
}

var parts = []part{
	{"CPU", words("cpu cpus processor processors"), lookAtCPU},
	{"RAM", words("ram memory mem swap"), lookAtMemory},
	{"Storage", words("storage disk disks ssd hdd nvme filesystem filesystems"), lookAtStorage},
	{"Network", words("network networking net nic nics ethernet wifi lan"), lookAtNetwork},
	{"GPU", words("gpu gpus graphics video vga accelerator accelerators"), lookAtGPU},
}

// A report is a sheet in the making: facts, and findings where a fact passed a
// threshold.
type report struct {
	m        *machine
	sheet    sheet
	findings []finding
}

// A finding is what an administrator should look at.
type finding struct {
	level level
	text  string
	origin
}

// find notes a finding.
func (r *report) find(l level, source, format string, args ...any) {
	if l > fine {
		r.findings = append(r.findings, finding{l, fmt.Sprintf(format, args...), origin{source, r.m.now()}})
	}
}

// judge notes a finding if a value passes a threshold. what holds a place for
// the value and says its unit, as in "%.0f %% of / is in use".
func (r *report) judge(t threshold, value float64, source, what string, args ...any) {
	if l := t.of(value); l > fine {
		r.find(l, source, what+fmt.Sprintf(" (%s from %v)", l, t.limit(l)), append([]any{value}, args...)...)
	}
}

// from begins a group of facts that are of this moment.
func (r *report) from(sec *section, source string) *group { return sec.from(source, r.m.now()) }

func (m *machine) answerHardware(ctx context.Context, name string) (*sheet, error) {
	for _, p := range parts {
		if !p.names[strings.ToLower(name)] {
			continue
		}
		r := &report{m: m}
		if err := p.look(m.withRoot(ctx), r); err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return r.finish(p.name)
	}
	return nil, sdk.Errorf(sdk.NotAnswered, "offline has no facts about %q; it knows CPU, RAM, Storage, Network and GPU", clip(plain(name), 60))
}

// finish puts the findings first, the worst of them into the headline.
func (r *report) finish(name string) (*sheet, error) {
	facts := 0
	for _, sec := range r.sheet.sections {
		for _, g := range sec.groups {
			facts += len(g.lines)
		}
	}
	if facts == 0 {
		return nil, sdk.Errorf(sdk.NotAnswered, "nothing about the %s of this machine can be read by this user", name)
	}
	slices.SortStableFunc(r.findings, func(a, b finding) int { return int(b.level) - int(a.level) })
	if r.sheet.headline == "" {
		r.sheet.headline = "nothing passes a threshold"
	}
	if len(r.findings) > 0 {
		first := r.findings[0]
		r.sheet.headline = first.level.String() + ", " + first.text
		if more := len(r.findings) - 1; more > 0 {
			r.sheet.headline += fmt.Sprintf("; %s", count(more, "more finding", "more findings"))
		}
		found := &section{title: "Findings"}
		for _, f := range r.findings {
			found.from(f.source, f.asOf).fact(f.level.String(), "%s", f.text)
		}
		r.sheet.sections = append([]*section{found}, r.sheet.sections...)
	}
	r.sheet.headline = name + ": " + r.sheet.headline
	return &r.sheet, nil
}

// withRoot tells gopsutil where the machine's files are, if not at /.
func (m *machine) withRoot(ctx context.Context) context.Context {
	if m.root == "/" {
		return ctx
	}
	return context.WithValue(ctx, common.EnvKey, common.EnvMap{
		common.HostProcEnvKey: m.path("/proc"), common.HostSysEnvKey: m.path("/sys"),
		common.HostEtcEnvKey: m.path("/etc"),
	})
}

// pressure reads a share of /proc/pressure: percent of the last minute in which
// some or all ("full") tasks waited.
func (m *machine) pressure(resource, who string) (percent float64, ok bool) {
	for line := range strings.Lines(m.read("/proc/pressure/"+resource, 4096)) {
		f := strings.Fields(line)
		if len(f) < 3 || f[0] != who {
			continue
		}
		if text, found := strings.CutPrefix(f[2], "avg60="); found {
			if _, err := fmt.Sscanf(text, "%g", &percent); err == nil {
				return percent, true
			}
		}
	}
	return 0, false
}

// addPressure adds what /proc/pressure says of a resource, and judges it.
func (r *report) addPressure(sec *section, resource, who string, t threshold) {
	source := "/proc/pressure/" + resource
	percent, ok := r.m.pressure(resource, who)
	if !ok {
		return
	}
	whose := map[string]string{"some": "some task", "full": "every task"}[who]
	r.from(sec, source).fact("pressure", "for %.1f %% of the last minute %s waited for it", percent, whose)
	r.judge(t, percent, source, "for %.1f %% of the last minute "+whose+" waited for "+resource)
}
