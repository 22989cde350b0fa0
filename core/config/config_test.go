package config_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/cortexlinux/cortex-host/core/config"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), config.FileName)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func env(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}
}

func TestALaterLayerWins(t *testing.T) {
	path := write(t, `
version: 1
provider: openai       # from the file
model: from-file
max_concurrent: 7
burst: 3
profiles:
  night:
    max_concurrent: 200
    model: from-profile
`)
	c, err := config.Load(config.Sources{
		Path: path, Profile: "night",
		Env:   env(map[string]string{"CORTEX_MODEL": "from-env", "CORTEX_BURST": "4", "CORTEX_PROVIDER": ""}),
		Flags: map[string]string{"burst": "5"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ key, got, want, origin string }{
		{"provider", c.Provider, "openai", path + ":3"},
		{"max_concurrent", fmt.Sprint(c.MaxConcurrent.N), "200", "profile night (" + path + ":9)"},
		{"model", c.Model, "from-env", "CORTEX_MODEL"},
		{"burst", fmt.Sprint(c.Burst), "5", "--burst"},
		{"max_retries", fmt.Sprint(c.MaxRetries), "2", "default"},
		{"timeout", c.Timeout.String(), (10 * time.Minute).String(), "default"},
		{"retry_failed", fmt.Sprint(c.RetryFailed), "true", "default"},
		{"requests_per_second", fmt.Sprint(c.RequestsPerSecond), "{false false 0}", ""},
	} {
		if row.got != row.want || c.Origin(row.key) != row.origin {
			t.Errorf("%s = %s from %q; want %s from %q", row.key, row.got, c.Origin(row.key), row.want, row.origin)
		}
	}
	if c.Given("max_retries") || !c.Given("burst") || c.Given("temperature") {
		t.Error("Given is wrong")
	}
}

func TestNothingIsIgnored(t *testing.T) {
	for name, c := range map[string]struct{ text, place, problem, hint string }{
		"unknown key":          {"version: 1\nmax_concurent: 3\n", ":2", `unknown key "max_concurent"`, "did you mean max_concurrent?"},
		"unknown, no relation": {"zzzzzzzzzz: 3\n", ":1", "unknown key", "config show"},
		"unknown in a profile": {"profiles:\n  a:\n    modell: x\n", ":3", `unknown key "modell"`, "did you mean model?"},
		"twice":                {"model: a\nmodel: b\n", ":2", "model", ""},
		"of another kind":      {"max_concurrent: many\n", ":1", `max_concurrent must be auto or a whole number from 1 to 100000, not "many"`, ""},
		"out of range":         {"max_concurrent: 0\n", ":1", "max_concurrent must be", ""},
		"negative":             {"temperature: -1\n", ":1", "temperature must be a number of at least 0", ""},
		"NaN":                  {"temperature: .nan\n", ":1", "temperature must be", ""},
		"a list":               {"model: [a, b]\n", ":1", "must be a single value", ""},
		"a newer version":      {"version: 2\n", ":1", "version is 2; this program reads up to 1", "update"},
		"no version":           {"version: x\n", ":1", "version must be 1", ""},
		"not a mapping":        {"- a\n- b\n", ":1", "must hold keys and values", ""},
		"syntax":               {"model: \"a\nb: [\n", "", "not valid YAML", ""},
		"two documents":        {"model: a\n---\nmodel: b\n", "", "more than one YAML document", ""},
		"rate":                 {"requests_per_second: fast\n", ":1", "600/m, or auto or off", ""},
		"rate too high":        {"requests_per_second: 2000000\n", ":1", "0.000001 to 1000000", ""},
		"span":                 {"timeout: 10\n", ":1", "must be a time such as 90s", ""},
		"retry":                {"retry_failed: maybe\n", ":1", "must be true or false", ""},
		"price":                {"price: 1\n", ":1", "must be two numbers or three", ""},
		"empty":                {"model: \"\"\n", ":1", "is empty", ""},
	} {
		path := write(t, c.text)
		_, err := config.Load(config.Sources{Path: path})
		var e *config.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !strings.HasPrefix(e.Error(), path+c.place) || !strings.Contains(e.Error(), c.problem) || !strings.Contains(e.Hint, c.hint) {
			t.Errorf("%s: %v (hint: %s)", name, err, e.Hint)
		}
	}
}

func TestWrongValuesNameTheirSource(t *testing.T) {
	_, err := config.Load(config.Sources{Env: env(map[string]string{"CORTEX_MAX_CONCURRENT": "x"})})
	if err == nil || !strings.HasPrefix(err.Error(), "CORTEX_MAX_CONCURRENT: max_concurrent must be") {
		t.Error(err)
	}
	_, err = config.Load(config.Sources{Flags: map[string]string{"max_concurrent": "x"}})
	if err == nil || !strings.HasPrefix(err.Error(), "--max-concurrent: max_concurrent must be") {
		t.Error(err)
	}
	_, err = config.Load(config.Sources{Path: filepath.Join(t.TempDir(), "no.yaml")})
	if err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Error(err)
	}
	_, err = config.Load(config.Sources{Profile: "night"})
	if err == nil || !strings.Contains(err.Error(), "no configuration file was found") {
		t.Error(err)
	}
	_, err = config.Load(config.Sources{Path: write(t, "profiles: {day: {}, eve: {}}\n"), Profile: "night"})
	var e *config.Error
	if !errors.As(err, &e) || e.Hint != "it has day, eve" {
		t.Error(err)
	}
}

func TestTheFileIsFound(t *testing.T) {
	project, user := filepath.Dir(write(t, "model: project\n")), filepath.Dir(write(t, "model: user\n"))
	for _, c := range []struct{ dir, user, want string }{{project, user, "project"}, {t.TempDir(), user, "user"}, {t.TempDir(), t.TempDir(), ""}} {
		got, err := config.Load(config.Sources{Dir: c.dir, UserDir: c.user})
		if err != nil || got.Model != c.want {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestAFileThatNobodyNamedMayNotSendKeysElsewhere(t *testing.T) {
	path := write(t, "base_url: https://evil.example\n")
	_, err := config.Load(config.Sources{Dir: filepath.Dir(path)})
	var e *config.Error
	if !errors.As(err, &e) || !strings.Contains(e.Hint, "--config "+path) {
		t.Fatal(err)
	}
	for _, s := range []config.Sources{{Path: path}, {UserDir: filepath.Dir(path)}} {
		if c, err := config.Load(s); err != nil || c.BaseURL != "https://evil.example" {
			t.Fatal(err)
		}
	}
}

func TestProvidersAndRoutes(t *testing.T) {
	path := write(t, `
providers:
  chat:
    plugin: openai
    settings: {base_url: "https://llm.example/v1", headers: {X-Team: blue}}
    keys: [{env: A}, {file: /run/key}, {command: [pass, show, key]}]
    requests_per_second: 2.5
  system:
    plugin: ollama
    model: llama
routes:
  user_chat: [chat, system]
  "*": [system]
`)
	c, err := config.Load(config.Sources{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	chat := c.Providers["chat"]
	if chat.Plugin != "openai" || len(chat.Keys) != 3 || chat.Keys[2].Command[1] != "show" || chat.RequestsPerSecond != 2.5 ||
		chat.Settings["base_url"] != "https://llm.example/v1" || c.Providers["system"].Model != "llama" {
		t.Errorf("%+v", c.Providers)
	}
	if fmt.Sprint(c.Routes) != "map[*:[system] user_chat:[chat system]]" {
		t.Error(c.Routes)
	}
	for text, want := range map[string]string{
		"providers:\n  chat:\n    pluggin: openai\n":     `:3: unknown key "pluggin"`,
		"providers: {Chat: {}}\n":                        "small letters",
		"providers: {c: {keys: [{env: A, file: b}]}}\n":  "exactly one of",
		"providers: {c: {grant: {env: [A=b]}}}\n":        "grant.env",
		"providers: {c: {grant: {files: [secrets]}}}\n":  "grant.files",
		"providers: {c: {grant: {file: [/x]}}}\n":        `unknown key "file"`,
		"providers: {c: {max_concurrent: -1}}\n":         "negative",
		"providers: {c: {max_concurrent: many}}\n":       "providers.c",
		"routes: {user_chat: chat}\n":                    "must be a list",
		"routes: {user_chat: []}\n":                      "must be a list",
		"routes: [a]\n":                                  "must hold keys and values",
		"providers:\n  c: {requests_per_second: fast}\n": ":2: providers.c has a value of another kind",
		"providers: {c: {keys: env}}\n":                  "providers.c has a value of another kind",
		"profiles: {night: {providers: {}}}\n":           ":1: providers cannot be part of a profile",
		"profiles:\n" + manyProfiles(101):                ":1: profiles are 101; at most 100",
		"version: one\n":                                 ":1: version must be 1",
		"model: a\nmodel: b\n":                           ":2: not valid YAML",
		"a: " + strings.Repeat("[", 100_000):             ":1: is nested deeper than 64 levels",
		"#\na: " + strings.Repeat("{a: ", 50_000):        ":2: is nested deeper than 64 levels",
		strings.Repeat("- ", 100_000) + "a":              ":1: is nested deeper than 64 levels",
		strings.Repeat("? ", 100_000) + "a":              ":1: ",
		strings.Repeat("a: 1\n", 100_000):                "is larger than",
	} {
		_, err := config.Load(config.Sources{Path: write(t, text)})
		wrong, ok := errors.AsType[*config.Error](err)
		if !ok || !strings.Contains(err.Error(), want) || wrong.Hint == "" || strings.Contains(err.Error(), "Go ") {
			t.Errorf("%.80q: %v", text, err)
		}
	}
	if _, err := config.Load(config.Sources{Dir: filepath.Dir(path)}); err == nil || !strings.Contains(err.Error(), "nobody named this file") {
		t.Error(err)
	}
}

func manyProfiles(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  p%d: {}\n", i)
	}
	return b.String()
}

func TestRates(t *testing.T) {
	for text, want := range map[string]float64{"10": 10, "0": 0, "off": 0, "0.5": 0.5, "600/m": 10, "3/s": 3} {
		c, err := config.Load(config.Sources{Flags: map[string]string{"requests_per_second": text}})
		if err != nil || !c.RequestsPerSecond.Set || c.RequestsPerSecond.PerSecond != want {
			t.Errorf("%s: %+v %v", text, c, err)
		}
	}
}

func TestEveryKeyHasItsThreeNames(t *testing.T) {
	for _, k := range config.Keys() {
		if k.Usage == "" || k.Form == "" || k.Schema == "" || strings.Contains(k.Flag(), "_") || !strings.HasPrefix(k.Env(), "CORTEX_") {
			t.Errorf("%+v", k)
		}
	}
}

func FuzzFile(f *testing.F) {
	f.Add("version: 1\nmodel: a\nprofiles: {n: {burst: 3}}\n")
	f.Add("a: &x [*x]\n? b\n: c\n")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Skip()
		}
		_, err := config.Load(config.Sources{Path: path})
		var e *config.Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%q: %v", text, err)
		}
	})
}

func ExampleLoad() {
	c, err := config.Load(config.Sources{Flags: map[string]string{"max_concurrent": "64"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.MaxConcurrent.N, c.Origin("max_concurrent"))
	fmt.Println(c.MaxRetries, c.Origin("max_retries"))
	// Output:
	// 64 --max-concurrent
	// 2 default
}

func TestSchemaAgreesWithTheReader(t *testing.T) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(config.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("mem:config", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("mem:config")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		`{}`, `{"version":1,"model":"m","max_concurrent":3,"requests_per_second":"600/m","timeout":"1h30m"}`,
		`{"requests_per_second":"off","profiles":{"night":{"max_cost":2.5}}}`, `{"requests_per_second":10,"price":"0.15,0.6"}`,
		`{"version":2}`, `{"modell":"m"}`, `{"max_concurrent":0}`, `{"max_concurrent":"x"}`, `{"max_concurrent":"auto","tokens_per_minute":"off","share":"70%"}`, `{"share":0.5,"tokens_per_minute":1000}`, `{"share":2}`, `{"tokens_per_minute":"many"}`, `{"requests_per_second":"fast"}`,
		`{"timeout":10}`, `{"temperature":-1}`, `{"retry_failed":"maybe"}`, `{"profiles":{"night":{"nope":1}}}`, `{"providers":{"a":{"plugin":"openai","keys":[{"env":"A"}]}},"routes":{"*":["a"]}}`, `{"providers":{"a":{"x":1}}}`, `{"providers":{"a":{"keys":[{"env":"A","file":"b"}]}}}`, `{"routes":{"*":[]}}`, `{"providers":{"A":{}}}`, `{"price":"1"}`, `[]`,
	} {
		instance, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		_, loadErr := config.Load(config.Sources{Path: write(t, text)}) // JSON is YAML
		if schemaErr := schema.Validate(instance); (schemaErr == nil) != (loadErr == nil) {
			t.Errorf("%s: the schema says %v, the reader %v", text, schemaErr, loadErr)
		}
	}
}
