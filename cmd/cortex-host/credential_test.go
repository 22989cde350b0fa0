package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// A rotating vendor takes one key, and another one after some requests: from
// then on the file holds that.
type rotating struct {
	t       *testing.T
	file    string
	mu      sync.Mutex
	valid   string
	answers int
	refused int
}

func (r *rotating) script(refusal upstream.Reply) func(upstream.Request) upstream.Reply {
	return func(req upstream.Request) upstream.Reply {
		r.mu.Lock()
		defer r.mu.Unlock()
		if req.Header.Get("Authorization") != "Bearer "+r.valid {
			r.refused++
			return refusal
		}
		if r.answers++; r.answers == 20 {
			r.valid = "canary-second"
			if err := os.WriteFile(r.file, []byte(r.valid+"\n"), 0o600); err != nil {
				r.t.Error(err)
			}
		}
		return upstream.Reply{Delay: 20 * time.Millisecond}
	}
}

// A key that expires in the middle of a run is read again, once, and no query
// is lost.
func TestAKeyThatExpiresIsReadAgain(t *testing.T) {
	for name, c := range map[string]struct {
		source  string
		refusal upstream.Reply
	}{
		"command, 401":         {"{command: [sh, -c, 'echo run >> runs; cat key']}", upstream.Reply{Status: 401, Header: http.Header{"X-Should-Retry": {"false"}}}},
		"command, expired 403": {"{command: [sh, -c, 'echo run >> runs; cat key']}", upstream.Reply{Status: 403, Body: []byte(`{"error":{"message":"The security token included in the request is expired","code":"ExpiredToken"}}`)}},
		"file, 401":            {"{file: key}", upstream.Reply{Status: 401}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			r := &rotating{t: t, file: filepath.Join(dir, "key"), valid: "canary-first"}
			config := "providers:\n  chat: {plugin: openai, keys: [" + c.source + "]}\n"
			for name, text := range map[string]string{"key": r.valid + "\n", "runs": "", "c.yaml": config} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s := startVendor(t, upstream.Config{Script: r.script(c.refusal)})
			cmd := hostCommand(t, s, "batch", queryFile(t, 60), "-j", "8", "--requests-per-second", "off", "--config", "c.yaml")
			for i, arg := range cmd.Args {
				if arg == "openai" {
					cmd.Args[i] = "chat"
				}
			}
			cmd.Dir = dir
			out, errs, _, code := timed(t, cmd)
			if code != 0 || strings.Count(out, "\n") != 60 {
				t.Fatalf("exit %d\n%s%s", code, out, errs)
			}
			if r.refused < 1 || r.refused > 16 {
				t.Errorf("%d calls were refused", r.refused)
			}
			if strings.Contains(out+errs, "canary") {
				t.Error("a key shows")
			}
			runs, err := os.ReadFile(filepath.Join(dir, "runs"))
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(runs), "run"); strings.HasPrefix(name, "command") && n != 2 {
				t.Errorf("the command ran %d times, want once at the start and once again", n)
			}
		})
	}
}

// A command that prints the same key again is not run for ever.
func TestAKeyThatIsWrongIsReadTwice(t *testing.T) {
	dir := t.TempDir()
	config := "providers:\n  openai: {keys: [{command: [sh, -c, 'echo run >> runs; echo canary-wrong']}]}\n"
	if err := os.WriteFile(filepath.Join(dir, "c.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startVendor(t, upstream.Config{Script: upstream.Always(upstream.Reply{Status: 401})})
	cmd := hostCommand(t, s, "batch", queryFile(t, 50), "-j", "8", "--requests-per-second", "off", "--config", "c.yaml")
	cmd.Dir = dir
	out, errs, _, code := timed(t, cmd)
	runs, err := os.ReadFile(filepath.Join(dir, "runs"))
	if err != nil {
		t.Fatal(err)
	}
	if code == 0 || strings.Count(string(runs), "run") != 2 || s.Stats().Requests != 1 {
		t.Errorf("exit %d, %d runs, %d requests\n%s%s", code, strings.Count(string(runs), "run"), s.Stats().Requests, out, errs)
	}
}

// Keys come from where people have them, and what is no key is refused soon, in
// few words, and without being shown.
func TestWhereKeysComeFrom(t *testing.T) {
	s := startVendor(t, upstream.Config{Key: "canary-key"})
	home := t.TempDir()
	for name, text := range map[string]string{"key": "canary-key\n", "lines": " canary-key \r\nmore\n", "empty": "", "control": "canary\x01key\n"} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for from, c := range map[string]struct {
		code int
		says string
	}{
		"{file: key}":                                  {exitOK, ""},
		"{file: ~/key}":                                {exitOK, ""},
		"{file: " + home + "/lines}":                   {exitOK, ""},
		"{command: [cat, key]}":                        {exitOK, ""},
		"{command: [sh, -c, 'cat key; sleep 3 &']}":    {exitOK, ""}, // as one that starts an agent
		"{env: THE_KEY}":                               {exitOK, ""},
		"{file: nowhere}":                              {exitUsage, "nowhere: no such file"},
		"{file: empty}":                                {exitUsage, "empty holds no key"},
		"{file: control}":                              {exitUsage, "control character"},
		"{file: /dev/zero}":                            {exitUsage, "control character"},
		"{file: /}":                                    {exitUsage, "is a directory"},
		"{command: [cat, /dev/zero]}":                  {exitUsage, "more than 64 KiB"},
		"{command: [yes]}":                             {exitUsage, "more than 64 KiB"},
		"{command: ['true']}":                          {exitUsage, "true holds no key"},
		"{command: [sh, -c, 'cat key; exit 3']}":       {exitUsage, "exit status 3"},
		"{command: [no-such-command-anywhere]}":        {exitUsage, "not found"},
		"{env: NO_KEY}":                                {exitUsage, "NO_KEY"},
		"{env: THE_KEY, file: key}":                    {exitUsage, "exactly one of"},
		"{command: []}":                                {exitUsage, "exactly one of"},
		"{file: key}, {command: [sh, -c, 'exit 1']}":   {exitUsage, "exit status 1"},
		"{env: THE_KEY}, {file: key}, {file: ~/lines}": {exitOK, ""},
	} {
		config := "providers:\n  chat: {plugin: openai, keys: [" + from + "]}\n"
		if err := os.WriteFile(filepath.Join(home, "c.yaml"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(filepath.Join(layout, "cortex-host"), "batch", queryFile(t, 3), "--config", "c.yaml", "--provider", "chat", "--base-url", s.URL()+"/v1")
		cmd.Dir, cmd.Env, cmd.WaitDelay = home, append(cleanEnv(home), "THE_KEY=canary-key"), time.Second
		out, errs, took, code := timed(t, cmd)
		if code != c.code || !strings.Contains(errs, c.says) || strings.Contains(out+errs, "canary") {
			t.Errorf("%s: exit %d, want %d and %q\n%s%s", from, code, c.code, c.says, out, errs)
		}
		if took > 10*time.Second {
			t.Errorf("%s: took %v", from, took)
		}
	}
}

// Further headers come by a variable: they reach the vendor, and no preset that is
// somebody else's; the secret ones never show, and ordinary words stay what
// they are.
func TestHeadersByAVariable(t *testing.T) {
	s := startVendor(t, upstream.Config{Answer: func(r upstream.Request) string {
		return "it is true: " + r.Header.Get("X-Flag") + " " + r.Header.Get("X-Gateway-Key")
	}})
	home := t.TempDir()
	ask := func(provider, config string) (string, int) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(home, "c.yaml"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(filepath.Join(layout, "cortex-host"), "batch", queryFile(t, 1), "--config", "c.yaml", "--provider", provider, "--base-url", s.URL()+"/v1", "--model", "m")
		cmd.Dir, cmd.Env = home, append(cleanEnv(home), `OPENAI_HEADERS={"X-Gateway-Key":"canary-gate","X-Flag":"true"}`)
		out, errs, _, code := timed(t, cmd)
		if strings.Contains(out+errs, "canary") {
			t.Errorf("a key shows: %s%s", out, errs)
		}
		return out + errs, code
	}
	if said, code := ask("openai", "{}"); code != exitOK || !strings.Contains(said, "it is true: true [") {
		t.Errorf("exit %d: %s", code, said)
	}
	if _, code := ask("kimi", "{}"); code != exitOK {
		t.Errorf("kimi: exit %d", code)
	}
	r := s.Requests()
	if len(r) != 2 || r[0].Header.Get("X-Gateway-Key") != "canary-gate" || r[1].Header.Get("X-Gateway-Key") != "" {
		t.Errorf("got %d requests: %v", len(r), r)
	}
	if said, code := ask("openai", "providers: {openai: {settings: {headers: {X-Team: red}}}}"); code != exitUsage || !strings.Contains(said, "hint: set OPENAI_HEADERS to it, as a JSON object") {
		t.Errorf("exit %d: %s", code, said)
	}
}
