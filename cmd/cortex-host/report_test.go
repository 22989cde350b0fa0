package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// TestThePageHasTheSummarysNumbers runs queries of which some fail and some are
// sent twice, and compares the numbers of the page that was made on the way, of
// the one that is made later, and of --summary.
func TestThePageHasTheSummarysNumbers(t *testing.T) {
	t.Parallel()
	vendor := startVendor(t, upstream.Config{Script: func(r upstream.Request) upstream.Reply {
		switch {
		case strings.HasSuffix(r.Query, "7"):
			return upstream.Reply{Status: 400}
		case strings.HasSuffix(r.Query, "3") && r.Attempt == 1:
			return upstream.Reply{Status: 429, Header: http.Header{"Retry-After": {"0"}}}
		}
		return upstream.Reply{Status: 200}
	}})
	dir := queryDir(t, 60)
	host(t, dir, 3, "batch", "queries.ndjson", "--provider", "openai", "--base-url", vendor.URL()+"/v1", "--price", "1000,2000",
		"-o", "out.ndjson", "--summary", "summary.json", "--report", "now.html", "-q")
	host(t, dir, 0, "report", "out.ndjson", "-o", "later.html")
	var summary map[string]json.Number
	data := readFile(t, filepath.Join(dir, "summary.json"))
	var all map[string]any
	d := json.NewDecoder(strings.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&all); err != nil {
		t.Fatal(err)
	}
	summary = map[string]json.Number{}
	for name, v := range all {
		if n, ok := v.(json.Number); ok {
			summary[name] = n
		}
	}
	if summary["failure_count"] != "6" || summary["success_count"] != "54" || summary["attempts"] != "66" {
		t.Fatalf("not what was meant: %v", summary)
	}
	for _, page := range []string{"now.html", "later.html"} {
		shown := pageNumbers(readFile(t, filepath.Join(dir, page)))
		for _, name := range []string{"success_count", "failure_count", "attempts", "total_tokens", "total_cost"} {
			if want := summary[name].String(); fmt.Sprint(shown[name]) != want {
				t.Errorf("%s: %s = %s; the summary has %s", page, name, shown[name], want)
			}
		}
		if page == "now.html" && !strings.HasPrefix(summary["total_time"].String(), strings.TrimRight(shown["total_time"], "0")[:4]) {
			t.Errorf("%s: total_time = %s; the summary has %s", page, shown["total_time"], summary["total_time"])
		}
	}
}

// pageNumbers are the headline numbers of a page, in full.
func pageNumbers(page string) map[string]string {
	numbers := map[string]string{}
	for _, m := range regexp.MustCompile(`<data id="([a-z0-9_]+)" value="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		numbers[m[1]] = m[2]
	}
	return numbers
}

// host runs the program with a key and checks its exit code.
func host(t *testing.T, dir string, code int, args ...string) (stdout, stderr string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(layout, appName), args...)
	cmd.Dir, cmd.Env = dir, append(cleanEnv(dir), "OPENAI_API_KEY=sk-canary")
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Fatalf("%v: exit code %d; want %d (%v)\n%s", args, got, code, err, errs.String())
	}
	return out.String(), errs.String()
}
