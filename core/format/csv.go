package format

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cortexlinux/cortex-host/sdk"
)

// CSV writes results as a table for spreadsheets. A cell that a spreadsheet
// would take for a formula gets an apostrophe before it. Write [CSV.Header]
// first.
type CSV struct {
	// Tabs separates the cells by tabs instead of commas.
	Tabs bool
}

var _ Encoder = CSV{}

// csvColumns are append only: people address them by place.
var csvColumns = []string{"query_id", "index", "content", "error_kind", "error", "provider", "model", "model_served",
	"prompt_tokens", "completion_tokens", "cost", "attempts", "execution_time", "finish_reason", "request_id",
	"truncated", "degraded", "possibly_billed", "metadata", "generator_sha256"}

// Header returns the first line of the file.
func (c CSV) Header() []byte {
	header, err := c.line(nil, csvColumns)
	if err != nil {
		panic(err) // the names above have no error in them
	}
	return header
}

// Append appends the row.
func (c CSV) Append(dst []byte, r *sdk.Result) ([]byte, error) {
	cells := map[string]string{
		"query_id": r.QueryID, "index": strconv.FormatInt(r.Index, 10), "attempts": strconv.Itoa(r.Attempts),
		"execution_time": strconv.FormatFloat(inSeconds(r.ExecutionTime), 'f', -1, 64),
		"truncated":      yes(r.Truncated()), "degraded": yes(r.Degraded), "possibly_billed": yes(r.PossiblyBilled),
		"generator_sha256": r.Generator,
	}
	if e := r.Error; e != nil {
		cells["error_kind"], cells["error"], cells["provider"], cells["request_id"] = string(sdk.KindOf(e)), e.Message, e.Provider, e.RequestID
	}
	if a := r.Response; a != nil {
		cells["content"], cells["provider"], cells["model"], cells["model_served"] = a.Content, a.Provider, a.Model, a.ModelServed
		cells["finish_reason"], cells["request_id"] = string(a.FinishReason), a.RequestID
		if a.Usage != nil {
			cells["prompt_tokens"] = strconv.FormatInt(a.Usage.PromptTokens, 10)
			cells["completion_tokens"] = strconv.FormatInt(a.Usage.CompletionTokens, 10)
		}
		if a.Cost != nil {
			cost, err := a.Cost.MarshalJSON()
			if err != nil {
				return dst, err
			}
			cells["cost"] = string(cost)
		}
	}
	if len(r.Metadata) > 0 {
		metadata, err := json.Marshal(r.Metadata)
		if err != nil {
			return dst, err
		}
		cells["metadata"] = string(metadata)
	}
	row := make([]string, len(csvColumns))
	for i, name := range csvColumns {
		row[i] = defuse(cells[name])
	}
	return c.line(dst, row)
}

func (c CSV) line(dst []byte, cells []string) ([]byte, error) {
	b := bytes.NewBuffer(dst)
	w := csv.NewWriter(b)
	if c.Tabs {
		w.Comma = '\t'
	}
	if err := w.Write(cells); err != nil {
		return dst, fmt.Errorf("a row of the table: %w", err)
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

// defuse makes a cell text that a spreadsheet might execute: one that begins,
// behind whatever cannot be seen, with a sign of a formula, ASCII or
// full-width, or that begins with a control character. Numbers stay numbers.
// Other control characters, and those that hide or reorder, are shown.
func defuse(cell string) string {
	cell = Clean(cell)
	first, _ := utf8.DecodeRuneInString(cell)
	seen, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(cell, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
	}))
	if !unicode.IsControl(first) && !strings.ContainsRune("=+-@|%＝＋－＠", seen) {
		return cell
	}
	if _, err := strconv.ParseFloat(cell, 64); err == nil {
		return cell
	}
	return "'" + cell
}
