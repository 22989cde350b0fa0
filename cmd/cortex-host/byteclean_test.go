package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"
)

// evil is what the hostile plugin of testdata says wherever it can.
const evil = "\x1b]0;evil\x07\x1b[2J\u009b31m\r\b\x00\x7f\u202eevil\n\x1b]52;c;aGk=\x1b\\"

// evilName is the same where no NUL can be.
var evilName = strings.ReplaceAll(evil, "\x00", "")

// silent are commands that write nothing to stdout, and what they do instead.
var silent = map[string]string{
	"cortex-host config init": "writes a file", "cortex-host config validate": "says so on stderr",
	"cortex-host generator new": "writes files", "cortex-host generator pack": "writes a file", "cortex-host provider new": "writes files",
	"cortex-host runs rm": "removes", "cortex-host provider remove": "says so on stderr", "cortex-host report": "writes a page",
	"cortex-host resume": "writes to the file of the run",
}

// TestPipedOutputIsByteClean pipes every command that writes to stdout, among
// providers, generators, files, settings and directories whose every text is
// hostile, in an environment that asks for colours: what comes out is UTF-8
// without any control character but line ends and tabs.
func TestPipedOutputIsByteClean(t *testing.T) {
	t.Parallel()
	dir := hostileDir(t)
	root, _ := newRoot(&app{stdout: io.Discard, stderr: io.Discard, env: func(string) (string, bool) { return "", false }})
	tested := map[string]bool{}
	running := colorful(dir, "batch", "q.ndjson", "--provider", "hour", "--control", "control.sock")
	if err := running.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = running.Process.Signal(syscall.SIGKILL)
		_ = running.Wait()
	})
	for _, c := range pipedCommands {
		args := strings.Fields(c.args)
		for i, arg := range args {
			args[i] = strings.NewReplacer("''", "", "EVIL", evilName).Replace(arg)
		}
		out, errs, _, code := timed(t, colorful(dir, args...))
		if code != c.code {
			t.Errorf("%s: exit code %d; want %d\n%s%s", c.args, code, c.code, out, errs)
		}
		isByteClean(t, c.args+": stdout", out)
		isByteClean(t, c.args+": stderr", errs)
		if cmd, _, err := root.Find(args); err == nil && out != "" {
			tested[cmd.CommandPath()] = true
		}
	}
	for _, cmd := range commands(t) {
		if path := cmd.CommandPath(); !tested[path] && silent[path] == "" && !cmd.HasSubCommands() && !cmd.IsAdditionalHelpTopicCommand() {
			t.Errorf("nothing of the output of `%s` was seen", path)
		}
	}
}

// isByteClean checks that text is UTF-8 without any control character but line
// ends and tabs.
func isByteClean(t *testing.T, where, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("%s: not UTF-8", where)
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' }); i >= 0 {
		t.Errorf("%s: %q after %q", where, text[i], text[max(0, i-80):i])
	}
}

// colorful is a command in a pipe, in an environment that asks for colours.
func colorful(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(layout, appName), args...)
	cmd.Dir = dir
	// The cache is emptied by one of the commands, so it is no shared one.
	cmd.Env = append(cleanEnv(dir), "XDG_CACHE_HOME="+filepath.Join(dir, "cache"), "TERM=xterm-256color", "COLORTERM=truecolor", "CLICOLOR_FORCE=1", "CORTEX_CONFIG=cortex-host.yaml", "HTTPS_PROXY=http://127.0.0.1:1", "FORCE_COLOR=1",
		"CORTEX_HOST_GENERATOR_PATH="+filepath.Join(dir, "generators"), "CORTEX_HOST_DEV_PLUGINS=hostile="+filepath.Join(dir, "cortex-provider-hostile"))
	return cmd
}

// hostileDir is a directory of hostile things, with a hostile name.
func hostileDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), evilName)
	if err := os.MkdirAll(filepath.Join(dir, "generators"), 0o755); err != nil {
		t.Fatal(err)
	}
	quoted := string(quoteJSON(evil))
	row := func(id string) string {
		return `{"id":` + string(quoteJSON(id)) + `,"messages":[{"role":"user","content":` + quoted + `}],"metadata":{` + quoted + `:` + quoted + `}}` + "\n"
	}
	manifest := `{"abi":1,"kind":"generator","name":"evil","version":"1.0.0","summary":` + quoted + `,"items":{"description":` + quoted + `},
		"params":{"type":"object","properties":{` + quoted + `:{"type":"string","description":` + quoted + `,"default":` + quoted + `}}},
		"presets":[{"name":"gentle","summary":` + quoted + `,"params":{}}]}`
	yaml := strconv.QuoteToASCII(evil)
	for name, text := range map[string]string{
		"q.ndjson":         row("fails") + row("q"+evil),
		evilName + ".csv":  "id,town\n1,\"Paris" + strings.ReplaceAll(evilName, "\x1b", "") + "\"\n",
		"manifest.json":    manifest,
		"fixture.json":     `{"settings":{}}`,
		"cortex-host.yaml": "version: 1\nmodel: " + yaml + "\nproviders: {hour: {plugin: simulator, settings: {latency: 1h}}}\nprofiles: {night: {model: " + yaml + "}}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := tool(repository, nil, "go", "build", "-buildvcs=false", "-o", filepath.Join(dir, "cortex-provider-hostile"), "./cmd/cortex-host/testdata/hostileplugin"); err != nil {
		t.Fatal(err)
	}
	_, errs, _, code := timed(t, colorful(dir, "generator", "pack", "--manifest", "manifest.json", "-o", "generators/evil.wasm", filepath.Join(repository, "testdata/generator/minimal.wasm")))
	if code != 0 {
		t.Fatal(errs)
	}
	return dir
}

// pipedCommands are run in this order; what one leaves another one shows.
var pipedCommands = []struct {
	args string
	code int
}{
	{"--help", 0}, {"--help-all", 0}, {"run --help", 0}, {"batch --help-all", 0}, {"help recording", 0}, {"help exit-codes", 0}, {"help environment", 0},
	{"version", 0}, {"completion bash", 0}, {"completion zsh", 0}, {"completion fish", 0}, {"completion powershell", 0},
	{"provider list", 0}, {"provider list --json", 0}, {"provider describe hostile", 0}, {"provider describe hostile --json", 0},
	{"provider models hostile", 0}, {"provider models hostile --json", 0}, {"provider check hostile", 0}, {"provider verify", 0},
	{"provider verify --json", 0}, {"provider test ./cortex-provider-hostile --fixture fixture.json", 3},
	{"provider install ./cortex-provider-hostile --dir pluginsEVIL", 0},
	{"generator list", 0}, {"generator list --json", 0}, {"generator describe evil", 0}, {"generator describe evil --json", 0},
	{"generator inspect evil", 0}, {"generator inspect evil --json", 0}, {"generator test evil", 3}, {"generator test evil --json", 3},
	{"generate package EVIL bash --param template={package}EVIL", 3}, {"run package EVIL bash --provider hostile", 3},
	{"run package EVIL bash --provider hostile --format text", 3}, {"run package EVIL bash --provider hostile --dry-run", 0},
	{"batch q.ndjson --provider hostile --format ndjson", 3}, {"batch q.ndjson --provider hostile --format text -v", 3},
	{"batch q.ndjson --provider hostile --format openai", 3}, {"batch q.ndjson --provider hostile --format csv", 3},
	{"batch q.ndjson --provider hostile --format tsv --progress plain", 3}, {"batch q.ndjson --provider hostile --log - --log-content", 3},
	{"batch q.ndjson --provider hostile --progress bar --summary -", 3}, {"batch EVIL.csv --prompt {town} --provider hostile", 0},
	{"config show", 0}, {"config show --origin --profile night", 0}, {"config show --json", 0}, {"config schema", 0},
	{"doctor", 0}, {"doctor --json", 0}, {"doctor --online", 0},
	{"batch q.ndjson --provider hostile -o outEVIL.ndjson --errors errEVIL --report EVIL.html", 3},
	{"runs list", 0}, {"runs list --json", 0}, {"runs show outEVIL.ndjson", 0}, {"runs show outEVIL.ndjson --json", 0}, {"runs trace outEVIL.ndjson", 0},
	{"report outEVIL.ndjson", 0}, {"resume outEVIL.ndjson --format text", 3},
	{"control outEVIL.ndjson", 1}, {"control control.sock", 0}, {"__complete run package --provider ''", 0}, {"__complete run package --provider hostile --model ''", 0}, {"__complete run package --provider hostile --model p", 0},
	{"__complete run ''", 0}, {"__complete resume ''", 0}, {"__complete run evil --preset ''", 0}, {"__complete batch --profile ''", 0},
	{"clean --dry-run", 0}, {"clean --all", 0},
}
