package report_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cortexlinux/cortex-host/core/report"
	"github.com/cortexlinux/cortex-host/sdk"
)

// hostilePayloads returns 500 texts that try to run a script, to load
// something, to break out of their place or to hide.
func hostilePayloads() []string {
	cores := []string{
		`<script>window.owned=1</script>`, `<img src=x onerror=window.owned=1>`, `<svg onload=window.owned=1>`,
		`<iframe src="javascript:window.owned=1"></iframe>`, `<link rel=stylesheet href=http://evil.test/x.css>`,
		`<style>@import "http://evil.test/x"</style>`, `<meta http-equiv=refresh content="0;url=http://evil.test">`,
		`<base href=http://evil.test/>`, `<form action=http://evil.test><input autofocus onfocus=window.owned=1>`,
		`<a href="javascript:window.owned=1">x</a>`, `<object data=http://evil.test></object>`, `<details open ontoggle=window.owned=1>`,
		`{{.Script}}{{template "page"}}`, `${window.owned=1}`, `&lt;script&gt;window.owned=1&lt;/script&gt;`, `&#60;script&#62;`,
		"\x1b[2J\x1b]52;c;aGk=\x07", "\x1b]8;;http://evil.test\x1b\\link\x1b]8;;\x1b\\", "\u202egnp.exe\u202c", "\u2066\u2067\u2068\u2069",
		"\x00\x01\x02\x7f\u0080\u009b31m", "\xff\xfe\xc0\xaf", "\ufeff\u200b\u2060\u00ad", "\u2028window.owned=1\u2029", "\U000e0041\U000e0042",
	}
	frames := []string{
		`%s`, `">%s`, `'>%s`, `</pre>%s`, `</bdi>%s`, `</title>%s`, `</script>%s`, `</style>%s`, `</svg>%s`, `</textarea>%s`,
		`-->%s<!--`, `]]>%s`, `<![CDATA[%s`, `<!--%s`, "`%s`", `\";%s;//`, `" onclick="%s`, `' style='%s`, "\r\n%s\r", `<<%s>>`,
	}
	var list []string
	for _, c := range cores {
		for _, f := range frames {
			list = append(list, fmt.Sprintf(f, c))
		}
	}
	return list
}

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
	payloads := hostilePayloads()
	if len(payloads) < 500 {
		t.Fatalf("only %d payloads", len(payloads))
	}
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
func checkBytes(t *testing.T, payload, page string) {
	t.Helper()
	if !utf8.ValidString(page) {
		t.Fatalf("payload %q: the page is not UTF-8", payload)
	}
	for _, r := range page {
		if r != '\n' && r != '\t' && (unicode.In(r, unicode.Cc, unicode.Cf) || r == '\u2028' || r == '\u2029') {
			t.Fatalf("payload %q: %U is on the page", payload, r)
		}
	}
}
