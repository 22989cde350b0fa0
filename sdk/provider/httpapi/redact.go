package httpapi

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/cortexlinux/cortex-host/sdk"
)

const redacted = "[redacted]"

// A Redactor removes secrets from texts. The zero value and nil know only the
// looks of common keys. It is safe for concurrent use.
type Redactor struct {
	replacer *strings.Replacer
}

// keyLooks are the forms of keys that a vendor may echo although nobody told
// the redactor of them: sk-..., AIza..., a bearer token.
var keyLooks = regexp.MustCompile(`\b(?:sk|xai)-[A-Za-z0-9_-]{16,}|\bgsk_[A-Za-z0-9]{16,}|\bAIza[A-Za-z0-9_-]{20,}|(?i:\bbearer )[A-Za-z0-9._~+/=-]{16,}`)

// NewRedactor returns a redactor for these secrets, in all of their
// [sdk.SecretForms]. Secrets of less than 4 bytes are ignored: they are no
// secrets, and every text holds them.
func NewRedactor(secrets ...string) *Redactor {
	var forms []string
	for _, s := range secrets {
		if len(s) >= 4 {
			forms = append(forms, sdk.SecretForms(s)...)
		}
	}
	// Longest first: one secret may be the beginning of another.
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, f := range slices.Compact(forms) {
		pairs = append(pairs, f, redacted)
	}
	return &Redactor{replacer: strings.NewReplacer(pairs...)}
}

// Redact returns s without secrets.
func (r *Redactor) Redact(s string) string {
	if s == "" {
		return s
	}
	if r != nil && r.replacer != nil {
		s = r.replacer.Replace(s)
	}
	return keyLooks.ReplaceAllLiteralString(s, redacted)
}

// plain makes a vendor's text fit for one line of a terminal: valid UTF-8, no
// control characters, at most n bytes.
func plain(s string, n int) string {
	if len(s) > 2*n+64 {
		s = s[:2*n+64]
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r) || r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "") + "..."
	}
	return s
}

// excerpt is the beginning of a body that nobody could read.
func excerpt(body []byte) string {
	return plain(string(body[:min(len(body), 1024)]), 200)
}

// SecretHeader reports whether a header of this name is likely to hold a key.
func SecretHeader(name string) bool {
	name = strings.ToLower(name)
	for _, word := range [...]string{"auth", "key", "token", "secret", "cookie"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}
