package sdk

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"slices"
	"strconv"
	"strings"
)

// SecretForms returns the forms in which a secret shows in texts, the longest
// first: as it is, in base64 with whatever stands beside it, in hex, and, if it
// has characters that are not written plainly everywhere, escaped for a URL, for
// HTML and for JSON, once and twice, as the programs of several languages do it.
// Whoever takes secrets out of a text looks for all of them. An empty secret has
// none.
func SecretForms(secret string) []string {
	if secret == "" {
		return nil
	}
	forms := []string{secret}
	for _, c := range []byte(secret) {
		if !plainByte(c) {
			forms = escapedForms(secret)
			break
		}
	}
	forms = append(forms, hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret))))
	forms = append(forms, base64Forms(secret)...)
	slices.SortFunc(forms, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	return slices.Compact(forms)
}

// plainByte reports whether no escaping changes it.
func plainByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
}

// escapedForms are the plain form and the escaped ones.
func escapedForms(secret string) []string {
	forms := []string{secret, html.EscapeString(secret), strings.ReplaceAll(html.EscapeString(secret), "&#34;", "&quot;")}
	for _, left := range []string{"", "/", "/~", "~", "!'()*~", "$&+=:@~", "$&+,/:;=@~", "/:~"} {
		upper := percent(secret, left)
		lower := lowerPercent(upper)
		forms = append(forms, upper, lower, strings.ReplaceAll(upper, "%20", "+"), strings.ReplaceAll(lower, "%20", "+"))
	}
	for _, form := range slices.Clone(forms) {
		for range 2 { // a text in JSON, and a line of JSON that holds such a text
			next := jsonForms(form)
			forms = append(forms, next...)
			form = next[0]
		}
	}
	return forms
}

// percent escapes for a URL all but plain bytes and those in left.
func percent(s, left string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if plainByte(c) || strings.IndexByte(left, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteString("%" + strings.ToUpper(hex.EncodeToString([]byte{c})))
	}
	return b.String()
}

// lowerPercent writes the digits of escapes in lower case.
func lowerPercent(s string) string {
	b := []byte(s)
	for i := range b {
		if b[i] == '%' && i+2 < len(b) {
			copy(b[i+1:], strings.ToLower(s[i+1:i+3]))
		}
	}
	return string(b)
}

// jsonForms are the forms that a text has in JSON: as Go writes it, as most
// others do, with the slash escaped too, and in ASCII.
func jsonForms(s string) []string {
	quoted, _ := json.Marshal(s) // a string always has a JSON form
	text := string(quoted[1 : len(quoted)-1])
	bare := strings.NewReplacer(`\u0026`, "&", `\u003c`, "<", `\u003e`, ">").Replace(text)
	ascii := strconv.QuoteToASCII(s)
	ascii = ascii[1 : len(ascii)-1]
	return []string{text, bare, ascii, strings.ReplaceAll(bare, "/", `\/`), strings.ReplaceAll(ascii, "/", `\/`)}
}

// base64Forms are the parts of the secret's base64 that do not depend on what
// stands before and after it, for each of the three places where it may begin.
func base64Forms(secret string) (forms []string) {
	const shortest = 8 // what is shorter may be anything
	for before := range 3 {
		data := append(make([]byte, before), secret...)
		from, to := (before*8+5)/6, len(data)*8/6
		for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			if text := alphabet.EncodeToString(data); to-from >= shortest {
				forms = append(forms, text[from:to])
			}
		}
	}
	return forms
}
