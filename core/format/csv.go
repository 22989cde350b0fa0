package format

import (
	"encoding/json"
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
	var header []byte
	for i, name := range csvColumns {
		header = c.cell(header, i, name)
	}
	return append(header, '\n')
}

// Append appends the row.
func (c CSV) Append(dst []byte, r *sdk.Result) ([]byte, error) {
	cells := make(map[string]string, len(csvColumns))
	cells["query_id"], cells["index"], cells["attempts"] = r.QueryID, strconv.FormatInt(r.Index, 10), strconv.Itoa(r.Attempts)
	cells["execution_time"] = strconv.FormatFloat(inSeconds(r.ExecutionTime), 'f', -1, 64)
	cells["truncated"], cells["degraded"], cells["possibly_billed"] = yes(r.Truncated()), yes(r.Degraded), yes(r.PossiblyBilled)
	cells["generator_sha256"] = r.Generator
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
	for i, name := range csvColumns {
		dst = c.cell(dst, i, defuse(cells[name]))
	}
	return append(dst, '\n'), nil
}

// cell appends a cell in its column, as a csv.Writer does, which takes four
// kilobytes for each row.
func (c CSV) cell(dst []byte, column int, cell string) []byte {
	separator := byte(',')
	if c.Tabs {
		separator = '\t'
	}
	if column > 0 {
		dst = append(dst, separator)
	}
	first, _ := utf8.DecodeRuneInString(cell)
	special := strings.ContainsAny(cell, "\"\r\n") || strings.IndexByte(cell, separator) >= 0
	if !special && !unicode.IsSpace(first) && cell != `\.` {
		return append(dst, cell...)
	}
	dst = append(dst, '"')
	dst = append(dst, strings.ReplaceAll(cell, `"`, `""`)...)
	return append(dst, '"')
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
