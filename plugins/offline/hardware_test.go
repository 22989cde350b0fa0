package main

import (
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/cortexlinux/cortex-host/sdk"
)

func TestHardwareAnswers(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the machine's files are Linux's")
	}
	const file = "hardware-ill.txtar"
	m, _, archive := readMachine(t, file)
	wanted := answers(archive)
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		s, err := m.answerHardware(t.Context(), name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := s.String()
		if want := string(wanted[name].Data); got != want && !*update {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
		wanted[name].Data = []byte(got)
	}
	if *update {
		if err := os.WriteFile("testdata/"+file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestThresholds(t *testing.T) {
	for name, c := range map[string]struct {
		t threshold
		v map[float64]level
	}{
		"a full file system": {fullPercent, map[float64]level{0: fine, 84.9: fine, 85: warning, 94.9: warning, 95: critical, 100: critical}},
		"inodes":             {inodesPercent, map[float64]level{84: fine, 85: warning, 95: critical}},
		"memory":             {lowMemory, map[float64]level{89.9: fine, 90: warning, 95: critical}},
		"swap":               {swapPercent, map[float64]level{59: fine, 60: warning, 90: critical}},
		"memory pressure":    {memoryStall, map[float64]level{0.9: fine, 1: warning, 9.9: warning, 10: critical}},
		"disk pressure":      {ioStall, map[float64]level{9: fine, 10: warning, 40: critical}},
		"CPU pressure":       {cpuStall, map[float64]level{24: fine, 25: warning, 60: critical}},
		"load":               {loadPerThread, map[float64]level{1.4: fine, 1.5: warning, 4: critical}},
		"heat":               {celsius, map[float64]level{84: fine, 85: warning, 95: critical}},
		"stolen time":        {stealPercent, map[float64]level{4: fine, 5: warning, 20: critical}},
		"NIC errors":         {nicErrorPercent, map[float64]level{0.009: fine, 0.01: warning, 1: critical}},
		"NIC drops":          {nicDropPercent, map[float64]level{0.9: fine, 1: warning, 5: critical}},
		"retransmissions":    {retransmitShare, map[float64]level{1.9: fine, 2: warning, 8: critical}},
		"video memory":       {videoMemory, map[float64]level{89: fine, 90: warning, 98: critical}},
	} {
		if c.t.warning >= c.t.critical {
			t.Errorf("%s: %+v", name, c.t)
		}
		for value, want := range c.v {
			if got := c.t.of(value); got != want {
				t.Errorf("%s of %v: %s, want %s", name, value, got, want)
			}
		}
	}
}

func TestFilesystems(t *testing.T) {
	for name, c := range map[string]struct {
		f        filesystem
		findings []string
	}{
		"room":             {filesystem{mount: "/", used: 50, inodes: 10, total: 100 << 30, free: 50 << 30}, nil},
		"nearly full":      {filesystem{mount: "/var", used: 85, inodes: 10, total: 100 << 30, free: 15 << 30}, []string{"warning 85 % of /var is in use, 15.0 GiB is free (warning from 85)"}},
		"full":             {filesystem{mount: "/var", used: 99.6, inodes: -1, free: 100 << 20}, []string{"critical 100 % of /var is in use, 100 MiB is free (critical from 95)"}},
		"out of inodes":    {filesystem{mount: "/srv", used: 20, inodes: 100}, []string{"critical 100 % of the inodes of /srv are in use (critical from 95)"}},
		"no fixed inodes":  {filesystem{mount: "/srv", used: 20, inodes: -1}, nil},
		"read-only":        {filesystem{mount: "/", used: 99, inodes: 99, readOnly: true}, []string{"warning / is mounted read-only; after an error the kernel does that by itself"}},
		"a name with %d %": {filesystem{mount: "/%d%s", used: 96, inodes: 1}, []string{"critical 96 % of /%d%s is in use, 0 B is free (critical from 95)"}},
	} {
		r := &report{m: &machine{root: t.TempDir(), now: fixtureClock}}
		r.filesystems([]filesystem{c.f})
		if got := told(r); !slices.Equal(got, c.findings) {
			t.Errorf("%s: %q, want %q", name, got, c.findings)
		}
	}
}

// told renders findings, for comparison.
func told(r *report) (all []string) {
	for _, f := range r.findings {
		all = append(all, f.level.String()+" "+f.text)
	}
	return all
}

func TestDisks(t *testing.T) {
	m, tools, _ := readMachine(t, "hardware-ill.txtar")
	tools.add("smartctl -H -j /dev/sda", func(o *output) { o.stdout = `{"smart_status":{"passed":false}}` })
	r := &report{m: m}
	if err := lookAtDisks(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	want := []string{"critical the disk sda is offline", "critical ext4 on sda1 has noted 2 errors; a check of the file system is due (critical from 1)", "critical the array md0 is degraded: [_U]"}
	if os.Geteuid() == 0 {
		want = slices.Insert(want, 1, "critical the disk sda says that it is failing")
	}
	if got := told(r); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The names by which people ask, on the machine that runs the test.
func TestHardwareNames(t *testing.T) {
	for _, name := range []string{"cpu", "Processor", "RAM", "memory", "Storage", "DISK", "network", "NIC", " ram "} {
		r, err := ask(t, new(Provider), sdk.Configuration, "hardware_type", name)
		if err != nil || !strings.Contains(r.Content, "as_of: ") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestMachineThatTellsNothing(t *testing.T) {
	m := &machine{root: t.TempDir(), now: fixtureClock, tools: &fakeTools{}}
	for _, name := range []string{"RAM", "CPU", "Network", "GPU"} {
		s, err := m.answerHardware(t.Context(), name)
		if err == nil && strings.Contains(s.String(), "NaN") {
			t.Errorf("%s: %s", name, s)
		}
		if err != nil && err.Error() == "" {
			t.Errorf("%s: an error without words", name)
		}
	}
}
