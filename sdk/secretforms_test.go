package sdk_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/cortexlinux/cortex-host/sdk"
)

func hidden(text, secret string) string {
	var pairs []string
	for _, form := range sdk.SecretForms(secret) {
		pairs = append(pairs, form, "*")
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

func TestSecretForms(t *testing.T) {
	const odd = `s3/cr"e&t<>+=ü k`
	in := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	log := func(v any) string {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	for _, text := range []string{
		"the key " + odd + " is wrong",
		log(odd), log(log(odd)), // Go
		`{"k":"s3/cr\"e&t<>+=ü k"}`, `{"k":"s3/cr\"e&t<>+=\u00fc k"}`, // Python, JavaScript
		`{"k":"s3\/cr\"e&t<>+=\u00fc k"}`,                           // PHP
		`{"m":"{\"k\":\"s3/cr\\\"e\\u0026t\\u003c\\u003e+=ü k\"}"}`, // a line that quotes a body
		url.QueryEscape(odd), url.PathEscape(odd), "/v1?key=" + strings.ToLower(url.QueryEscape(odd)),
		"s3%2Fcr%22e%26t%3C%3E%2B%3D%C3%BC%20k", // encodeURIComponent
		"s3/cr%22e%26t%3C%3E%2B%3D%C3%BC%20k",   // quote
		"&lt;", "s3/cr&#34;e&amp;t&lt;&gt;+=ü k", "s3/cr&quot;e&amp;t&lt;&gt;+=ü k",
		in(odd), in("user:" + odd), in("me:" + odd + "\n"), base64.RawURLEncoding.EncodeToString([]byte("x" + odd)),
		fmt.Sprintf("%x", odd), fmt.Sprintf("%X", odd), fmt.Sprintf("%q", odd),
	} {
		if text == "&lt;" {
			continue
		}
		got := hidden(text, odd)
		if !strings.Contains(got, "*") || strings.Contains(got, "cr") || strings.Contains(got, "s3") {
			t.Errorf("%s shows as %s", text, got)
		}
	}
	const usual = "sk-proj-0123456789abcdef_X.y"
	forms := sdk.SecretForms(usual)
	if len(forms) > 10 || len(sdk.SecretForms("")) != 0 {
		t.Errorf("%d forms of a usual key: %q", len(forms), forms)
	}
	for _, text := range []string{usual, in(usual), in("user:" + usual), in("ab:" + usual + ":c")} {
		if got := hidden("x "+text+" y", usual); !strings.Contains(got, "*") || len(got) > 20 {
			t.Errorf("%s shows as %s", text, got)
		}
	}
	// A short one is not looked for in base64: it would be found everywhere.
	if got := hidden("YWJjZA==", "abcd"); got != "YWJjZA==" {
		t.Errorf("got %s", got)
	}
}

func FuzzSecretForms(f *testing.F) {
	f.Add("s3/cr\"e&t<>", "a", "b")
	f.Fuzz(func(t *testing.T, secret, before, after string) {
		if len(secret) < 8 || strings.ContainsRune(secret, '�') {
			return
		}
		data, err := json.Marshal(before + secret + after)
		if err != nil || !json.Valid(data) || string(data) != strings.ToValidUTF8(string(data), "") {
			return
		}
		for _, text := range []string{before + secret + after, base64.StdEncoding.EncodeToString([]byte(before + secret + after))} {
			if got := hidden(text, secret); got == text {
				t.Errorf("%q is not found in %q", secret, text)
			}
		}
	})
}
