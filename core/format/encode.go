package format

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// An Encoder turns a result into a row of the output, line end included.
type Encoder interface {
	// Append appends the row to dst and returns the longer slice.
	Append(dst []byte, r *sdk.Result) ([]byte, error)
}

// NDJSON writes each result as one JSON object a line.
type NDJSON struct{}

var _ Encoder = NDJSON{}

// Append appends the row.
func (NDJSON) Append(dst []byte, r *sdk.Result) ([]byte, error) {
	size := 512
	if r.Response != nil {
		size += len(r.Response.Content) * 17 / 16 // some of it is escaped
	}
	return append(r.AppendJSON(slices.Grow(dst, size)), '\n'), nil
}

// Text writes results as plain text for people: a heading that says who
// answered, at what cost, then the answer. Everything untrusted is cleaned.
type Text struct{}

var _ Encoder = Text{}

// Append appends the result's heading and text.
func (Text) Append(dst []byte, r *sdk.Result) ([]byte, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "── %s ── %s\n", Inline(r.QueryID), Facts(r))
	if body := Body(r); body != "" {
		b.WriteString(body)
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	return append(dst, b.String()...), nil
}

// Facts says on one line who answered and what it took, or what went wrong.
func Facts(r *sdk.Result) string {
	var facts []string
	add := func(format string, args ...any) { facts = append(facts, fmt.Sprintf(format, args...)) }
	if a := r.Response; a != nil {
		if a.Provider != "" {
			add("%s", Inline(a.Provider))
		}
		if model := cmpOr(a.ModelServed, a.Model); model != "" {
			add("%s", Inline(model))
		}
		if a.Usage != nil {
			add("%d tokens", a.Usage.TotalTokens())
		}
		if a.Cost != nil && *a.Cost != 0 {
			add("%s", a.Cost)
		}
	}
	add("%s", Seconds(r.ExecutionTime))
	if r.Attempts > 1 {
		add("%d attempts", r.Attempts)
	}
	if r.Degraded {
		add("degraded: a fallback answered")
	}
	if r.Error != nil {
		add("%s", Inline(string(r.Error.Kind)))
	}
	return strings.Join(facts, ", ")
}

// Body is the text of a result: the answer, and what went wrong.
func Body(r *sdk.Result) string {
	var parts []string
	if r.Response != nil {
		if answer := strings.TrimRight(Clean(r.Response.Content), " \t\n"); answer != "" {
			parts = append(parts, answer)
		}
	}
	if r.Error != nil {
		parts = append(parts, "failed: "+strings.TrimRight(Clean(r.Error.Error()), " \t\n"))
	}
	return strings.Join(parts, "\n")
}

// inSeconds is a duration in whole microseconds, as rows tell it.
func inSeconds(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond).Microseconds()) / 1e6
}

// Seconds shows a duration the way people say it.
func Seconds(d time.Duration) string {
	switch {
	case d < 100*time.Millisecond:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return d.Round(time.Second).String()
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
