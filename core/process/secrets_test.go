package process_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/cortexlinux/cortex-host/core/process"
	"github.com/cortexlinux/cortex-host/sdk"
)

// One key may be the beginning of another: the rest of that one is not shown.
func TestAKeyThatBeginsAnotherHidesAllOfIt(t *testing.T) {
	const short, long = "sk-canary", "sk-canary-and-the-rest"
	for _, values := range [][]string{{short, long}, {long, short}} {
		said := process.Hide("keys: "+long+" "+short, values)
		if said != "keys: [secret] [secret]" {
			t.Error(said)
		}
	}
}

// A plugin in another language may show its key in its log and in its errors, in
// any form. The host shows it to nobody.
func TestAKeyIsHiddenWhateverThePluginDoes(t *testing.T) {
	onLinux(t)
	const key = `ab<c&"d/e+f`
	quoted, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	file := filepath.Join(t.TempDir(), "faulty.log")
	p := open(t, process.Config{
		Plugin: install(t, "faulty"), LogFile: file, Secret: []string{"key"}, Settings: sdk.Settings{"key": quoted},
		Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: &log}),
	})
	forms := []string{key, strings.Trim(string(quoted), `"`), "ab%3Cc%26%22d%2Fe%2Bf", "YWI8YyYiZC9lK2", hex.EncodeToString([]byte(key))}
	var said []string
	for n, form := range forms {
		line, err := json.Marshal(map[string]string{"@level": "info", "@message": "the key is " + form, "body": `{"key":"` + form + `"}`})
		if err != nil {
			t.Fatal(err)
		}
		ask(t, p, "say "+string(line))
		ask(t, p, "say the plain key is "+form)
		ask(t, p, "say "+strings.Repeat("x", 65_530)+form+strings.Repeat("x", 70_000))
		for _, how := range []string{"fail", "status"}[:1+n%2] {
			_, err := say(t.Context(), p, how+" because of "+form)
			if err == nil {
				t.Fatal("no error")
			}
			said = append(said, err.Error())
			ask(t, p, "x") // or it is taken for broken
		}
	}
	for range 100 {
		data, _ := os.ReadFile(file)
		if strings.Count(string(data), "the plain key is") == len(forms) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	p.Close()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{"the log file": string(data), "the host's log": log.String(), "an error": strings.Join(said, "\n")} {
		if !strings.Contains(text, "[secret]") {
			t.Errorf("%s has nothing of it: %.2000s", what, text)
		}
		for _, part := range append(forms, "ab<c", "ab\\u003cc", "ab%3Cc") {
			if at := strings.Index(text, part); at >= 0 {
				t.Errorf("%s shows %s: %s", what, part, text[max(0, at-60):min(len(text), at+60)])
			}
		}
	}
}
