package providertest

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// A Level is how much of the kit a plugin passes.
type Level string

// The levels, each of which includes those before it.
const (
	// NoLevel is that of a plugin that fails a basic check.
	NoLevel Level = ""
	Basic   Level = "basic"
	Robust  Level = "robust"
	Faults  Level = "faults"
)

// Status is the outcome of one check.
type Status string

// The statuses.
const (
	Pass Status = "pass"
	Fail Status = "fail"
	Skip Status = "skip"
)

// A Finding is one check and its outcome.
type Finding struct {
	Name   string `json:"name"`
	Level  Level  `json:"level"`
	Status Status `json:"status"`
	// Detail says why it failed or was skipped.
	Detail string `json:"detail,omitempty"`
	// Mend says how to mend it if it failed.
	Mend string `json:"mend,omitempty"`
	// Seconds is how long it took.
	Seconds float64 `json:"seconds"`
}

// A Report is what the kit found.
type Report struct {
	Provider string `json:"provider"`
	Version  string `json:"version"`
	// Claimed is the level that Describe claims, Reached the one that the
	// plugin passes.
	Claimed  Level     `json:"claimed"`
	Reached  Level     `json:"reached"`
	Findings []Finding `json:"findings"`
}

// Passed reports whether the plugin reached the level that it claims.
func (r *Report) Passed() bool {
	for _, l := range levels {
		if l == r.Claimed {
			return r.reached(l)
		}
	}
	return false
}

var levels = []Level{Basic, Robust, Faults}

// reached reports whether no check up to the level failed.
func (r *Report) reached(level Level) bool {
	for _, f := range r.Findings {
		if f.Status == Fail && rank(f.Level) <= rank(level) {
			return false
		}
	}
	return len(r.Findings) > 0
}

func rank(l Level) int {
	for i, known := range levels {
		if l == known {
			return i
		}
	}
	return len(levels)
}

// settle fills in the level reached.
func (r *Report) settle() {
	for _, l := range levels {
		if rank(l) <= rank(r.Claimed) && r.reached(l) {
			r.Reached = l
		}
	}
}

// WriteText writes the report for people.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", r.Provider, r.Version)
	counts, mended := map[Status]int{}, map[string]bool{}
	for _, f := range r.Findings {
		counts[f.Status]++
		fmt.Fprintf(&b, "  %s  %-9s %s", f.Status, f.Level, f.Name)
		if f.Detail != "" {
			fmt.Fprintf(&b, ": %s", strings.ReplaceAll(f.Detail, "\n", "\n        "))
		}
		b.WriteByte('\n')
		if f.Mend != "" && !mended[f.Mend] {
			mended[f.Mend] = true // said once
			fmt.Fprintf(&b, "        -> %s\n", f.Mend)
		}
		if f.Status == Fail && f.Name == oneCall {
			b.WriteString("        -> mend this one first: most of the others ask the same\n")
		}
	}
	verdict := "passes"
	if !r.Passed() {
		verdict = "does not pass"
	}
	reached := string(r.Reached)
	if reached == "" {
		reached = "none"
	}
	fmt.Fprintf(&b, "%d passed, %d failed, %d skipped; level claimed: %s, reached: %s; the plugin %s\n",
		counts[Pass], counts[Fail], counts[Skip], r.Claimed, reached, verdict)
	_, err := io.WriteString(w, b.String())
	return err
}

func seconds(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }
