package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// fromFiles makes a look at values that files of one line hold: a label and a
// file each.
func fromFiles(name string, files ...[2]string) look {
	return look{name: name, tell: func(_ context.Context, m *machine, sec *section, _ string) {
		for _, f := range files {
			if text := m.word(f[1]); text != "" {
				sec.from(f[1], m.now()).fact(f[0], "%s", clip(strings.Join(strings.Fields(text), " "), 200))
			}
		}
	}}
}

var (
	lookInotify = fromFiles("inotify",
		[2]string{"inotify watches", "/proc/sys/fs/inotify/max_user_watches"}, [2]string{"inotify instances", "/proc/sys/fs/inotify/max_user_instances"})
	lookConntrack = fromFiles("connection tracking",
		[2]string{"tracked now", "/proc/sys/net/netfilter/nf_conntrack_count"}, [2]string{"at most", "/proc/sys/net/netfilter/nf_conntrack_max"})
	lookGuards = fromFiles("mandatory access control",
		[2]string{"security modules", "/sys/kernel/security/lsm"}, [2]string{"SELinux enforces", "/sys/fs/selinux/enforce"}, [2]string{"AppArmor enabled", "/sys/module/apparmor/parameters/enabled"})
	lookInit = fromFiles("init", [2]string{"process 1 is", "/proc/1/comm"})
)

// lookFiles tells how many files are open, of how many.
var lookFiles = look{"open files", "", func(_ context.Context, m *machine, sec *section, _ string) {
	if f := strings.Fields(m.word("/proc/sys/fs/file-nr")); len(f) == 3 {
		sec.from("/proc/sys/fs/file-nr", m.now()).fact("open files", "%s of at most %s on the whole system; a process has its own limit, in /proc/PID/limits", f[0], f[2])
	}
}}

// lookTasks tells how many threads there are, of how many.
var lookTasks = look{"threads", "", func(_ context.Context, m *machine, sec *section, _ string) {
	f := strings.Fields(m.word("/proc/loadavg"))
	if len(f) < 4 {
		return
	}
	if _, all, ok := strings.Cut(f[3], "/"); ok {
		sec.from("/proc/loadavg, /proc/sys/kernel", m.now()).fact("threads", "%s; at most %s (threads-max) and %s numbers (pid_max)", all,
			orUnknown(m.word("/proc/sys/kernel/threads-max"), "number"), orUnknown(m.word("/proc/sys/kernel/pid_max"), "number"))
	}
	if max := m.word("/sys/fs/cgroup/pids.max"); max != "" && max != "max" {
		sec.from("/sys/fs/cgroup/pids.max", m.now()).fact("control group", "%s of at most %s", orUnknown(m.word("/sys/fs/cgroup/pids.current"), "number"), max)
	}
}}

// lookClock tells the time and whether anybody keeps it right.
var lookClock = look{"clock", "", func(_ context.Context, m *machine, sec *section, _ string) {
	g := sec.from("the kernel's clock (adjtimex)", m.now())
	g.fact("time", "%s", m.now().UTC().Format(time.RFC1123))
	switch synchronised, known := clockSynchronised(); {
	case !known:
	case synchronised:
		g.fact("synchronised", "yes")
	default:
		g.fact("synchronised", "no: no time service has set it, or its host keeps it without telling")
	}
}}

// lookKernel tells which kernel runs, and whether it is the installed one.
var lookKernel = look{"kernel", "", func(_ context.Context, m *machine, sec *section, _ string) {
	release := m.word("/proc/sys/kernel/osrelease")
	if release == "" {
		return
	}
	g := sec.from("/proc/sys/kernel, /lib/modules", m.now())
	g.fact("running kernel", "%s", release)
	if all := m.list("/lib/modules"); !slices.Contains(all, release) {
		g.fact("its modules", "not in /lib/modules, which holds %s", names(all, m.settings.list))
	}
	if tainted := m.word("/proc/sys/kernel/tainted"); tainted != "" && tainted != "0" {
		g.fact("tainted", "%s", taints(parseUint(tainted)))
	}
	if !m.modified("/run/reboot-required").IsZero() {
		g.fact("restart", "a package asked for one (/run/reboot-required)")
	}
}}

// taints names what a kernel's taint means, bit by bit, as far as it tells who
// to suspect.
func taints(flags uint64) string {
	var all []string
	for _, t := range []struct {
		bit  uint
		text string
	}{
		{0, "a proprietary module"}, {1, "a module loaded by force"}, {4, "a machine check"}, {5, "a bad page"}, {7, "it has had an oops"},
		{9, "a warning"}, {11, "a firmware workaround"}, {12, "a module from outside"}, {13, "an unsigned module"}, {14, "a soft lockup"}, {15, "a live patch"},
	} {
		if flags>>t.bit&1 == 1 {
			all = append(all, t.text)
		}
	}
	if len(all) == 0 {
		return fmt.Sprintf("flags %d", flags)
	}
	return strings.Join(all, ", ")
}

// lookUnit tells the state of the unit that the error names.
var lookUnit = look{"unit", "unit", func(ctx context.Context, m *machine, sec *section, name string) {
	if name == "" || !harmless.MatchString(name) {
		return
	}
	if !m.systemdRuns() || !m.tools.Has("systemctl") {
		sec.from("/proc/1", m.now()).fact(name, "its state is unknown: systemd does not run here")
		return
	}
	all, err := m.askUnits(ctx, []string{name})
	g := sec.from("systemctl show", m.now())
	if err != nil || len(all) == 0 {
		g.fact(name, "its state was not found out")
		return
	}
	g.fact(name, "%s", all[0].describe())
}}

// lookFailedUnits tells which units have failed.
var lookFailedUnits = look{"failed units", "", func(ctx context.Context, m *machine, sec *section, _ string) {
	if !m.systemdRuns() || !m.tools.Has("systemctl") {
		return
	}
	out, err := m.tools.Run(ctx, "systemctl", "list-units", "--failed", "--plain", "--no-legend", "--no-pager")
	if err != nil || out.exit != 0 {
		return
	}
	var failed []string
	for _, line := range lines(out.stdout) {
		failed = append(failed, strings.Fields(line)[0])
	}
	sec.from("systemctl list-units --failed", m.now()).fact("failed units", "%s", names(failed, m.settings.list))
}}

// lookProgram tells where the program is that the error names.
var lookProgram = look{"program", "program", func(_ context.Context, m *machine, sec *section, name string) {
	if name == "" || !harmless.MatchString(name) || strings.Contains(name, "/") {
		return
	}
	g := sec.from(systemPath, m.now())
	if m.tools.Has(name) {
		g.fact(name, "is on this machine; the PATH of whoever called it may be shorter")
		return
	}
	g.fact(name, "is in none of these directories")
}}

// lookTrust tells how old the system's store of authorities is.
var lookTrust = look{"certificate authorities", "", func(_ context.Context, m *machine, sec *section, _ string) {
	for _, file := range []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"} {
		if when := m.modified(file); !when.IsZero() {
			sec.from(file, m.now()).fact("authorities", "the system's store was written %s (%s)", stamp(when), age(m.now().Sub(when)))
			return
		}
	}
	sec.from("/etc/ssl, /etc/pki", m.now()).fact("authorities", "this machine has no store of certificate authorities (ca-certificates is not installed)")
}}

// lookPython tells which interpreters there are, and whether pip may touch
// them.
var lookPython = look{"Python", "", func(_ context.Context, m *machine, sec *section, _ string) {
	var found []string
	for _, name := range m.list("/usr/lib") {
		if strings.HasPrefix(name, "python3.") {
			if !m.modified("/usr/lib/" + name + "/EXTERNALLY-MANAGED").IsZero() {
				name += " (externally managed)"
			}
			found = append(found, name)
		}
	}
	if len(found) > 0 {
		sec.from("/usr/lib", m.now()).fact("Python here", "%s", names(found, m.settings.list))
	}
}}
