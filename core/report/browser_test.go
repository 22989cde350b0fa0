package report_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/core/report"
	"github.com/cortexlinux/cortex-host/testdata/hostile"
)

func TestInBrowser(t *testing.T) {
	b := openBrowser(t)
	rec := report.New(report.Config{Started: began})
	run := busyRun(rec, 1500)
	for i, payload := range hostile.Payloads() {
		rec.Observe(hostileResult(i, payload), began.Add(run.TotalTime-time.Second))
	}
	file := filepath.Join(t.TempDir(), "run.html")
	if err := os.WriteFile(file, []byte(pageOf(t, rec, run)), 0o600); err != nil {
		t.Fatal(err)
	}
	b.open("file://" + file)

	if logs := b.logs("browser"); len(logs) > 0 {
		t.Errorf("the console says %q", logs)
	}
	requests := b.requests("file://" + file)
	if len(requests) == 0 {
		t.Error("not even the page itself was asked for: the test sees no requests")
	}
	for _, url := range requests {
		if url != "file://"+file && !strings.HasPrefix(url, "data:") {
			t.Errorf("the page asked for %s", url)
		}
	}
	var owned bool
	if b.eval("return typeof window.owned !== 'undefined'", &owned); owned {
		t.Error("a hostile answer ran a script")
	}

	search := func(words, which string) (found string, visible int) {
		b.eval(`const w = document.getElementById("words"), s = document.getElementById("which");
			w.value = `+fmt.Sprintf("%q", words)+`; s.value = `+fmt.Sprintf("%q", which)+`;
			s.dispatchEvent(new Event("change"));
			return document.getElementById("found").textContent`, &found)
		b.eval(`return Array.from(document.querySelectorAll(".answer")).filter(a => a.checkVisibility()).length`, &visible)
		return found, visible
	}
	for _, c := range []struct {
		words, which, found string
		visible             int
	}{
		{"", "all", "2,000 of 2,000", 50},
		{"pkg_nginx_0008", "all", "1 of 2,000", 1},
		{"NGINX port 1016.", "all", "1 of 2,000", 1},
		{"no such words", "all", "0 of 2,000", 0},
		{"maximum context", "answered", "0 of 2,000", 0},
	} {
		if found, visible := search(c.words, c.which); found != c.found || visible != c.visible {
			t.Errorf("search %q in %s: %q, %d visible, want %q, %d", c.words, c.which, found, visible, c.found, c.visible)
		}
	}
	search("", "all")
	var overflows bool
	for _, width := range []int{1200, 800, 390, 320} {
		b.screenshot(width, false, width < 800)
		if b.eval("return document.documentElement.scrollWidth > window.innerWidth + 1", &overflows); overflows {
			t.Errorf("at %d pixels the page is wider than the screen", width)
		}
	}
}

// TestScreenshots saves what the page looks like, for people to judge.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("REPORT_SCREENSHOTS")
	if dir == "" {
		t.Skip("set REPORT_SCREENSHOTS to a directory to save pictures of the page")
	}
	b := openBrowser(t)
	rec := report.New(report.Config{Started: began})
	run := busyRun(rec, 1500)
	file := filepath.Join(t.TempDir(), "run.html")
	save := func(path string, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	save(file, []byte(pageOf(t, rec, run)))
	b.open("file://" + file)
	b.eval(`document.querySelectorAll(".answer")[2].open = true`, nil)
	save(filepath.Join(dir, "light.png"), b.screenshot(1200, false, false))
	save(filepath.Join(dir, "dark.png"), b.screenshot(1200, true, false))
	save(filepath.Join(dir, "phone.png"), b.screenshot(390, false, true))
	b.devtools("Emulation.clearDeviceMetricsOverride", map[string]any{}, nil)
	var pdf struct{ Data []byte }
	b.devtools("Page.printToPDF", map[string]any{"pageRanges": "1-3", "printBackground": true}, &pdf)
	save(filepath.Join(dir, "print.pdf"), pdf.Data)
}
