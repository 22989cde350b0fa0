package process_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/cortexlinux/cortex-host/core/confine"
	"github.com/cortexlinux/cortex-host/core/process"
	"github.com/cortexlinux/cortex-host/sdk"
)

// hostile is a plugin that tries everything that a plugin must not do.
type hostile struct{}

func (*hostile) Describe() sdk.Description {
	return sdk.Description{Name: "hostile", Version: "1.0.0", ConfigSchema: json.RawMessage(`{"type":"object"}`)}
}

func (*hostile) Configure(context.Context, sdk.Settings) error { return nil }

func (*hostile) Complete(_ context.Context, q *sdk.Query) (*sdk.Response, error) {
	text, err := process.Try(q.Messages[0].Text)
	if err != nil {
		return nil, err
	}
	return &sdk.Response{Content: text, FinishReason: sdk.Stop}, nil
}

// notPrevented are what no kernel that there is prevents without taking away
// more: they are told, not hidden.
var notPrevented = map[string]bool{"unix_socket": true, "egress": true}

// A hostile plugin fails at each attempt, or the report says that this kernel
// cannot prevent it: on this kernel, and on each older one.
func TestHostile(t *testing.T) {
	onLinux(t)
	t.Setenv("OPENAI_API_KEY", "sk-canary") // what it would like to find
	home := t.TempDir()
	t.Setenv("HOME", home)
	key := filepath.Join(home, ".ssh", "id_ed25519")
	if err := os.Mkdir(filepath.Dir(key), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, []byte("private"), 0o600); err != nil {
		t.Fatal(err)
	}
	other := open(t, process.Config{Settings: sdk.Settings{"key": json.RawMessage(`"other's"`)}})
	otherPid, err := strconv.Atoi(ask(t, other, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	text, done, err := process.Target(otherPid, key)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	for abi := -1; abi <= confine.LandlockABI(); abi++ {
		t.Run(fmt.Sprintf("Landlock %d", abi), func(t *testing.T) {
			cfg := process.Config{Plugin: install(t, "hostile"), CacheDir: t.TempDir()}
			cfg.SetLandlock(abi)
			p := open(t, cfg)
			report, err := p.Confinement(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			results, daemon, err := process.Tried(ask(t, p, text))
			if err != nil {
				t.Fatal(err)
			}
			p.Close()
			for _, r := range append(results, daemon()) {
				told := r.Measure == "" && notPrevented[r.Name] || r.Measure != "" && r.Measure != "supervisor" && !report.Enforced(r.Measure)
				if !r.Denied && !told {
					t.Errorf("%s was possible, and the report says that it is not: %+v", r.Name, report)
				}
				if abi == 0 && !r.Denied && confine.LandlockABI() >= 6 && !notPrevented[r.Name] {
					t.Errorf("%s was possible on this kernel", r.Name)
				}
			}
			if len(results) < 15 {
				t.Errorf("only %d attempts: %+v", len(results), results)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(key), "written-by-a-plugin")); err == nil && confine.LandlockABI() > 0 {
		os.Remove(filepath.Join(filepath.Dir(key), "written-by-a-plugin"))
	}
}

// The name of a plugin's own directory, in which its socket is, tells nothing
// of those of the others.
func TestAPluginsSocketCannotBeGuessed(t *testing.T) {
	dir, err := process.OpenRunDir(shortDir(t))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	room := regexp.MustCompile(`PLUGIN_UNIX_SOCKET_DIR=(\S+)/([a-z2-7]{13})\n`)
	var names []string
	for range 3 {
		p := open(t, process.Config{RunDir: dir})
		found := room.FindStringSubmatch(ask(t, p, "env") + "\n")
		if found == nil || found[1] != dir.Path() {
			t.Fatalf("got %q", found)
		}
		names = append(names, found[2])
	}
	if names[0][:2] == names[1][:2] && names[1][:2] == names[2][:2] || names[0][10:] == names[1][10:] {
		t.Errorf("these are alike: %v", names)
	}
}

// What the probe finds out is what the report says.
func TestContain(t *testing.T) {
	onLinux(t)
	for _, level := range []string{process.ConfineStandard, process.ConfineOff} {
		c, err := process.Contain(t.Context(), process.Config{Confinement: level})
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Probe) < 16 {
			t.Errorf("%s: only %d attempts", level, len(c.Probe))
		}
		for _, r := range c.Probe {
			enforced := r.Measure == "supervisor" || c.Report.Enforced(r.Measure)
			if enforced && !r.Denied {
				t.Errorf("%s: %s was possible", level, r.Name)
			}
			if level == process.ConfineOff && r.Name == "read_home" && r.Denied {
				t.Errorf("off: %s: %s", r.Name, r.Detail)
			}
		}
	}
}

// A plugin reads what it declares, and what is granted, and writes where it
// may.
func TestWhatAPluginMayDo(t *testing.T) {
	onLinux(t)
	if confine.LandlockABI() == 0 {
		t.Skip("SKIPPED: this kernel has no Landlock")
	}
	granted, cache := t.TempDir(), t.TempDir()
	file := filepath.Join(granted, "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := open(t, process.Config{Files: []string{granted, "/does/not/exist"}, CacheDir: cache})
	for command, want := range map[string]string{
		"read " + file:                               "x",
		"write " + filepath.Join(granted, "new"):     "denied",
		"write " + filepath.Join(cache, "new"):       "written",
		"write $TMPDIR/new":                          "written",
		"write $XDG_CACHE_HOME/again":                "written",
		"read /etc/hosts":                            "read",
		"read /etc/shadow":                           "denied",
		"read /proc/self/environ":                    "denied",
		"write " + filepath.Join(os.TempDir(), "no"): "denied",
	} {
		got := ask(t, p, command)
		if want == "x" && got != "x" || want == "denied" && got != want || want == "written" && got != want || want == "read" && got == "denied" {
			t.Errorf("%s: got %q, want %q", command, got, want)
		}
	}
}
