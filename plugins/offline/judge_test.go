package main

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// tool asks one of this machine's tools as a person would, or skips.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not on this machine", name)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Env = append(cmd.Environ(), "LC_ALL=C")
	out, err := cmd.Output()
	if err != nil && name != "apt-cache" {
		t.Fatalf("%s %v: %v", name, args, err)
	}
	return string(out)
}

// fieldOf returns the value of "label: value" in a tool's output.
func fieldOf(text, label string) string {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), label+": "); ok {
			return strings.Trim(value, "()")
		}
	}
	return ""
}

// factOf returns the value of a label in a sheet.
func factOf(sheet, label string) string {
	for line := range strings.Lines(sheet) {
		if value, ok := strings.CutPrefix(line, indent+label+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// The answers agree with what dpkg and apt themselves say on this machine.
func TestAgreesWithThisMachine(t *testing.T) {
	tool(t, "dpkg-query", "--version")
	p := new(Provider)
	if err := p.Configure(t.Context(), sdk.Settings{"simulate": json.RawMessage("false")}); err != nil {
		t.Fatal(err)
	}
	lists := p.machine.Load().aptListState()
	held := " " + strings.Join(strings.Fields(tool(t, "dpkg-query", "-W", "-f", "${db:Status-Want} ${Package}\\n")), " ") + " "
	asked := []string{"bash", "tar", "dpkg", "libc6"}
	policy := ""
	if lists.present {
		policy = "\n" + tool(t, "apt-cache", append([]string{"policy"}, asked...)...)
	}
	for _, name := range asked {
		r, err := ask(t, p, sdk.SystemOperation, "package", name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		installed, _, _ := strings.Cut(factOf(r.Content, "installed"), ",")
		if want := strings.Fields(tool(t, "dpkg-query", "-W", "-f", "${Version} ", name)); len(want) == 0 || installed != want[0] {
			t.Errorf("%s: installed is %q, dpkg says %q", name, installed, want)
		}
		if onHold := strings.Contains(held, " hold "+name+" "); onHold != strings.Contains(r.Content, "on hold") {
			t.Errorf("%s: dpkg's hold is %v:\n%s", name, onHold, r.Content)
		}
		if !lists.present {
			if !strings.Contains(r.Content, "none on this machine: candidate and security version") || factOf(r.Content, "candidate") != "" {
				t.Errorf("%s: there are no package lists, and the answer does not say so:\n%s", name, r.Content)
			}
			continue
		}
		_, its, _ := strings.Cut(policy, "\n"+name+":\n")
		if want, got := fieldOf(its, "Candidate"), factOf(r.Content, "candidate"); got != want || want == "" {
			t.Errorf("%s: candidate is %q, apt-cache says %q", name, got, want)
		}
	}
	if _, err := ask(t, p, sdk.SystemOperation, "package", "no-such-package-anywhere"); sdk.KindOf(err) != sdk.NotAnswered {
		t.Errorf("a package that nobody knows: %v", err)
	}
}

// Without package lists, as in a fresh container, what is installed is told,
// and what is not known is said.
func TestMachineWithoutLists(t *testing.T) {
	tool(t, "dpkg-query", "--version")
	m := newMachine(settings{timeout: time.Minute, list: 5, atOnce: 2, simulate: true})
	m.root = t.TempDir() // no lists, no configuration files, no /proc
	place(t, m.root, dpkgStatus, func(path string) error { return writeFile(path, "x") })
	m.manager = m.findManager()
	s, err := m.answerPackage(t.Context(), "bash")
	if err != nil {
		t.Fatal(err)
	}
	got := s.String()
	if want := strings.Fields(tool(t, "dpkg-query", "-W", "-f", "${Version}", "bash"))[0]; !strings.Contains(got, want) || !strings.Contains(got, "none on this machine: candidate and security version") {
		t.Errorf("want %s and a word about the lists in\n%s", want, got)
	}
}

// Five answers take less than a second of a machine with two CPUs, once apt has
// its index. Other work on the machine does not count: what is measured is the
// time that the tools and this process had of a CPU. CI allows three times that.
func TestFiveAnswersAreQuick(t *testing.T) {
	if testing.Short() {
		t.Skip("a measurement")
	}
	tool(t, "dpkg-query", "--version")
	if _, err := ask(t, new(Provider), sdk.SystemOperation, "package", "bash"); err != nil {
		t.Fatal(err)
	}
	began, before := time.Now(), cpuTime()
	p := new(Provider)
	failed := make(chan error)
	five := []string{"bash", "coreutils", "grep", "gzip", "tar"}
	for _, name := range five {
		go func() {
			_, err := ask(t, p, sdk.SystemOperation, "package", name)
			failed <- err
		}()
	}
	for range five {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	spent := cpuTime() - before
	t.Logf("five answers took %v, and %v of CPU time", time.Since(began), spent)
	if spent > 6*time.Second {
		t.Errorf("five answers took %v of CPU time, want 2s, and 6s at most", spent)
	}
}

func BenchmarkPackage(b *testing.B) {
	if _, err := exec.LookPath("dpkg-query"); err != nil {
		b.Skip("dpkg is not on this machine")
	}
	for b.Loop() {
		if _, err := ask(b, new(Provider), sdk.SystemOperation, "package", "bash"); err != nil {
			b.Fatal(err)
		}
	}
}
