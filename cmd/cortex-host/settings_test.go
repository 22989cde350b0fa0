package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cortexlinux/cortex-host/core/config"
)

// sampleValues are two values of every setting, other than its default, and one
// that it refuses.
var sampleValues = map[string][3]string{
	"provider": {"openai", "kimi", " "}, "model": {"m-1", "m-2", " "}, "base_url": {"http://a/v1", "http://b/v1", " "},
	"max_concurrent": {"7", "auto", "0"}, "requests_per_second": {"3", "600/m", "fast"}, "tokens_per_minute": {"1000", "off", "many"},
	"share": {"70%", "0.5", "2"}, "burst": {"3", "4", "0"}, "retry_failed": {"false", "true", "maybe"}, "max_retries": {"3", "4", "-1"},
	"timeout": {"90s", "1h", "10"}, "deadline": {"8h", "9h", "-1s"}, "abort_after": {"5", "6", "x"}, "temperature": {"0.5", "1", "-1"},
	"max_tokens": {"100", "200", "0"}, "priority": {"1", "-1", "x"}, "max_cost": {"2.5", "3", "-1"}, "max_total_tokens": {"1000", "2000", "0"},
	"price": {"1,2", "3,4", "1"}, "generator_timeout": {"10s", "20s", "0"}, "generator_facts": {"os,cpu", "none", "users"},
	"generator_allow": {"model=m", "option=seed,image-urls", "m"}, "generator_memory_mb": {"64", "128", "0"}, "generator_queries_per_item": {"1", "2", "0"},
	"fail_on":  {"5%", "none", "200%"},
	"progress": {"plain", "json", "dots"}, "log": {"a.log", "b.log", " "}, "log_format": {"json", "text", "xml"}, "log_content": {"true", "false", "perhaps"},
	"price_file":         {"a.json", "b.json", " "},
	"plugin_confinement": {"off", "standard", "none"},
	"plugin_memory_mb":   {"128", "256", "1"},
}

// TestEverySettingComesFromEveryLayer sets each key in the file, in a profile,
// by its variable and by its flag, and looks which one wins.
func TestEverySettingComesFromEveryLayer(t *testing.T) {
	for _, k := range config.Keys() {
		values, ok := sampleValues[k.Name]
		if !ok {
			t.Errorf("no sample values for %s: a new setting needs them here", k.Name)
			continue
		}
		path := filepath.Join(t.TempDir(), config.FileName)
		text := "version: 1\n" + k.Name + ": \"" + values[0] + "\"\nprofiles: {p: {" + k.Name + ": \"" + values[1] + "\"}}\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		env := func(value string) func(string) (string, bool) {
			return func(name string) (string, bool) { return value, name == k.Env() }
		}
		for _, layer := range []struct {
			sources config.Sources
			value   string
			origin  string
		}{
			{config.Sources{Path: path}, values[0], path + ":2"},
			{config.Sources{Path: path, Profile: "p"}, values[1], "profile p (" + path + ":3)"},
			{config.Sources{Path: path, Profile: "p", Env: env(values[0])}, values[0], k.Env()},
			{config.Sources{Path: path, Profile: "p", Env: env(values[0]), Flags: map[string]string{k.Name: values[1]}}, values[1], "--" + k.Flag()},
		} {
			c, err := config.Load(layer.sources)
			if err != nil {
				t.Errorf("%s: %v", k.Name, err)
				continue
			}
			if got := c.Values()[k.Name]; got.Text != layer.value || got.Origin != layer.origin {
				t.Errorf("%s = %s from %s; want %s from %s", k.Name, got.Text, got.Origin, layer.value, layer.origin)
			}
		}
		checkRefusal(t, k, values[2], path, env)
		hasFlag(t, k)
	}
}

// checkRefusal gives a key a wrong value in three ways: each error names the
// place and how the value is written.
func checkRefusal(t *testing.T, k config.Key, wrong, path string, env func(string) func(string) (string, bool)) {
	t.Helper()
	if err := os.WriteFile(path, []byte("\n"+k.Name+": \""+wrong+"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for place, sources := range map[string]config.Sources{
		path + ":2":     {Path: path},
		k.Env():         {Env: env(wrong)},
		"--" + k.Flag(): {Flags: map[string]string{k.Name: wrong}},
	} {
		_, err := config.Load(sources)
		if err == nil || !strings.HasPrefix(err.Error(), place+": "+k.Name+" ") || !strings.Contains(hintOf(err), k.Form) {
			t.Errorf("%s = %q: %v (hint: %s)", k.Name, wrong, err, hintOf(err))
		}
	}
}

// hasFlag checks that run or batch has the setting's flag.
func hasFlag(t *testing.T, k config.Key) {
	t.Helper()
	for _, cmd := range commands(t) {
		if asks[cmd.CommandPath()] && cmd.Flags().Lookup(k.Flag()) != nil {
			return
		}
	}
	t.Errorf("no command has the flag --%s", k.Flag())
}

func TestTheWrittenFileIsRead(t *testing.T) {
	answers := map[string]string{}
	for name, values := range sampleValues {
		answers[name] = values[0]
	}
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, []byte(configTemplate(answers)), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(config.Sources{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range answers {
		if got := c.Values()[name].Text; got != want {
			t.Errorf("%s = %q; want %q", name, got, want)
		}
	}
	// The examples at its end are right as well.
	_, examples, _ := strings.Cut(configTemplate(nil), "# Instances of providers")
	text := regexp.MustCompile(`(?m)^# ((?:  )*[a-z_"*]+:.*)$`).FindAllStringSubmatch(examples, -1)
	var b strings.Builder
	for _, line := range text {
		b.WriteString(line[1] + "\n")
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err = config.Load(config.Sources{Path: path, Profile: "night"}); err != nil || len(c.Providers) != 2 || len(c.Routes) != 3 {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func TestThePublishedSchemaIsThePresentOne(t *testing.T) {
	published, err := os.ReadFile("../../core/config/cortex-host.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var now bytes.Buffer
	if err := json.Indent(&now, config.Schema(), "", "  "); err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(now.String()) != strings.TrimSpace(string(published)) {
		t.Error("core/config/cortex-host.schema.json is old: make schema")
	}
}

func TestConfigInitAsksOnATerminal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := onTerminal(t, dir, 100, []string{"OPENAI_API_KEY=sk-canary"}, "config", "init")
	s.sees(`(?m)^  openai +key: OPENAI_API_KEY`)
	s.sees(`Whom to ask`)
	s.typed("opnai\n")
	s.sees(`did you mean openai\?`)
	s.typed("openai\n")
	s.sees(`Which model\?`)
	s.typed("gpt: 5\n")
	s.sees(`How many dollars`)
	s.typed("lots\n")
	s.sees(`must be an amount of US dollars`)
	s.typed("2.50\n")
	s.sees(`How many calls at once`)
	s.typed("\n")
	s.sees(`calls per second`)
	s.typed("600/m\n")
	s.ends(0)
	c, err := config.Load(config.Sources{Path: filepath.Join(dir, config.FileName)})
	if err != nil {
		t.Fatal(err)
	}
	if c.Provider != "openai" || c.Model != "gpt: 5" || *c.MaxCost != 2.5 || c.RequestsPerSecond.PerSecond != 10 || c.Given("max_concurrent") {
		t.Errorf("%+v", c.Values())
	}
	if strings.Contains(s.text(), "canary") {
		t.Error("a key was shown")
	}
}

// keyTable is the table of settings in CONFIGURATION.md.
func keyTable() string {
	var b strings.Builder
	b.WriteString("| Key | Value | Default | |\n|---|---|---|---|\n")
	for _, k := range config.Keys() {
		usage := strings.ToUpper(k.Usage[:1]) + k.Usage[1:]
		if k.Trusted {
			usage += " *(trusted)*"
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", k.Name, strings.ReplaceAll(k.Form, "|", "\\|"), k.Default, strings.ReplaceAll(usage, "|", "\\|"))
	}
	return b.String()
}

func TestTheTableOfSettingsIsThePresentOne(t *testing.T) {
	const path = "../../core/config/CONFIGURATION.md"
	page := readFile(t, path)
	before, rest, ok := strings.Cut(page, "<!-- keys -->\n")
	_, after, ok2 := strings.Cut(rest, "<!-- end of keys -->")
	if !ok || !ok2 {
		t.Fatal("the page has no place for the table")
	}
	want := before + "<!-- keys -->\n" + keyTable() + "<!-- end of keys -->" + after
	if page == want {
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Fatal("CONFIGURATION.md has an old table of settings: UPDATE=1 go test ./cmd/cortex-host -run TestTheTableOfSettings")
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}
