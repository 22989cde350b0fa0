package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// printed reads the rows that a command printed.
func printed(t *testing.T, out string) []sdk.Result {
	t.Helper()
	var list []sdk.Result
	for line := range strings.Lines(out) {
		var r sdk.Result
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		list = append(list, r)
	}
	return list
}

// command returns a command of the built host, with a home of its own.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	home := t.TempDir()
	cmd := exec.Command(filepath.Join(layout, "cortex-host"), args...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = home, cleanEnv(home), 5*time.Second
	return cmd
}

var aptCandidate = regexp.MustCompile(`Candidate: (\S+)`)

// What make run asks agrees with what this machine's own tool says.
func TestPackageAnswersAgreeWithTheMachine(t *testing.T) {
	packages := []string{"bash", "coreutils", "grep", "gzip", "tar"}
	cmd := command(t, append([]string{"run", "--provider", "offline", "package"}, packages...)...)
	cmd.Env = append(cmd.Env, "XDG_CACHE_HOME="+t.TempDir()) // as the first time
	out, errs, _, code := timed(t, cmd)
	rows := printed(t, out)
	if code != 0 || len(rows) != len(packages) {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	if _, err := exec.LookPath("dpkg-query"); err != nil {
		t.Skip("SKIPPED: no dpkg-query, by which the answers could be judged")
	}
	for _, r := range rows {
		name := strings.TrimPrefix(r.QueryID, "pkg_")
		version, err := exec.Command("dpkg-query", "-W", "-f=${Version}", name).Output()
		if err != nil {
			t.Fatalf("dpkg-query %s: %v", name, err)
		}
		if !strings.Contains(r.Response.Content, string(version)) || !strings.Contains(r.Response.Content, "source: ") {
			t.Errorf("dpkg says that %s is at %s:\n%s", name, version, r.Response.Content)
		}
		// Where there are package lists, apt's candidate is told too.
		policy, err := exec.Command("apt-cache", "policy", name).Output()
		if candidate := aptCandidate.FindSubmatch(policy); err == nil && candidate != nil && strings.Contains(string(policy), "://") {
			if !strings.Contains(r.Response.Content, string(candidate[1])) || !strings.Contains(r.Response.Content, "apt-cache policy") {
				t.Errorf("apt's candidate of %s is %s:\n%s", name, candidate[1], r.Response.Content)
			}
		}
	}
}

// One schema says what a generator prints, what generate shows and what a file
// of queries holds.
func TestOneSchemaForQueriesEverywhere(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile("../../sdk/query.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	for _, args := range [][]string{
		{"package", "bash", "no-such-package"},
		{"package", "tar", "--param", "system="},
		{"package", "grep", "--preset", "secure"},
		{"error", `{"id":"e1","message":"disk full"}`},
		{"hardware"},
	} {
		out, errs, _, code := timed(t, command(t, append([]string{"generate"}, args...)...))
		if code != 0 {
			t.Fatalf("generate %v: exit %d\n%s", args, code, errs)
		}
		for line := range strings.Lines(out) {
			v, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(v); err != nil {
				t.Errorf("generate %v prints %s: %v", args, line, err)
			}
		}
		all.WriteString(out)
	}
	valid, err := os.ReadFile("../../testdata/query/valid.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	all.Write(valid)

	batch := command(t, "batch", "-", "--provider", "simulator")
	batch.Stdin = strings.NewReader(strings.ReplaceAll(all.String(), `"provider":"openai"`, `"provider":"simulator"`))
	out, errs, _, _ := timed(t, batch) // a simulator has no JSON for the query that wants some
	rows := printed(t, out)
	if want := bytes.Count(all.Bytes(), []byte("\n")); len(rows) != want {
		t.Errorf("%d results for %d queries\n%s", len(rows), want, errs)
	}
	for _, r := range rows {
		if r.Attempts == 0 {
			t.Errorf("%s was not asked: %v", r.QueryID, r.Error)
		}
	}

	// What the schema refuses is no query in a file either.
	invalid, err := filepath.Abs("../../testdata/query/invalid.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	lines, err := os.ReadFile(invalid)
	if err != nil {
		t.Fatal(err)
	}
	out, errs, _, code := timed(t, command(t, "batch", invalid, "--provider", "simulator", "--input-format", "ndjson", "--keep-going"))
	rows = printed(t, out)
	if want := bytes.Count(lines, []byte("\n")); code != exitFailed || len(rows) != want {
		t.Errorf("exit %d, %d results for %d lines\n%s", code, len(rows), want, errs)
	}
	for _, r := range rows {
		if r.Success() || r.Attempts > 0 {
			t.Errorf("%s was asked: %+v", r.QueryID, r)
		}
	}
}

// Newer models refuse a temperature, and a max_tokens under that name.
func TestUnsetNumbersAreNotSent(t *testing.T) {
	s := startVendor(t, upstream.Config{})
	path := queryFile(t, 1)
	timed(t, hostCommand(t, s, "batch", path, "--model", "m"))
	timed(t, hostCommand(t, s, "batch", path, "--model", "m", "--temperature", "0", "--max-tokens", "7"))
	timed(t, hostCommand(t, s, "batch", path, "--model", "gpt-5.4-mini", "--max-tokens", "7"))
	want := []string{
		`{"messages":[{"role":"user","content":"question 0"}],"model":"m"}`,
		`{"messages":[{"role":"user","content":"question 0"}],"model":"m","temperature":0,"max_tokens":7}`,
		`{"messages":[{"role":"user","content":"question 0"}],"model":"gpt-5.4-mini","max_completion_tokens":7}`,
	}
	for i, r := range s.Requests() {
		var got, expected map[string]any
		if err := json.Unmarshal(r.Body, &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(want[i]), &expected); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got) != fmt.Sprint(expected) {
			t.Errorf("sent %s; want %s", r.Body, want[i])
		}
	}
}

// A reply that is cut, withheld or declined is an outcome of its own.
func TestAReplyThatIsNotWholeIsNoSuccess(t *testing.T) {
	reply := func(message, finish string) string {
		return `{"id":"x","object":"chat.completion","model":"m","choices":[{"index":0,"message":` + message +
			`,"finish_reason":"` + finish + `"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}`
	}
	for _, c := range []struct {
		name, body string
		kind       sdk.Kind
		kept       string
	}{
		{"length", reply(`{"role":"assistant","content":"half of"}`, "length"), sdk.Truncated, "half of"},
		{"filter", reply(`{"role":"assistant","content":"some"}`, "content_filter"), sdk.ContentFiltered, "some"},
		{"refusal", reply(`{"role":"assistant","content":null,"refusal":"I will not"}`, "stop"), sdk.Refused, "I will not"},
		{"empty", reply(`{"role":"assistant","content":""}`, "stop"), sdk.BadResponse, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startVendor(t, upstream.Config{Script: upstream.Always(upstream.Reply{Body: []byte(c.body)})})
			summary := filepath.Join(t.TempDir(), "summary.json")
			out, errs, _, code := timed(t, hostCommand(t, s, "batch", queryFile(t, 1), "--summary", summary))
			rows := printed(t, out)
			if code != exitFailed || len(rows) != 1 || rows[0].Error == nil || rows[0].Error.Kind != c.kind {
				t.Fatalf("exit %d; want %d and %s\n%s%s", code, exitFailed, c.kind, out, errs)
			}
			if c.kept != "" && !strings.Contains(out, c.kept) {
				t.Errorf("the text that came is gone:\n%s", out)
			}
			if n := s.Stats().Requests; n != 1 {
				t.Errorf("it was asked %d times", n)
			}
			data, err := os.ReadFile(summary)
			if err != nil || !strings.Contains(string(data), `"success_count": 0`) || !strings.Contains(string(data), `"failure_count": 1`) {
				t.Errorf("the summary counts it as %s (%v)", data, err)
			}
		})
	}
}

// Calls that fail together must not come back together.
func TestServerErrorsAreRetriedWithJitter(t *testing.T) {
	const n, failing = 24, 6
	// One query in four fails once: a vendor that fails oftener than that is
	// spared by breaker and retry budget, and the waits would be theirs.
	s := startVendor(t, upstream.Config{Script: func(r upstream.Request) upstream.Reply {
		var number int
		if _, err := fmt.Sscanf(r.Query, "question %d", &number); err == nil && number%4 == 3 && r.Attempt == 1 {
			return upstream.Reply{Status: 500}
		}
		return upstream.Reply{}
	}})
	out, errs, _, code := timed(t, hostCommand(t, s, "batch", queryFile(t, n), "-j", "1"))
	if code != 0 {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	first, waits := map[string]time.Time{}, []time.Duration{}
	for _, r := range s.Requests() {
		if at, again := first[r.Query]; again {
			waits = append(waits, r.At.Sub(at))
		} else {
			first[r.Query] = r.At
		}
	}
	if len(waits) != failing {
		t.Fatalf("%d retries of %d failures", len(waits), failing)
	}
	shortest, longest := waits[0], waits[0]
	for _, w := range waits {
		shortest, longest = min(shortest, w), max(longest, w)
	}
	if longest > 500*time.Millisecond*slack || longest-shortest < 20*time.Millisecond {
		t.Errorf("the waits are between %v and %v: %v", shortest, longest, waits)
	}
}

// What a plugin says of itself is remembered by its hash: what is written there
// is told by everything that lists or chooses, so none of it started a plugin.
func TestListingAndChoosingStartsNoPlugin(t *testing.T) {
	cache := t.TempDir()
	host := func(args ...string) string {
		cmd := command(t, args...)
		cmd.Env = append(cmd.Env, "XDG_CACHE_HOME="+cache, "COHERENT_API_KEY=sk-1")
		out, errs, _, code := timed(t, cmd)
		if code != 0 {
			t.Fatalf("%v: exit %d\n%s%s", args, code, out, errs)
		}
		return out + errs
	}
	host("provider", "list")
	remembered, err := filepath.Glob(filepath.Join(cache, "cortex-host", "describe", "*.json"))
	if err != nil || len(remembered) < 3 {
		t.Fatalf("%v, %v", remembered, err)
	}
	for _, file := range remembered {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		told := strings.NewReplacer("OPENAI_API_KEY", "COHERENT_API_KEY").Replace(string(data))
		if err := os.WriteFile(file, []byte(told), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"provider", "list"}, {"provider", "describe", "openai"}, {"run", "package", "bash", "--dry-run"}} {
		if out := host(args...); !strings.Contains(out, "COHERENT_API_KEY") {
			t.Errorf("%v did not go by what is remembered:\n%s", args, out)
		}
	}
}

// A rate that nobody set is none on this machine and the default elsewhere.
func TestRatesThatNobodySetAndThatSomebodyDid(t *testing.T) {
	const n = 60
	path := queryFile(t, n)
	// What waits behind the burst goes at the rate, and the last one is answered
	// after the latency that a plan assumes.
	answered := executor.PlanLatency.Seconds()
	for args, seconds := range map[string]float64{
		"--base-url http://127.0.0.1:9/v1": answered,
		"":                                 (n-executor.DefaultBurst)/5.0 + answered,
		"--requests-per-second off":        answered,
		"--requests-per-second 0":          answered,
		"--requests-per-second 20":         (n-1)/20.0 + answered,
		"--base-url http://127.0.0.1:9/v1 --requests-per-second 5":   (n-1)/5.0 + answered,
		"--base-url http://127.0.0.1:9/v1 --requests-per-second 5/s": (n-1)/5.0 + answered,
	} {
		cmd := command(t, append([]string{"batch", path, "--provider", "openai", "--dry-run"}, strings.Fields(args)...)...)
		cmd.Env = append(cmd.Env, "OPENAI_API_KEY=sk-1")
		out, errs, _, _ := timed(t, cmd)
		var plan struct{ Duration float64 }
		if err := json.Unmarshal([]byte(out), &plan); err != nil {
			t.Fatalf("%s: %v\n%s%s", args, err, out, errs)
		}
		if math.Abs(plan.Duration-seconds) > seconds*0.01 {
			t.Errorf("%q: %d queries are said to take %.1f s; want %.1f", args, n, plan.Duration, seconds)
		}
	}
}

// A rate that is configured starts one call at a time, unless told otherwise.
func TestBurst(t *testing.T) {
	for args, together := range map[string]bool{"": false, "--burst 5": true} {
		s := startVendor(t, upstream.Config{})
		_, errs, _, code := timed(t, hostCommand(t, s, append([]string{"batch", queryFile(t, 5), "--requests-per-second", "5"}, strings.Fields(args)...)...))
		r := s.Requests()
		if code != 0 || len(r) != 5 {
			t.Fatalf("exit %d, %d requests\n%s", code, len(r), errs)
		}
		if took := r[4].At.Sub(r[0].At); (took < 700*time.Millisecond) != together {
			t.Errorf("%q: five calls started within %v", args, took)
		}
	}
}
