package httpapi_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
)

func TestRedactor(t *testing.T) {
	r := httpapi.NewRedactor("s3cret/with?odd&signs", "s3cret", "abc", "")
	for in, want := range map[string]string{
		"nothing here":                     "nothing here",
		"abc":                              "abc",
		"key s3cret!":                      "key [redacted]!",
		"s3cret/with?odd&signs and s3cret": "[redacted] and [redacted]",
		"u=" + url.QueryEscape("s3cret/with?odd&signs"):              "u=[redacted]",
		base64.StdEncoding.EncodeToString([]byte("s3cret")):          "[redacted]",
		"Incorrect API key provided: sk-proj-abcdefghijklmnop12345.": "Incorrect API key provided: [redacted].",
		"AIzaSyA1234567890abcdefghijklmnopqrstu":                     "[redacted]",
		"authorization: Bearer abcdefghijklmnop.qrst":                "authorization: [redacted]",
		"the bearer of news is a sk-inny man":                        "the bearer of news is a sk-inny man",
	} {
		if got := r.Redact(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	var none *httpapi.Redactor
	if got := none.Redact("gsk_abcdefghijklmnopqrst"); got != "[redacted]" {
		t.Errorf("got %q", got)
	}
}

func FuzzRedactor(f *testing.F) {
	f.Add("sk-secret", "the key is", "and wrong")
	f.Fuzz(func(t *testing.T, secret, before, after string) {
		const marker = "[redacted]"
		if len(secret) < 4 {
			return
		}
		got := httpapi.NewRedactor(secret).Redact(before + " " + secret + " " + after)
		// What is left may spell the secret only together with a marker.
		for _, piece := range strings.Split(got, marker) {
			if strings.Contains(piece, secret) {
				t.Errorf("%q shows in %q", secret, got)
			}
		}
	})
}

func TestDecodeSettings(t *testing.T) {
	type settings struct {
		Key     string            `json:"key"`
		Timeout *float64          `json:"timeout"`
		Headers map[string]string `json:"headers"`
		On      bool              `json:"on"`
	}
	var s settings
	if err := httpapi.DecodeSettings(sdk.Settings{"key": json.RawMessage(`"k"`), "timeout": json.RawMessage(`1.5`), "headers": json.RawMessage(`{"a":"b"}`)}, &s); err != nil {
		t.Fatal(err)
	}
	if s.Key != "k" || *s.Timeout != 1.5 || s.Headers["a"] != "b" {
		t.Errorf("got %+v", s)
	}
	for _, c := range []struct{ name, value, want string }{
		{"kee", `"secret"`, "kee: no such property; there are headers, key, on, timeout"},
		{"key", `["secret"]`, "key: must be a string"},
		{"timeout", `"secret"`, "timeout: must be a number"},
		{"headers", `"secret"`, "headers: must be an object"},
		{"on", `"secret"`, "on: must be true or false"},
		{"key", `secret`, "key: can't be read as a string"},
	} {
		err := httpapi.DecodeSettings(sdk.Settings{c.name: json.RawMessage(c.value)}, &s)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s=%s: got %v, want %s", c.name, c.value, err, c.want)
		}
	}
}

func TestAnIDInABrokenReplyHidesSecrets(t *testing.T) {
	c := dial(t, httpapi.Config{Secrets: []string{"sk-secret"}, BaseURL: rawServer(t, func(c net.Conn, r *bufio.Reader) {
		if readRequest(r) == nil {
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nX-Request-Id: for-sk-secret\r\nContent-Length: 100\r\n\r\n{")
		}
	})})
	_, err := post(t.Context(), c)
	var e *sdk.Error
	if !errors.As(err, &e) || strings.Contains(e.RequestID, "secret") || e.RequestID == "" {
		t.Errorf("%+v", e)
	}
}
