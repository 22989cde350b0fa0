package main

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// A rule is one entry of the base: what it recognises, what that means, and
// what to look at. RULES.md lists them all; it is made from them.
//
// Texts may hold {name}: what the pattern's group of that name caught, if it
// is harmless in a shell, else NAME.
type rule struct {
	id         string // stable: scripts may branch on it
	title      string // in a few words, without a full stop
	confidence confidence

	// One of these, in small letters, is in the line. They are searched for
	// before a pattern is tried, so most rules cost a search each.
	any []string
	// The line is also like this; nil if the words alone say it.
	like pattern

	means    string
	checks   []string // commands that only read
	consider []string // what the person may do about it
	facts    []look   // what this machine says about it now
	source   string   // where the meaning is documented
}

// A pattern is a regular expression that is compiled when it is first needed.
// It ignores case.
type pattern func() *regexp.Regexp

func like(expression string) pattern {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("(?i)" + expression) })
}

// A confidence says how surely the text means what the rule says. It is a
// property of the message, found by reading it; nobody counted cases.
type confidence int

const (
	low confidence = iota
	medium
	high
)

// String implements fmt.Stringer.
func (c confidence) String() string { return [...]string{"low", "medium", "high"}[c] }

// meaning says what a confidence is worth.
func (c confidence) meaning() string {
	return [...]string{
		"many programs use these words; take it as a hint",
		"it usually means this; the checks tell whether it does here",
		"this text has this one meaning",
	}[c]
}

// rulesOf is when the rules were last reviewed as a whole.
var rulesOf = time.Date(2026, time.November, 26, 0, 0, 0, 0, time.UTC)

// rules is the base, by area: what is particular before what is general, for
// of two that are equally sure the first goes first.
var rules = slices.Concat(debRules, otherPackageRules, serviceRules, languageRules, kernelRules, storageRules, memoryRules, networkRules, systemRules)

// A hit is a rule and the first line that it matches.
type hit struct {
	*rule
	line  string
	at    int               // where the line begins
	named map[string]string // what the pattern's groups caught
}

const (
	maxWindow = 1 << 10 // of a line to each side of the words, that a pattern sees
	maxTries  = 64      // places at which one rule is tried
	maxHits   = 4       // that are told in full
)

// match returns the rules that match a text, the surest first. Where a rule
// matches a line, less sure ones say nothing about it: "Permission denied
// (publickey)" is not about the mode of a file. The time it takes is bounded: a
// search for every rule's words, and patterns on a few kilobytes.
func match(base []rule, text string) []hit {
	small := smallLetters(text)
	var hits []hit
	for i := range base {
		if h, ok := base[i].find(text, small); ok {
			hits = append(hits, h)
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return int(b.confidence) - int(a.confidence) })
	surest := map[int]confidence{}
	return slices.DeleteFunc(hits, func(h hit) bool {
		known, seen := surest[h.at]
		if !seen {
			surest[h.at] = h.confidence
		}
		return seen && h.confidence < known
	})
}

// find looks for the first line that the rule matches. small is the text in
// small letters, byte for byte.
func (r *rule) find(text, small string) (hit, bool) {
	tries := 0
	for _, words := range r.any {
		for at := 0; tries < maxTries; tries++ {
			i := strings.Index(small[at:], words)
			if i < 0 {
				break
			}
			begin, end := lineAround(text, at+i, len(words))
			if named, ok := r.accepts(text[begin:end]); ok {
				return hit{r, text[begin:end], begin, named}, true
			}
			at = end
		}
	}
	return hit{}, false
}

// accepts reports whether a line is what the rule is about, and what its
// groups caught. Groups port, port2 and port3 are one in several places.
func (r *rule) accepts(line string) (map[string]string, bool) {
	if r.like == nil {
		return nil, true
	}
	caught := r.like().FindStringSubmatch(line)
	if caught == nil {
		return nil, false
	}
	named := map[string]string{}
	for i, name := range r.like().SubexpNames() {
		if name = strings.TrimRight(name, "0123456789"); name != "" && caught[i] != "" {
			named[name] = caught[i]
		}
	}
	return named, true
}

// lineAround returns where the line is that holds text[at:at+n], or the part
// of a long one.
func lineAround(text string, at, n int) (begin, end int) {
	low, high := max(0, at-maxWindow), min(len(text), at+n+maxWindow)
	begin = low + strings.LastIndexByte(text[low:at], '\n') + 1
	end = high
	if i := strings.IndexByte(text[at+n:high], '\n'); i >= 0 {
		end = at + n + i
	}
	return begin, end
}

// smallLetters changes A to Z alone, so that every byte stays in its place.
func smallLetters(text string) string {
	b := []byte(text)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

var (
	placeholder = regexp.MustCompile(`\{([a-z]+)\}`)
	// harmless is what may stand in a command that somebody pastes: the error's
	// author is not known, and may wish for another command.
	harmless = regexp.MustCompile(`^[A-Za-z0-9/_][A-Za-z0-9/_.:@+-]{0,199}$`)
)

// fill puts what was caught into a text.
func (h *hit) fill(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(mark string) string {
		name := mark[1 : len(mark)-1]
		if value := h.named[name]; harmless.MatchString(value) && !strings.Contains(value, "..") {
			return value
		}
		return strings.ToUpper(name)
	})
}
