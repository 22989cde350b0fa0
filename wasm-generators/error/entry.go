package main

import (
	"strconv"
	"strings"

	"github.com/cortexlinux/cortex-host/sdk/generator"
)

// An entry is one error, or several that are alike.
type entry struct {
	message string // of the first
	source  string // the unit or program that said it, or empty
	count   int
}

// id is made of what alike entries share, so it is the same in every run.
func (e *entry) id() string {
	const offset, prime = 14695981039346656037, 1099511628211 // FNV-1a
	h := uint64(offset)
	for _, c := range []byte(e.key()) {
		h = (h ^ uint64(c)) * prime
	}
	id := strconv.FormatUint(h, 16)
	return "err_" + strings.Repeat("0", 16-len(id)) + id
}

// key is what alike entries share: the source and the message without its
// numbers.
func (e *entry) key() string { return e.source + "\x00" + withoutNumbers(e.message) }

// readEntry reads a line of a log or an entry of the journal.
func readEntry(item generator.Item) (entry, bool) {
	if !item.IsObject() {
		source, message := splitLine(strings.TrimSpace(item.Text()))
		return entry{message, source, 1}, message != ""
	}
	message := journalText(item.Get("MESSAGE"))
	if message == "" {
		message = item.Get("message").Text()
	}
	source := ""
	for _, member := range []string{"_SYSTEMD_UNIT", "SYSLOG_IDENTIFIER", "_COMM", "source"} {
		if source = item.Get(member).Text(); source != "" {
			break
		}
	}
	message = strings.TrimSpace(message)
	return entry{message, source, 1}, message != ""
}

// journalText reads a field of the journal: a string, or an array of bytes if
// it is not UTF-8 or holds control characters.
func journalText(v generator.Value) string {
	if !strings.HasPrefix(string(v), "[") {
		return v.Text()
	}
	var b []byte
	for _, e := range v.All() {
		n, _ := strconv.Atoi(e.Text())
		b = append(b, byte(n))
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

// splitLine takes time, host and process number off a line of a log:
//
//	Nov 24 01:02:03 host sshd[812]: message
//	2026-11-24T01:02:03.123+00:00 host sshd[812]: message
//	[   12.345678] message
func splitLine(line string) (source, message string) {
	rest, ok := cutTime(line)
	if !ok {
		return "", line
	}
	if line[0] == '[' {
		return "kernel", rest
	}
	_, rest, ok = strings.Cut(rest, " ") // the host
	program, message, found := strings.Cut(rest, ": ")
	if !ok || !found || strings.ContainsAny(program, " \t") {
		return "", line
	}
	program, _, _ = strings.Cut(program, "[")
	return program, strings.TrimSpace(message)
}

var months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec "

// cutTime takes the time off a line, if it begins with one.
func cutTime(line string) (rest string, ok bool) {
	switch {
	case len(line) > 16 && strings.Contains(months, line[:4]) && line[9] == ':' && line[12] == ':' && line[15] == ' ':
		return line[16:], true
	case len(line) > 20 && line[4] == '-' && line[7] == '-' && line[10] == 'T' && line[13] == ':':
		_, rest, ok = strings.Cut(line, " ")
		return rest, ok && withoutNumbers(line[:4]) == "#"
	case len(line) > 3 && line[0] == '[' && (line[1] == ' ' || line[1] >= '0' && line[1] <= '9'):
		stamp, rest, ok := strings.Cut(line[1:], "] ")
		return strings.TrimSpace(rest), ok && withoutNumbers(strings.TrimSpace(stamp)) == "#.#"
	}
	return line, false
}

// withoutNumbers puts # in the place of every number: digits, words of eight or
// more hexadecimal digits with a digit among them (hashes, places in memory),
// and what is made of such: UUIDs, and addresses of networks and their cards.
func withoutNumbers(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		if n := address(s[i:]); n > 0 && (i == 0 || !isWord(s[i-1])) {
			b.WriteByte('#')
			i += n
			continue
		}
		start, digits := i, 0
		for i < len(s) && isHex(s[i]) {
			if isDigit(s[i]) {
				digits++
			}
			i++
		}
		switch word := s[start:i]; {
		case word == "":
			b.WriteByte(s[i])
			i++
		case len(word) >= 8 && digits > 0:
			b.WriteByte('#')
		default:
			withoutDigits(&b, word)
		}
	}
	return b.String()
}

func withoutDigits(b *strings.Builder, word string) {
	for i := 0; i < len(word); i++ {
		if !isDigit(word[i]) {
			b.WriteByte(word[i])
		} else if i == 0 || !isDigit(word[i-1]) {
			b.WriteByte('#')
		}
	}
}

// address returns the length of the UUID, the IPv6 or the hardware address that
// s begins with, 0 if it begins with none.
func address(s string) int {
	n, digits, colons, dashes, group, longest := 0, 0, 0, 0, 0, 0
	for n < len(s) && (isHex(s[n]) || s[n] == ':' || s[n] == '-') {
		group++
		switch s[n] {
		case ':':
			colons, group = colons+1, 0
		case '-':
			dashes, group = dashes+1, 0
		default:
			if isDigit(s[n]) {
				digits++
			}
		}
		longest = max(longest, group)
		n++
	}
	if n < len(s) && isWord(s[n]) {
		return 0
	}
	for n > 0 && !isHex(s[n-1]) && !strings.HasSuffix(s[:n], "::") { // the end of a sentence
		n--
	}
	uuid := dashes == 4 && colons == 0 && n == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-'
	if digits > 0 && (uuid || longest <= 4 && (colons >= 2 && dashes == 0 || dashes == 5 && colons == 0 && n == 17)) {
		return n
	}
	return 0
}

func isWord(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }

// groups collects entries that are alike.
type groups struct {
	max   int
	list  []*entry // in the order in which they were first seen
	index map[string]*entry
	left  int // entries that found no place
}

func newGroups(max int) *groups {
	return &groups{max: max, index: map[string]*entry{}}
}

func (g *groups) add(e entry) {
	key := e.key()
	if known := g.index[key]; known != nil {
		known.count++
		return
	}
	if len(g.list) >= g.max {
		g.left++
		return
	}
	e.message, e.source = strings.Clone(e.message), strings.Clone(e.source) // they keep their whole line otherwise
	g.index[key] = &e
	g.list = append(g.list, &e)
}
