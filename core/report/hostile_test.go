package report_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/core/report"
	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/testdata/hostile"
)

// hostileResult has the payload in every place that a model, a plugin, a guest
// or a file can write to.
func hostileResult(i int, p string) *sdk.Result {
	r := &sdk.Result{QueryID: p, Attempts: 1, ExecutionTime: time.Duration(i) * time.Second, Metadata: map[string]string{p: p}, Generator: p}
	if i%2 == 0 {
		r.Response = &sdk.Response{Content: p, Provider: p, Model: p, ModelServed: p, RequestID: p, FinishReason: sdk.FinishReason(p),
			ToolCalls: []sdk.ToolCall{{ID: p, Name: p, Arguments: p}}}
	}
	if i%3 != 0 || i%2 != 0 {
		r.Error = &sdk.Error{Kind: sdk.Kind(p), Message: p, Provider: p, Code: p, RequestID: p, Status: 500}
	}
	return r
}

func hostileRun(p string) report.Run {
	return report.Run{
		Title: p, ID: p, Command: p, Version: p, Stopped: p, Notes: []string{p}, Started: began,
		Settings: []report.Setting{{Name: p, Value: p, Origin: p}, {Name: p, Value: "key" + p, Secret: true}},
		Lanes:    []report.Lane{{Provider: p, Model: p, Waits: map[string]time.Duration{p: time.Second}}},
	}
}

var tag = regexp.MustCompile(`<[a-zA-Z/!][^>]*>`)

func TestHostileTextStaysText(t *testing.T) {
	payloads := hostile.Payloads()
	harmless := report.New(report.Config{})
	for i := range 2 {
		harmless.Observe(hostileResult(i, "x"), began.Add(time.Duration(i)*time.Second))
	}
	known := map[string]bool{}
	for _, element := range tag.FindAllString(withoutScript(t, pageOf(t, harmless, hostileRun("x"))), -1) {
		known[elementOf(element)] = true
	}
	for i, p := range payloads {
		rec := report.New(report.Config{})
		rec.Observe(hostileResult(2*i, p), began.Add(time.Second))
		rec.Observe(hostileResult(2*i+1, p), began.Add(2*time.Second))
		page := pageOf(t, rec, hostileRun(p))
		checkBytes(t, p, page)
		for _, element := range tag.FindAllString(withoutScript(t, page), -1) {
			if !known[elementOf(element)] {
				t.Fatalf("payload %q made an element of its own: %s", p, element)
			}
		}
	}
}

// elementOf is an element without the values of its attributes.
func elementOf(s string) string { return regexp.MustCompile(`"[^"]*"`).ReplaceAllString(s, `""`) }

// withoutScript returns the page without its own style and script, whose text
// looks like anything.
func withoutScript(t *testing.T, page string) string {
	t.Helper()
	for _, name := range []string{"style", "script"} {
		from, to := strings.Index(page, "<"+name+">"), 0
		if name == "script" {
			from = strings.LastIndex(page, "<"+name+">")
		}
		if to = strings.Index(page[max(from, 0):], "</"+name+">"); from < 0 || to < 0 {
			t.Fatalf("the page has no %s", name)
		}
		page = page[:from] + page[from+to:]
	}
	return page
}

// checkBytes finds raw control characters and characters that hide or reorder.
// On a page not even joiners are left as they are.
func checkBytes(t *testing.T, payload, page string) {
	t.Helper()
	if harm := hostile.Harm(page); harm != "" || strings.ContainsAny(page, "\u200c\u200d") {
		t.Fatalf("payload %q on the page: %s", payload, harm)
	}
}
