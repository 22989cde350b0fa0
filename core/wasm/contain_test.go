package wasm_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/core/confine"
	"github.com/cortexlinux/cortex-host/core/wasm"
)

// Where the kernel has Landlock, guests must be under it.
func TestContainment(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: confinement is for Linux")
	}
	r := newRunner(t, wasm.Config{})
	c, err := r.Containment(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := json.MarshalIndent(c, "", "  ")
	t.Logf("%s", raw)
	for _, measure := range []string{"core", "data", "cpu", "open_files", "no_new_privs"} {
		if !c.Report.Enforced(measure) {
			t.Errorf("%s is not enforced", measure)
		}
	}
	for _, m := range c.Report.Measures {
		if !m.Enforced && !m.Missing {
			t.Errorf("%s is not enforced though the system has the means: %s", m.Name, m.Detail)
		}
	}
	if confine.LandlockABI() > 0 && !c.Report.Enforced("files") {
		t.Errorf("the kernel has Landlock ABI %d, but it is not on", confine.LandlockABI())
	}
	if confine.LandlockABI() >= 4 && !c.Report.Enforced("network") {
		t.Errorf("the kernel's Landlock knows TCP, but that is not on")
	}
	// What a measure is for must be denied wherever it is enforced.
	denied := map[string]bool{}
	for _, p := range c.Probe {
		denied[p.Name] = p.Denied
	}
	for measure, attempts := range map[string][]string{
		"core":         {"core_dump", "environment"},
		"data":         {"memory"},
		"cpu":          {"processor_time"},
		"files":        {"read_file", "list_directory", "write_file", "cache_write"},
		"network":      {"connect", "listen"},
		"sockets":      {"connect", "listen", "udp", "unix_socket"},
		"syscalls":     {"fork", "signal", "trace"},
		"signals":      {"signal"},
		"capabilities": {"powers", "raise_limits"},
	} {
		for _, attempt := range attempts {
			if c.Report.Enforced(measure) && !denied[attempt] {
				t.Errorf("%s is enforced, but %s is possible", measure, attempt)
			}
		}
	}
	t.Logf("complete: %v", c.Complete())
}

// The probe must be able to fail: without confinement most is possible.
func TestProbeNoticesWhatIsMissing(t *testing.T) {
	r := newRunner(t, wasm.Config{Confinement: wasm.ConfineOff})
	c, err := r.Containment(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range c.Probe {
		if slices.Contains([]string{"read_file", "connect", "fork", "signal", "udp", "unix_socket"}, p.Name) && p.Denied {
			t.Errorf("%s is denied without confinement: %s", p.Name, p.Detail)
		}
	}
	if c.Complete() {
		t.Error("containment counts as complete without confinement")
	}
}

// hostEnv makes this test binary a host that runs an endless guest.
const hostEnv = "CORTEX_TEST_HOST"

// endlessHost says on stdout when its guest has begun to loop.
func endlessHost() int {
	r, err := wasm.NewRunner(wasm.Config{CacheDir: os.Getenv(hostEnv)})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	m, err := wasm.Parse("endless.wasm", guest{data: []byte(goodQuery), bodies: [][]byte{cat(write, forever())}}.build())
	if err != nil {
		fmt.Println(err)
		return 1
	}
	for _, err := range r.Generate(context.Background(), m, wasm.Request{Items: wasm.Texts("one")}) {
		fmt.Println("running", err)
	}
	return 0
}

func TestKilledHostLeavesNothing(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: needs the death signal of Linux")
	}
	host := exec.Command(os.Args[0])
	host.Env = append(os.Environ(), hostEnv+"="+t.TempDir())
	out, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	if line != "running <nil>\n" {
		t.Fatalf("the host said %q", line)
	}
	guests := childrenOf(host.Process.Pid)
	if len(guests) == 0 {
		t.Fatal("the host has no guest")
	}
	_ = host.Process.Kill()
	_ = host.Wait()
	for start := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		alive := 0
		for _, pid := range guests {
			if stat, err := os.ReadFile("/proc/" + pid + "/stat"); err == nil && !strings.Contains(string(stat), ") Z ") {
				alive++
			}
		}
		if alive == 0 {
			t.Logf("gone after %v", time.Since(start).Round(time.Millisecond))
			return
		}
		if time.Since(start) > 2*time.Second {
			t.Fatalf("%d guest processes outlived their host", alive)
		}
	}
}
