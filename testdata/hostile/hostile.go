// Package hostile has texts that try to run a script, to load something, to
// steer a terminal, to be executed by a spreadsheet, to break out of their place
// or to hide: every core in every frame. It is for tests only.
package hostile

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The files have one quoted Go string a line; a frame has a %s.
var (
	//go:embed cores.txt
	cores string
	//go:embed frames.txt
	frames string
)

// Payloads returns all texts, more than 500. It panics if a file has a line that
// is no Go string.
func Payloads() []string {
	var list []string
	for _, core := range texts(cores) {
		for _, frame := range texts(frames) {
			list = append(list, fmt.Sprintf(frame, core))
		}
	}
	if len(list) < 500 {
		panic(fmt.Sprintf("only %d payloads", len(list)))
	}
	return list
}

func texts(file string) []string {
	var list []string
	for line := range strings.Lines(file) {
		text, err := strconv.Unquote(strings.TrimSuffix(line, "\n"))
		if err != nil {
			panic(fmt.Sprintf("%s: %v", line, err))
		}
		list = append(list, text)
	}
	return list
}

// Harm says what of a text a terminal or a page would obey, with what is before
// it: control characters but line ends and tabs, what hides or reorders, bytes
// that are no UTF-8. It returns "" if there is none. Joiners are letters to many
// scripts, and so harmless.
func Harm(text string) string {
	if !utf8.ValidString(text) {
		return "it is not UTF-8"
	}
	for i, r := range text {
		fine := r == '\n' || r == '\t' || r == '\u200c' || r == '\u200d'
		if !fine && (unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co) || r == '\u2028' || r == '\u2029') {
			return fmt.Sprintf("%U after %q", r, text[max(0, i-80):i])
		}
	}
	return ""
}
