package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

// layout is a directory as `make build` makes it: the host, plugins/ and
// generators/. TestMain builds it once.
var layout string

// repository is the directory of the source.
var repository string

// goCache is the build cache of this machine, for scripts that build.
var goCache string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "cortex-host-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	layout = filepath.Join(dir, "bin")
	if repository, err = filepath.Abs("../.."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	out, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		fmt.Fprintln(os.Stderr, "go env GOCACHE:", err)
		return 1
	}
	goCache = strings.TrimSpace(string(out))
	if err := buildLayout(layout); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		return 1
	}
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	return code
}

// buildLayout builds what the tests run: the program as people get it.
func buildLayout(bin string) error {
	root, err := filepath.Abs("../..")
	if err != nil {
		return err
	}
	host := filepath.Join(bin, "cortex-host")
	flags := []string{"build", "-buildvcs=false"}
	if err := os.MkdirAll(filepath.Join(bin, "plugins"), 0o755); err != nil {
		return err
	}
	plugins, err := mains(root, "plugins")
	if err != nil {
		return err
	}
	var pins []string
	for _, name := range plugins {
		path := filepath.Join(bin, "plugins", "cortex-provider-"+name)
		if err := tool(root, nil, "go", append(flags, "-o", path, "./plugins/"+name)...); err != nil {
			return err
		}
		program, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		pins = append(pins, fmt.Sprintf("%s:%x", name, sha256.Sum256(program)))
		if err := os.Chmod(path, 0o755); err != nil { // whatever the umask is
			return err
		}
	}
	// Plugins stay without the detector: it needs more memory than they may have,
	// and sleeps for a second when they exit. Their own tests run under it.
	if raceEnabled {
		flags = append(flags, "-race")
	}
	ldflags := "-X main.version=v0.0.0-test -X main.bundled=" + strings.Join(pins, ",")
	if err := tool(root, nil, "go", append(flags, "-ldflags", ldflags, "-o", host, "./cmd/cortex-host")...); err != nil {
		return err
	}
	guests, err := mains(root, "wasm-generators")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(bin, "generators"), 0o755); err != nil {
		return err
	}
	for _, name := range guests {
		raw, dir := filepath.Join(bin, name+".raw"), filepath.Join(root, "wasm-generators", name)
		if err := tool(root, []string{"GOOS=wasip1", "GOARCH=wasm"}, "go", "build", "-buildvcs=false", "-ldflags", "-s -w", "-o", raw, "./wasm-generators/"+name); err != nil {
			return err
		}
		if err := tool(root, nil, host, "generator", "pack", "--manifest", filepath.Join(dir, "manifest.json"), "-o", filepath.Join(bin, "generators", name+".wasm"), raw); err != nil {
			return err
		}
	}
	return nil
}

// mains returns the names of the programs in a directory of the repository.
func mains(root, dir string) ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(root, dir, "*", "main.go"))
	var names []string
	for _, p := range paths {
		names = append(names, filepath.Base(filepath.Dir(p)))
	}
	return names, err
}

func tool(dir string, env []string, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// cleanEnv is an environment without anything of the machine's user: no keys,
// no configuration. The cache is shared, so that a generator compiles once.
func cleanEnv(home string) []string {
	return []string{
		"PATH=" + layout + ":" + os.Getenv("PATH"),
		"HOME=" + home,
		"XDG_CACHE_HOME=" + filepath.Join(filepath.Dir(layout), "cache"),
		"OLLAMA_HOST=127.0.0.1:1", // nobody listens there
		"LANG=C.UTF-8",
		"GORACE=atexit_sleep_ms=0", // it is a second by default, for every program that is built with the detector
	}
}

// TestScripts runs testdata/script. A script that copies a program says exec cp:
// while this process writes one, a child that is forked for another script
// inherits the open file, and until that child executes something the program is
// a "text file busy".
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			home := filepath.Join(e.WorkDir, "home")
			if err := os.MkdirAll(home, 0o700); err != nil {
				return err
			}
			for _, v := range cleanEnv(home) {
				name, value, _ := strings.Cut(v, "=")
				e.Setenv(name, value)
			}
			e.Setenv("TMPDIR", os.TempDir())
			e.Setenv("BIN", layout)
			e.Setenv("REPO", repository)
			e.Setenv("GOCACHE", goCache)
			e.Values[vendorKey{}] = &vendors{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"vendor": cmdVendor, "saw": cmdSaw, "exits": cmdExits,
		},
		Condition: func(cond string) (bool, error) {
			if name, ok := strings.CutPrefix(cond, "plugin:"); ok {
				_, err := os.Stat(filepath.Join(layout, "plugins", "cortex-provider-"+name))
				return err == nil, nil
			}
			return false, fmt.Errorf("unknown condition %q on %s", cond, runtime.GOOS)
		},
	})
}
