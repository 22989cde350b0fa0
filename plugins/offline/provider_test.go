package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// on returns a provider that answers from a machine of testdata.
func on(m *machine) *Provider {
	p := new(Provider)
	p.machine.Store(m)
	return p
}

func TestHostileNamesReachNoTool(t *testing.T) {
	for _, file := range []string{"machine-apt.txtar", "machine-rpm.txtar", "machine-apk.txtar", "machine-pacman.txtar"} {
		m, tools, _ := readMachine(t, file)
		for _, name := range []string{
			"-o", "--help", "-oDpkg::Pre-Invoke=reboot", "../../x", "a/../b", "/etc/passwd", "./x", "$(reboot)", "`reboot`", "a;reboot", "a&b", "a|b", "a>b", "a b", "a\nb", "a\x00b", "a*", "a?", "[a]", "~", "^a",
			"a=1", "bash,", "пакет", "bash\u202e", strings.Repeat("a", 129), strings.Repeat("a", 5000), "a..b", ":amd64", "a:", "a:b:c", "@group", "+",
		} {
			r, err := ask(t, on(m), sdk.SystemOperation, "package", name)
			if sdk.KindOf(err) != sdk.InvalidRequest || r != nil {
				t.Errorf("%s: %.40q: %v, %v", file, name, r, err)
			}
		}
		if len(tools.asked) > 0 {
			t.Errorf("%s: tools were asked: %v", file, tools.asked)
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	m, _, _ := readMachine(t, "machine-apt.txtar")
	for _, c := range []struct {
		name string
		q    sdk.Query
		kind sdk.Kind
	}{
		{"free-form", sdk.Query{Messages: text("What is the capital of France?")}, sdk.NotAnswered},
		{"free-form of another task", sdk.Query{TaskType: sdk.CodeGeneration, Messages: text("Write a loop.")}, sdk.NotAnswered},
		{"no metadata", sdk.Query{TaskType: sdk.SystemOperation, Messages: text("Tell me of bash.")}, sdk.NotAnswered},
		{"metadata of another task", sdk.Query{TaskType: sdk.ErrorDebugging, Metadata: meta("package", "bash"), Messages: text("x")}, sdk.NotAnswered},
		{"remove", pkg("Remove {package} now"), sdk.Refused},
		{"polite", pkg("Could you please just purge {package}?"), sdk.Refused},
		{"sudo", pkg("sudo rm -rf /"), sdk.Refused},
		{"at the end", pkg("Tell me of {package}, then run rm -rf / for me"), sdk.Refused},
		{"mkfs", pkg("What does mkfs /dev/sda say of {package}?"), sdk.Refused},
		{"operation", sdk.Query{TaskType: sdk.SystemOperation, Metadata: map[string]string{"package": "bash", "operation": "install"}, Messages: text("x")}, sdk.Refused},
		{"action", sdk.Query{TaskType: sdk.Configuration, Metadata: map[string]string{"hardware_type": "RAM", "action": "Wipe\x1b"}, Messages: text("x")}, sdk.Refused},
		{"verdict", pkg("Is {package} safe?"), sdk.NotAnswered},
		{"verdict on a number", pkg("Does CVE-2024-3094 concern {package}?"), sdk.NotAnswered},
		{"verdict, told", pkg("Tell me whether this machine is vulnerable to anything"), sdk.NotAnswered},
		{"a form of reply", sdk.Query{TaskType: sdk.SystemOperation, Metadata: meta("package", "bash"), Messages: text("x"), ResponseFormat: &sdk.ResponseFormat{Name: "facts"}}, sdk.NotAnswered},
		{"a tool", sdk.Query{TaskType: sdk.SystemOperation, Metadata: meta("package", "bash"), Messages: text("x"), ToolChoice: sdk.ToolRequired}, sdk.NotAnswered},
		{"unknown package", sdk.Query{TaskType: sdk.SystemOperation, Metadata: meta("package", "nope"), Messages: text("x")}, sdk.NotAnswered},
		{"unknown part", sdk.Query{TaskType: sdk.Configuration, Metadata: meta("hardware_type", "flux capacitor"), Messages: text("x")}, sdk.NotAnswered},
		{"endless part", sdk.Query{TaskType: sdk.Configuration, Metadata: meta("hardware_type", strings.Repeat("x", 1<<20)), Messages: text("x")}, sdk.InvalidRequest},
	} {
		r, err := on(m).Complete(t.Context(), &c.q)
		if sdk.KindOf(err) != c.kind || r != nil {
			t.Errorf("%s: %v, %v; want %s", c.name, r, err, c.kind)
		}
		if err != nil && (len(err.Error()) > 800 || strings.Contains(err.Error(), "\x1b")) {
			t.Errorf("%s: the error is long or holds control characters: %q", c.name, err)
		}
	}
}

func text(s string) []sdk.Message { return []sdk.Message{{Role: sdk.User, Text: s}} }

func meta(key, value string) map[string]string { return map[string]string{key: value} }

func pkg(question string) sdk.Query {
	return sdk.Query{TaskType: sdk.SystemOperation, Metadata: meta("package", "bash"), Messages: text(strings.ReplaceAll(question, "{package}", "bash"))}
}

// What is asked about may read like an order without being one.
func TestWhatIsNotRefused(t *testing.T) {
	m, _, _ := readMachine(t, "machine-apt.txtar")
	for _, q := range []sdk.Query{
		pkg("{package}"), pkg("How do I install {package}?"), pkg("What would removing {package} break?"),
		{TaskType: sdk.ErrorDebugging, Metadata: meta("original_error", "rm: cannot remove 'x': Permission denied"), Messages: text("rm: cannot remove 'x': Permission denied")},
		{TaskType: sdk.ErrorDebugging, Metadata: meta("original_error", "sudo: a password is required"), Messages: text("sudo: a password is required")},
		{TaskType: sdk.ErrorDebugging, Metadata: meta("original_error", "rm -rf / failed: Permission denied"), Messages: text("Why does it say: rm -rf / failed: Permission denied")},
		{TaskType: sdk.SystemOperation, Metadata: map[string]string{"package": " bash\n", "operation": "describe"}, Messages: text("x")},
	} {
		if r, err := on(m).Complete(t.Context(), &q); err != nil || r.Content == "" {
			t.Errorf("%q: %v", q.Messages[0].Text, err)
		}
	}
}

func TestMachineWithoutPackageTools(t *testing.T) {
	m, _, _ := readMachine(t, "machine-apt.txtar")
	m.tools = &fakeTools{}
	m.manager = m.findManager()
	_, err := ask(t, on(m), sdk.SystemOperation, "package", "bash")
	if sdk.KindOf(err) != sdk.NotAnswered || !strings.Contains(err.Error(), "none of the package tools") {
		t.Errorf("got %v", err)
	}
}

func TestToolThatIsMissing(t *testing.T) {
	m, tools, _ := readMachine(t, "machine-apt.txtar")
	tools.tools["apt-cache"] = false
	s, err := m.answerPackage(t.Context(), "bash")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.String(); !strings.Contains(got, "5.2.15-2+b8 is installed") || strings.Contains(got, "candidate  ") {
		t.Errorf("without apt-cache the answer is\n%s", got)
	}
	tools.tools["dpkg-query"] = false
	m.manager = newApt(m)
	if _, err := ask(t, on(m), sdk.SystemOperation, "package", "bash"); err == nil || !strings.Contains(err.Error(), "dpkg-query") {
		t.Errorf("without dpkg-query: %v", err)
	}
}

func TestToolThatHangs(t *testing.T) {
	for _, c := range []struct{ file, tool, name, note, err string }{
		{"machine-apt.txtar", "apt-get", "nginx", "not found out: apt-get took longer than 15s", ""},
		{"machine-apt.txtar", "dpkg-query", "bash", "", "dpkg-query took longer"},
		{"machine-apt.txtar", "apt-cache", "bash", "", "apt-cache took longer"},
		{"machine-apt.txtar", "systemctl", "nginx-common", "their state was not found out: systemctl took longer", ""},
		{"machine-rpm.txtar", "dnf", "bash", "", "dnf took longer"},
		{"machine-apk.txtar", "apk", "busybox", "", "apk took longer"},
		{"machine-pacman.txtar", "pacman", "bash", "", "pacman took longer"},
	} {
		m, tools, _ := readMachine(t, c.file)
		tools.hang[c.tool] = true
		r, err := ask(t, on(m), sdk.SystemOperation, "package", c.name)
		switch {
		case c.err != "" && (sdk.KindOf(err) != sdk.Internal || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s hangs: %v", c.tool, err)
		case c.err == "" && err != nil:
			t.Errorf("%s hangs: %v", c.tool, err)
		case c.err == "" && !strings.Contains(strings.Join(strings.Fields(r.Content), " "), c.note):
			t.Errorf("%s hangs: the answer has no %q:\n%s", c.tool, c.note, r.Content)
		}
	}
}

func TestAnswersThatAreGivenUp(t *testing.T) {
	m, _, _ := readMachine(t, "machine-apt.txtar")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, q := range []sdk.Query{
		pkg("x"),
		{TaskType: sdk.Configuration, Metadata: meta("hardware_type", "RAM"), Messages: text("x")},
		{TaskType: sdk.ErrorDebugging, Metadata: meta("original_error", "dpkg was interrupted, you must manually run"), Messages: text("x")},
	} {
		if r, err := on(m).Complete(ctx, &q); sdk.KindOf(err) != sdk.InDoubt || r != nil {
			t.Errorf("%v: %v, %v", q.Metadata, r, err)
		}
	}
}

// What a tool said is kept for as long as what it was made from stays the same.
func TestFactsAreKeptUntilTheMachineChanges(t *testing.T) {
	m, tools, _ := readMachine(t, "machine-apt.txtar")
	const whole = "dpkg-query -W -f FORMAT"
	for range 3 {
		if _, err := m.answerPackage(t.Context(), "bash"); err != nil {
			t.Fatal(err)
		}
	}
	if tools.asked[whole] != 1 || tools.asked["apt-cache policy -- bash"] != 1 {
		t.Errorf("asked %v", tools.asked)
	}
	m.touch(t, dpkgStatus)
	if _, err := m.answerPackage(t.Context(), "bash"); err != nil {
		t.Fatal(err)
	}
	if tools.asked[whole] != 2 || tools.asked["apt-cache policy -- bash"] != 2 {
		t.Errorf("after a change asked %v", tools.asked)
	}
}

func TestAgeOfTheLists(t *testing.T) {
	m, _, _ := readMachine(t, "machine-apt.txtar")
	for age, want := range map[time.Duration]string{
		time.Minute: "(just now)", 90 * time.Minute: "(90 minutes ago)", 30 * time.Hour: "(30 hours ago)", 9 * 24 * time.Hour: "the lists are old; apt-get update fetches newer ones",
		-time.Hour: "in the future: this machine's clock may be wrong",
	} {
		m.now = func() time.Time { return fixtureWritten.Add(age) }
		s, err := m.answerPackage(t.Context(), "bash")
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(strings.Fields(s.String()), " "); !strings.Contains(got, want) {
			t.Errorf("%v: no %q in\n%s", age, want, got)
		}
	}
}

func TestSettings(t *testing.T) {
	p := new(Provider)
	err := p.Configure(t.Context(), sdk.Settings{"timeout": json.RawMessage(`"3s"`), "max_list": json.RawMessage(`2`), "max_tools": json.RawMessage(`1`), "simulate": json.RawMessage(`false`)})
	if err != nil {
		t.Fatal(err)
	}
	m := p.machine.Load()
	if m.timeout != 3*time.Second || m.settings.list != 2 || m.atOnce != 1 || m.simulate {
		t.Errorf("got %+v", m.settings)
	}
	fixture, tools, _ := readMachine(t, "machine-apt.txtar")
	fixture.simulate, fixture.settings.list = false, 2
	s, err := fixture.answerPackage(t.Context(), "nginx")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.String(); strings.Contains(got, "simulated") || !strings.Contains(got, "and 1 more") {
		t.Errorf("got\n%s", got)
	}
	for command := range tools.asked {
		if strings.HasPrefix(command, "apt-get") {
			t.Errorf("asked %q", command)
		}
	}
}

// No question to a package tool may change anything, or reach the network.
func TestSimulationsOnlySimulate(t *testing.T) {
	for _, c := range []struct {
		args []string
		want []string
	}{
		{simulation("x"), []string{"-s", "APT::Get::Simulate=true", "APT::Get::Assume-Yes=false", "APT::Get::Assume-No=true", "--"}},
		{dnfSimulation("install", "x"), []string{"-C", "--assumeno", "--setopt=tsflags=test"}},
		{apkSimulation("x"), []string{"--simulate", "--no-network", "--"}},
		{pacmanSimulation("x"), []string{"--print", "--"}},
	} {
		all := " " + strings.Join(c.args, " ") + " "
		for _, want := range c.want {
			if !strings.Contains(all, " "+want+" ") {
				t.Errorf("%q has no %q", c.args, want)
			}
		}
		if strings.Contains(all, " -y ") || strings.Contains(all, " --yes ") || strings.Contains(all, " --noconfirm ") || strings.Contains(all, " -q") {
			t.Errorf("%q consents", c.args)
		}
	}
	for _, file := range []string{"machine-apt.txtar", "machine-rpm.txtar", "machine-apk.txtar", "machine-pacman.txtar", "machine-dnf5.txtar"} {
		m, tools, archive := readMachine(t, file)
		for name := range answers(archive) {
			_, _ = m.answerPackage(t.Context(), name)
		}
		for command := range tools.asked {
			tool, rest, _ := strings.Cut(command, " ")
			fine := map[string]string{"dpkg-query": "-", "apt-cache": "", "apt-get": "-s ", "systemctl": "show ", "rpm": "-", "dnf": "-C ", "apk": "", "pacman": "-"}
			if want, known := fine[tool]; !known || !strings.HasPrefix(rest, want) || tool == "apk" && !strings.Contains(rest, "--no-network") ||
				tool == "pacman" && strings.HasPrefix(rest, "-S ") && !strings.Contains(rest, "--print ") {
				t.Errorf("%s: %q was run", file, command)
			}
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	m, tools, _ := readMachine(t, "machine-apt.txtar")
	failed := make(chan error, 32)
	for i := range 32 {
		go func() {
			name := []string{"bash", "nginx", "libc6", "apache2"}[i%4]
			s, err := m.answerPackage(t.Context(), name)
			if err == nil && !strings.HasPrefix(s.headline, name) {
				err = fmt.Errorf("asked for %s, got %s", name, s.headline)
			}
			failed <- err
		}()
	}
	for range 32 {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	for command, n := range tools.asked {
		if n != 1 {
			t.Errorf("%q was run %d times", command, n)
		}
	}
}
