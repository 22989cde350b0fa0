package report_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"testing"
	"time"
)

// A browser is a headless Chromium, driven through chromedriver's WebDriver
// protocol.
type browser struct {
	t       *testing.T
	session string // URL
}

// openBrowser skips the test where there is no Chromium with its driver.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	driver, err := exec.LookPath("chromedriver")
	if err != nil {
		t.Skip("SKIPPED: the page was not tried in a browser, chromedriver is not installed (Debian: apt-get install chromium chromium-driver)")
	}
	chromium := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			chromium = path
			break
		}
	}
	if chromium == "" {
		t.Skip("SKIPPED: the page was not tried in a browser, chromium is not installed (Debian: apt-get install chromium chromium-driver)")
	}
	cmd := exec.Command(driver, "--port=0")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	b := &browser{t: t, session: "http://127.0.0.1:" + portOf(t, stdout) + "/session"}
	var created struct {
		SessionID string `json:"sessionId"`
	}
	b.post("", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"goog:chromeOptions": map[string]any{"binary": chromium, "args": []string{"--headless=new", "--no-sandbox", "--disable-gpu",
			"--disable-dev-shm-usage", "--user-data-dir=" + t.TempDir(), "--window-size=1200,900"}},
		"goog:loggingPrefs": map[string]string{"browser": "ALL", "performance": "ALL"},
	}}}, &created)
	b.session += "/" + created.SessionID
	t.Cleanup(func() {
		// The driver ends the browser before it answers.
		if err := b.call(http.MethodDelete, "", nil, nil); err != nil {
			t.Errorf("the browser may be running still: %v", err)
		}
	})
	return b
}

func portOf(t *testing.T, stdout io.Reader) string {
	t.Helper()
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if m := regexp.MustCompile(`started successfully on port (\d+)`).FindStringSubmatch(lines.Text()); m != nil {
			go func() { _, _ = io.Copy(io.Discard, stdout) }()
			return m[1]
		}
	}
	t.Fatal("chromedriver did not say its port")
	return ""
}

func (b *browser) call(method, path string, body, value any) error {
	var data io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return err
		}
		data = bytes.NewReader(encoded)
	}
	req, err := http.NewRequest(method, b.session+path, data)
	if err != nil {
		return err
	}
	client := http.Client{Timeout: time.Minute}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	reply, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s", method, path, reply)
	}
	if value == nil {
		return nil
	}
	return json.Unmarshal(reply, &struct {
		Value any `json:"value"`
	}{value})
}

func (b *browser) post(path string, body, value any) {
	b.t.Helper()
	if err := b.call(http.MethodPost, path, body, value); err != nil {
		b.t.Fatal(err)
	}
}

// open loads a URL and forgets what was logged before.
func (b *browser) open(url string) {
	b.t.Helper()
	b.logs("browser")
	b.logs("performance")
	b.post("/url", map[string]string{"url": url}, nil)
}

// eval runs the body of a function in the page.
func (b *browser) eval(script string, value any) {
	b.t.Helper()
	b.post("/execute/sync", map[string]any{"script": script, "args": []any{}}, value)
}

// devtools sends a command of the DevTools protocol.
func (b *browser) devtools(command string, params map[string]any, value any) {
	b.t.Helper()
	b.post("/goog/cdp/execute", map[string]any{"cmd": command, "params": params}, value)
}

// logs returns the messages of a log since the last call.
func (b *browser) logs(kind string) []string {
	b.t.Helper()
	var entries []struct {
		Level, Message string
	}
	b.post("/se/log", map[string]string{"type": kind}, &entries)
	var list []string
	for _, e := range entries {
		list = append(list, e.Level+": "+e.Message)
	}
	return list
}

// requests returns the URLs that a document asked for since it was opened, its
// own among them.
func (b *browser) requests(document string) []string {
	b.t.Helper()
	var urls []string
	for _, entry := range b.logs("performance") {
		var event struct {
			Message struct {
				Method string
				Params struct {
					DocumentURL string
					Request     struct{ URL string }
				}
			}
		}
		if err := json.Unmarshal([]byte(entry[len("INFO: "):]), &event); err != nil {
			b.t.Fatal(err)
		}
		if event.Message.Method == "Network.requestWillBeSent" && event.Message.Params.DocumentURL == document {
			urls = append(urls, event.Message.Params.Request.URL)
		}
	}
	return urls
}

// screenshot returns the whole page as PNG.
func (b *browser) screenshot(width int, dark, mobile bool) []byte {
	b.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	b.devtools("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	b.devtools("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": mobile}, nil)
	var shot struct{ Data string }
	b.devtools("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true}, &shot)
	png, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil || len(png) == 0 {
		b.t.Fatalf("screenshot of %d bytes: %v", len(png), err)
	}
	return png
}
