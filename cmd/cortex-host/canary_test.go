package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// A canary is a key that is looked for everywhere.
type canary string

// in returns the part of text around the key, in any of the forms in which a key
// travels, or an empty string.
func (c canary) in(text string) string {
	plain := string(c)
	for _, form := range []string{plain, url.QueryEscape(plain), base64.StdEncoding.EncodeToString([]byte(plain)), base64.RawStdEncoding.EncodeToString([]byte("Bearer " + plain))} {
		if i := strings.Index(text, form); i >= 0 {
			return text[max(0, i-100):min(len(text), i+len(form)+20)]
		}
	}
	return ""
}

// echoing is a vendor that says what it was sent wherever a vendor can say
// something. The question "hang" is not answered before it is released.
func echoing(hang <-chan struct{}) func(upstream.Request) upstream.Reply {
	return func(r upstream.Request) upstream.Reply {
		sent := fmt.Sprint(r.Header)
		problem := []byte(`{"error":{"message":` + strconv.Quote(sent) + `,"code":` + strconv.Quote(sent) + `}}`)
		h := http.Header{"X-Request-Id": {sent}, "Request-Id": {sent}}
		switch {
		case strings.HasPrefix(r.Query, "refuse"):
			return upstream.Reply{Status: 400, Body: problem, Header: h}
		case strings.HasPrefix(r.Query, "break") && r.Attempt == 1:
			return upstream.Reply{Status: 500, Body: problem, Header: h}
		case strings.HasPrefix(r.Query, "inside"):
			return upstream.Reply{Body: problem, Header: h}
		case strings.HasPrefix(r.Query, "garbage"):
			return upstream.Reply{Body: []byte("no JSON: " + sent), Header: h}
		case strings.HasPrefix(r.Query, "redirect"):
			return upstream.Reply{Status: 307, Header: http.Header{"Location": {"http://127.0.0.1:1/?" + url.QueryEscape(sent)}}}
		case strings.HasPrefix(r.Query, "hang") && r.Attempt == 1:
			<-hang
		}
		return upstream.Reply{Header: h}
	}
}

var canaryQueries = `{"id":"plain","messages":[{"role":"user","content":"hello"}]}
{"id":"refuse","messages":[{"role":"user","content":"refuse"}]}
{"id":"break","messages":[{"role":"user","content":"break"}]}
{"id":"inside","messages":[{"role":"user","content":"inside"}]}
{"id":"garbage","messages":[{"role":"user","content":"garbage"}]}
{"id":"redirect","messages":[{"role":"user","content":"redirect"}]}
{"id":"hang","messages":[{"role":"user","content":"hang"}]}
`

// A key leaves no trace: not in logs, arguments, the environment of any process,
// answers, errors, panics, nor in anything that a run writes.
func TestCanaryKeys(t *testing.T) {
	needsProc(t)
	for plugin, c := range map[string]struct {
		dialect  upstream.Dialect
		variable string
		path     string
	}{
		"openai":    {upstream.OpenAI(), "OPENAI_API_KEY", "/v1"},
		"anthropic": {upstream.Anthropic(), "ANTHROPIC_API_KEY", ""},
		"gemini":    {upstream.Gemini(), "GEMINI_API_KEY", ""},
	} {
		for i, source := range []string{"env", "file", "command"} {
			t.Run(plugin+"/"+source, func(t *testing.T) {
				key := canary(fmt.Sprintf("canary+%s/%d=%x", plugin, i, time.Now().UnixNano()))
				hang := make(chan struct{})
				s := startVendor(t, upstream.Config{
					Dialect: c.dialect, Script: echoing(hang),
					Answer: func(r upstream.Request) string { return "you sent " + fmt.Sprint(r.Header) },
				})
				look := newCanaryRun(t, key, source, plugin, c.variable, s.URL()+c.path)
				look.run(s, hang)
			})
		}
	}
}

// A canaryRun is one run of the host with a canary as its key.
type canaryRun struct {
	t   *testing.T
	key canary
	dir string
	cmd *exec.Cmd
	// owner is true if the key is in the host's own environment, where its user
	// has put it.
	owner bool
	errs  bytes.Buffer
	seen  map[string]string // what was looked at, by a name for it
}

func newCanaryRun(t *testing.T, key canary, source, plugin, variable, base string) *canaryRun {
	t.Helper()
	c := &canaryRun{t: t, key: key, dir: t.TempDir(), owner: source == "env", seen: map[string]string{}}
	secret := filepath.Join(t.TempDir(), "key")
	from := map[string]string{"env": "{env: " + variable + "}", "file": "{file: " + secret + "}", "command": "{command: [cat, " + secret + "]}"}[source]
	config := "providers:\n  mine: {plugin: " + plugin + ", keys: [" + from + "], grant: {env: [GRANTED]}}\n"
	for path, text := range map[string]string{secret: string(key) + "\n", filepath.Join(c.dir, "c.yaml"): config, filepath.Join(c.dir, "q.ndjson"): canaryQueries} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c.cmd = exec.Command(filepath.Join(layout, "cortex-host"), "batch", "q.ndjson", "--config", "c.yaml", "--provider", "mine", "--base-url", base,
		"-v", "-o", "out.ndjson", "--report", "report.html", "--summary", "summary.json", "--metrics", "127.0.0.1:0", "--progress", "plain", "--requests-per-second", "off")
	c.cmd.Dir, c.cmd.Stderr, c.cmd.WaitDelay = c.dir, &c.errs, 5*time.Second
	c.cmd.Env = append(cleanEnv(c.dir), "GRANTED=ambient", "CORTEX_LOG_LEVEL=trace")
	if c.owner {
		c.cmd.Env = append(c.cmd.Env, variable+"="+string(key))
	}
	return c
}

func (c *canaryRun) run(s *upstream.Server, hang chan struct{}) {
	t := c.t
	stdout := new(bytes.Buffer)
	c.cmd.Stdout = stdout
	errs, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer errs.Close()
	c.cmd.Stderr = w
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	read := make(chan struct{})
	metrics := make(chan string, 1)
	go func() {
		defer close(read)
		c.follow(errs, metrics)
	}()
	for end := time.Now().Add(30 * time.Second); s.Stats().PerQuery["hang"] == 0 && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
	c.lookAtProcesses()
	c.lookAtMetrics(metrics)
	c.crashPlugin()
	close(hang)
	_ = c.cmd.Wait() // some queries fail, as they should
	<-read
	if !strings.Contains(fmt.Sprint(s.Requests()[0].Header), string(c.key)) {
		t.Fatal("the vendor never got the key: the test proves nothing")
	}
	c.seen["stdout"], c.seen["stderr"] = stdout.String(), c.errs.String()
	c.lookAtFiles()
	journal := false
	for name := range c.seen {
		journal = journal || strings.Contains(name, "/runs/")
	}
	for _, want := range []string{"stderr", "metrics", "out.ndjson", "report.html", "summary.json"} {
		if c.seen[want] == "" || !journal {
			t.Errorf("%s or the journal was not looked at; stderr:\n%s", want, c.errs.String())
		}
	}
	if answers := c.seen["out.ndjson"]; !strings.Contains(answers, "[redacted]") || !strings.Contains(answers, "you sent") {
		t.Errorf("the vendor's echo did not get through: the test proves nothing: %s", answers)
	}
	for where, text := range c.seen {
		if shown := c.key.in(text); shown != "" {
			t.Errorf("the key shows in %s: ...%q...", where, shown)
		}
	}
}

var metricsAddress = regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+/metrics`)

// follow reads stderr and finds the address of the metrics.
func (c *canaryRun) follow(errs io.Reader, metrics chan<- string) {
	buf := make([]byte, 32<<10)
	for found := false; ; {
		n, err := errs.Read(buf)
		c.errs.Write(buf[:n])
		if at := metricsAddress.Find(c.errs.Bytes()); at != nil && !found {
			found = true
			metrics <- string(at)
		}
		if err != nil {
			return
		}
	}
}

// lookAtProcesses looks at the arguments and the environment of every process
// that we may look at.
func (c *canaryRun) lookAtProcesses() {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		c.t.Fatal(err)
	}
	plugins := 0
	for _, dir := range dirs {
		pid := filepath.Base(dir)
		for _, name := range []string{"cmdline", "environ"} {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil || name == "environ" && c.owner && pid == strconv.Itoa(c.cmd.Process.Pid) {
				continue
			}
			c.seen[name+" of process "+pid] = string(data)
		}
	}
	for _, pid := range descendants(c.t, c.cmd.Process.Pid) {
		if env := c.seen["environ of process "+strconv.Itoa(pid)]; strings.Contains(env, "CORTEX_HOST_PLUGIN=") {
			plugins++
			if !strings.Contains(env, "GRANTED=ambient\x00") {
				c.t.Error("the variable that is granted does not reach the plugin")
			}
		}
	}
	// Plugins hide from everybody but root.
	if plugins == 0 && os.Getuid() == 0 {
		c.t.Error("no plugin's environment was looked at")
	}
}

func (c *canaryRun) lookAtMetrics(address <-chan string) {
	select {
	case at := <-address:
		resp, err := http.Get(at)
		if err != nil {
			c.t.Error(err)
			return
		}
		defer resp.Body.Close()
		defer http.DefaultClient.CloseIdleConnections()
		data, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
		if err != nil {
			c.t.Error(err)
		}
		c.seen["metrics"] = string(data)
	case <-time.After(10 * time.Second):
	}
}

// crashPlugin lets the plugin die with Go's traceback of all goroutines, as a
// panic does.
func (c *canaryRun) crashPlugin() {
	for _, pid := range descendants(c.t, c.cmd.Process.Pid) {
		if strings.Contains(c.seen["cmdline of process "+strconv.Itoa(pid)], "cortex-provider-") {
			_ = syscall.Kill(pid, syscall.SIGQUIT)
		}
	}
}

// lookAtFiles looks at everything that the run has written.
func (c *canaryRun) lookAtFiles() {
	err := filepath.WalkDir(c.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(c.dir, path)
		if err != nil {
			return err
		}
		c.seen[name] = string(data)
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
}
