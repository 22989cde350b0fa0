package report

import (
	"cmp"
	"container/heap"
	"slices"
	"strings"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// answerBytes bounds the text that is kept of one answer.
const answerBytes = 32 << 10

// An answer is what the page keeps of one result.
type answer struct {
	row
	text    string
	failure string // empty: answered
	cut     bool   // the text was longer
}

// A row is the outline of one result.
type row struct {
	id, provider, model string
	tokens              *int64
	cost                *sdk.Money
	took                time.Duration
	attempts            int
	failed, degraded    bool
}

func rowOf(r *sdk.Result) row {
	out := row{id: cut(r.QueryID, nameBytes), took: r.ExecutionTime, attempts: r.Attempts,
		failed: !r.Success(), degraded: r.Degraded}
	if a := r.Response; a != nil {
		out.provider, out.model, out.cost = cut(a.Provider, nameBytes), cut(cmp.Or(a.ModelServed, a.Model), nameBytes), a.Cost
	} else if r.Error != nil {
		out.provider = cut(r.Error.Provider, nameBytes)
	}
	if u := usageOf(r); u != nil {
		out.tokens = new(u.TotalTokens())
	}
	return out
}

// answers keeps the first results up to a number and an amount of text.
type answers struct {
	limit, room int
	list        []answer
	missed      int64 // results that are not in list
}

func (a *answers) add(r *sdk.Result) {
	if len(a.list) >= a.limit || a.room <= 0 {
		a.missed++
		return
	}
	kept := answer{row: rowOf(r)}
	if r.Response != nil {
		text := answerText(r.Response)
		kept.text = cut(text, min(answerBytes, a.room))
		kept.cut = len(kept.text) < len(text)
	}
	if r.Error != nil {
		kept.failure = cut(r.Error.Error(), exampleBytes)
	}
	a.room -= len(kept.text) + len(kept.failure) + len(kept.id)
	a.list = append(a.list, kept)
}

// answerText is a reply's text, followed by the calls that it asks for.
func answerText(a *sdk.Response) string {
	if len(a.ToolCalls) == 0 {
		return a.Content
	}
	parts := make([]string, 0, 1+len(a.ToolCalls))
	if a.Content != "" {
		parts = append(parts, a.Content)
	}
	for _, c := range a.ToolCalls {
		parts = append(parts, "call "+c.Name+" "+c.Arguments)
	}
	return strings.Join(parts, "\n")
}

// slowest keeps the queries that took longest.
type slowest struct {
	limit int
	rows  quickestFirst
}

func (s *slowest) add(r *sdk.Result) {
	if r.ExecutionTime <= 0 || s.limit == 0 {
		return
	}
	if len(s.rows) < s.limit {
		heap.Push(&s.rows, rowOf(r))
	} else if r.ExecutionTime > s.rows[0].took {
		s.rows[0] = rowOf(r)
		heap.Fix(&s.rows, 0)
	}
}

// sorted returns the rows, the slowest first.
func (s *slowest) sorted() []row {
	list := slices.Clone(s.rows)
	slices.SortStableFunc(list, func(a, b row) int { return cmp.Or(cmp.Compare(b.took, a.took), cmp.Compare(a.id, b.id)) })
	return list
}

// quickestFirst is a heap of rows.
type quickestFirst []row

func (h quickestFirst) Len() int           { return len(h) }
func (h quickestFirst) Less(i, j int) bool { return h[i].took < h[j].took }
func (h quickestFirst) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push and Pop are for container/heap, whose interface is made of any.
func (h *quickestFirst) Push(r any) { *h = append(*h, r.(row)) }

// Pop removes the last row.
func (h *quickestFirst) Pop() any {
	last := len(*h) - 1
	r := (*h)[last]
	*h = (*h)[:last]
	return r
}
