package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/core/report"
	"github.com/cortexlinux/cortex-host/sdk"
)

var began = time.Date(2026, 11, 24, 1, 30, 0, 0, time.UTC)

// busyRun observes n results of two providers, 24 at a time, with lognormal
// latencies and some failures, and returns what the executor would have told.
func busyRun(rec *report.Recorder, n int) report.Run {
	rng := rand.New(rand.NewPCG(7, 7))
	lanes := []report.Lane{
		{Provider: "kimi", Model: "kimi-k2", Waits: map[string]time.Duration{"requests": 41 * time.Second, "provider_pause": 6 * time.Second}},
		{Provider: "openai", Model: "gpt-5-mini", Waits: map[string]time.Duration{"concurrency": 73 * time.Second, "backoff": 900 * time.Millisecond}},
	}
	var totals report.Totals
	var free [24]time.Duration
	packages := []string{"nginx", "redis", "postgresql", "memcached", "haproxy", "openssh-server", "curl", "systemd"}
	var end time.Duration
	for i := range n {
		slot := 0
		for k := range free {
			if free[k] < free[slot] {
				slot = k
			}
		}
		lane := &lanes[i%5/3]
		took := time.Duration(float64(1800*time.Millisecond) * math.Exp(0.55*rng.NormFloat64()))
		name := packages[i%len(packages)]
		r := sdk.Result{QueryID: fmt.Sprintf("pkg_%s_%04d", name, i), Index: int64(i), Attempts: 1, ExecutionTime: took,
			Metadata: map[string]string{"package": name}}
		usage := sdk.Usage{PromptTokens: 310 + int64(i%40), CompletionTokens: 180 + took.Milliseconds()/20, CachedTokens: 128}
		cost := sdk.Money(usage.PromptTokens*150_000 + usage.CompletionTokens*600_000)
		switch draw := rng.Float64(); {
		case draw < 0.02:
			r.Attempts = 3
			r.Error = &sdk.Error{Kind: sdk.InDoubt, Provider: lane.Provider, Status: 502, Message: fmt.Sprintf("bad gateway (upstream %d)", i%3)}
			r.PossiblyBilled = true
		case draw < 0.035:
			r.Error = &sdk.Error{Kind: sdk.ContextLength, Provider: lane.Provider, Status: 400, Message: "This model's maximum context length is 131072 tokens. However, your messages resulted in 140311 tokens."}
		case draw < 0.04:
			r.Error = &sdk.Error{Kind: sdk.Truncated, Provider: lane.Provider, Message: "the reply was cut short by its length: raise max_tokens"}
			fallthrough
		default:
			r.Response = &sdk.Response{Provider: lane.Provider, Model: lane.Model, ModelServed: lane.Model + "-2026-08", Usage: &usage, Cost: &cost, Latency: took,
				Content: fmt.Sprintf("%s is installed and current.\n\n- It listens on port %d.\n- Its configuration is in /etc/%s.\n\nNothing needs to be done; the next security update comes with the distribution.", name, 1000+i, name)}
		}
		done := free[slot] + took
		free[slot], end = done, max(end, done)
		rec.Observe(&r, began.Add(done))
		count(&totals, &r)
		count(&lane.Totals, &r)
	}
	return report.Run{
		ID: "2026-11-24T0130-7f3a", Version: "1.4.0", Started: began, TotalTime: end, Totals: &totals, Lanes: lanes,
		Command: "cortex-host batch queries.ndjson --max-concurrent 24 --requests-per-second 12 -o answers.ndjson --report run.html",
		Settings: []report.Setting{
			{Name: "max-concurrent", Value: "24", Origin: "flag"}, {Name: "requests-per-second", Value: "12", Origin: "flag"},
			{Name: "max-retries", Value: "2", Origin: "default"}, {Name: "output", Value: "answers.ndjson", Origin: "flag"},
			{Name: "kimi.base_url", Value: "https://api.moonshot.ai/v1", Origin: "cortex-host.yaml:12"},
			{Name: "kimi.api_key", Value: "sk-very-secret", Origin: "MOONSHOT_API_KEY", Secret: true},
		},
		Notes: []string{"3 calls were sent again after the crash at 01:42; they may have been billed twice."},
	}
}

// count does what the executor's summary does.
func count(t *report.Totals, r *sdk.Result) {
	if r.Success() {
		t.SuccessCount++
	} else {
		t.FailureCount++
	}
	if r.Truncated() {
		t.TruncatedCount++
	}
	t.Attempts += r.Attempts
	if r.Response != nil {
		t.Tokens = t.Tokens.Add(*r.Response.Usage)
		t.Cost = t.Cost.Add(*r.Response.Cost)
	} else if r.PossiblyBilled {
		t.UnknownCosts++
	}
}

func pageOf(t testing.TB, rec *report.Recorder, run report.Run) string {
	t.Helper()
	var b bytes.Buffer
	if err := rec.WritePage(&b, run); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// number returns a headline number as programs read it.
func number(t testing.TB, page, id string) string {
	t.Helper()
	m := regexp.MustCompile(`<data id="` + id + `" value="([^"]*)">`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("the page has no number %q", id)
	}
	return m[1]
}

func TestNumbersEqualTheSummary(t *testing.T) {
	rec := report.New(report.Config{Started: began})
	run := busyRun(rec, 1500)
	want := *run.Totals
	cost, err := json.Marshal(want.Cost)
	if err != nil {
		t.Fatal(err)
	}
	counted := run
	counted.Totals, counted.Lanes = nil, nil
	for source, page := range map[string]string{"the run's own totals": pageOf(t, rec, run), "the results": pageOf(t, rec, counted)} {
		for id, value := range map[string]string{
			"success_count": fmt.Sprint(want.SuccessCount), "failure_count": fmt.Sprint(want.FailureCount),
			"total_tokens": fmt.Sprint(want.Tokens.TotalTokens()), "attempts": fmt.Sprint(want.Attempts), "total_cost": string(cost),
			"total_time": fmt.Sprint(run.TotalTime.Seconds()),
		} {
			if got := number(t, page, id); got != value {
				t.Errorf("from %s: %s is %s on the page, %s in the summary", source, id, got, value)
			}
		}
	}
}

func TestStoredRowsGiveTheSameNumbers(t *testing.T) {
	live := report.New(report.Config{})
	var rows [][]byte
	for i := range 50 {
		r := sdk.Result{QueryID: fmt.Sprint(i), Attempts: 1 + i%2, ExecutionTime: time.Duration(i) * time.Millisecond,
			Response: &sdk.Response{Content: "ok", Provider: "p", Model: "m", Usage: &sdk.Usage{PromptTokens: 3, CompletionTokens: 4}, Cost: new(sdk.Money(i))}}
		if i%10 == 0 {
			r.Response, r.Error = nil, &sdk.Error{Kind: sdk.InDoubt, Message: "reset"}
		}
		row, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		live.Observe(&r, began)
		rows = append(rows, row)
	}
	stored := report.New(report.Config{})
	err := stored.ObserveAll(func(yield func(sdk.Result, error) bool) {
		for _, row := range rows {
			var r sdk.Result
			if err := json.Unmarshal(row, &r); !yield(r, err) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if stored.Totals() != live.Totals() {
		t.Errorf("stored rows give %+v, the run %+v", stored.Totals(), live.Totals())
	}
	page := pageOf(t, stored, report.Run{ID: "x"})
	if strings.Contains(page, "Throughput") || !strings.Contains(page, "Charts over time are missing") {
		t.Error("the page of stored rows has charts over time, or does not say why not")
	}
}

func TestStoredRowsThatCannotBeRead(t *testing.T) {
	broken := errors.New("row 3 is no JSON")
	err := report.New(report.Config{}).ObserveAll(func(yield func(sdk.Result, error) bool) { yield(sdk.Result{}, broken) })
	if !errors.Is(err, broken) {
		t.Errorf("ObserveAll() = %v", err)
	}
}

func TestSecretsStayAway(t *testing.T) {
	rec := report.New(report.Config{})
	run := busyRun(rec, 10)
	if page := pageOf(t, rec, run); strings.Contains(page, "very-secret") || !strings.Contains(page, "(set, not shown)") {
		t.Error("a secret is on the page, or not told to be set")
	}
}

func TestEmptyRun(t *testing.T) {
	page := pageOf(t, report.New(report.Config{}), report.Run{ID: "empty", Totals: &report.Totals{}})
	if number(t, page, "success_count") != "0" || !strings.Contains(page, "There are none.") {
		t.Error("the page of an empty run does not say that it is empty")
	}
	if strings.Contains(page, "NaN") || strings.Contains(page, "Inf") {
		t.Error("the page divides by zero")
	}
}

func TestInstantResults(t *testing.T) {
	rec := report.New(report.Config{Started: began})
	for i := range 3 {
		rec.Observe(&sdk.Result{QueryID: fmt.Sprint(i), Error: &sdk.Error{Kind: sdk.GeneratorFailed}}, began)
		rec.Observe(&sdk.Result{QueryID: fmt.Sprint(i), Response: &sdk.Response{Content: "at once"}}, began)
	}
	if page := pageOf(t, rec, report.Run{}); strings.Contains(page, "NaN") || strings.Contains(page, "Inf") {
		t.Error("the page divides by zero")
	}
}

func TestMemoryIsBounded(t *testing.T) {
	rec := report.New(report.Config{})
	text := strings.Repeat("all is well. ", 150)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const n = 1_000_000
	for i := range n {
		r := sdk.Result{QueryID: fmt.Sprint("q", i), Attempts: 1, ExecutionTime: time.Duration(i%7919) * time.Millisecond,
			Response: &sdk.Response{Content: text, Provider: fmt.Sprint("p", i%500), Model: fmt.Sprint("m", i%700), ModelServed: fmt.Sprint("s", i)}}
		if i%3 == 0 {
			r.Response, r.Error = nil, &sdk.Error{Kind: sdk.Kind(fmt.Sprint("kind", i)), Message: text}
		}
		rec.Observe(&r, began.Add(time.Duration(i)*10*time.Millisecond))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("a million results take %d bytes", grown)
	}
	totals := rec.Totals()
	if totals.SuccessCount+totals.FailureCount != n {
		t.Errorf("%d results were counted", totals.SuccessCount+totals.FailureCount)
	}
	page := pageOf(t, rec, report.Run{ID: "big"})
	if len(page) > 12<<20 {
		t.Errorf("the page has %d bytes", len(page))
	}
	if !strings.Contains(page, "more did not fit") {
		t.Error("the page does not say that answers were left out")
	}
}
