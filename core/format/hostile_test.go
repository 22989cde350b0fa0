package format_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/testdata/hostile"
)

// hostileResult has the payload in every place.
func hostileResult(p string, failed bool) *sdk.Result {
	r := &sdk.Result{QueryID: p, Attempts: 2, ExecutionTime: time.Second, Metadata: map[string]string{p: p}, Generator: p,
		Response: &sdk.Response{Content: p, Provider: p, Model: p, ModelServed: p, RequestID: p, FinishReason: sdk.FinishReason(p),
			ToolCalls: []sdk.ToolCall{{ID: p, Name: p, Arguments: p}}}}
	if failed {
		r.Error = &sdk.Error{Kind: sdk.Kind(p), Message: p, Provider: p, Code: p, RequestID: p, Status: 500}
	}
	return r
}

var styles = regexp.MustCompile("\x1b\\[[0-9;]*m")

// TestHostilePayloadsInEveryFormat sends 500 payloads and more through whatever
// ends on a terminal or in a spreadsheet.
func TestHostilePayloadsInEveryFormat(t *testing.T) {
	for _, p := range hostile.Payloads() {
		for _, failed := range []bool{false, true} {
			for _, e := range []format.Encoder{format.Text{}, format.Pretty{Width: 60}, format.Pretty{Width: 40, Color: true}, format.Pretty{Width: 3}} {
				row, err := e.Append(nil, hostileResult(p, failed))
				if err != nil {
					t.Fatalf("%T %q: %v", e, p, err)
				}
				if pretty, ok := e.(format.Pretty); ok && pretty.Color {
					row = styles.ReplaceAll(row, nil)
				}
				harmless(t, p, fmt.Sprintf("%T", e), string(row))
			}
			for _, e := range []format.Encoder{format.NDJSON{}, format.OpenAI{}} {
				row, err := e.Append(nil, hostileResult(p, failed))
				if err != nil {
					continue // a row that cannot be written is an error, and never half a row
				}
				row = format.TerminalSafe(row)
				if !json.Valid(row) {
					t.Fatalf("%T %q: no JSON any more: %s", e, p, row)
				}
				harmless(t, p, fmt.Sprintf("%T", e), string(row))
			}
			for _, e := range []format.CSV{{}, {Tabs: true}} {
				checkCells(t, p, e, failed)
			}
		}
		for name, text := range map[string]string{"Inline": format.Inline(p), "Shorten": format.Shorten(p, 10)} {
			if strings.ContainsAny(text, "\n\t") {
				t.Fatalf("%s %q: more than one line", name, p)
			}
			harmless(t, p, name, text)
		}
	}
}

func checkCells(t *testing.T, p string, e format.CSV, failed bool) {
	t.Helper()
	row, err := e.Append(nil, hostileResult(p, failed))
	if err != nil {
		t.Fatalf("%q: %v", p, err)
	}
	harmless(t, p, "CSV", strings.ReplaceAll(string(row), "\r\n", "\n"))
	r := csv.NewReader(strings.NewReader(string(row)))
	if e.Tabs {
		r.Comma = '\t'
	}
	records, err := r.ReadAll()
	if err != nil || len(records) != 1 {
		t.Fatalf("%q: %d records, %v", p, len(records), err)
	}
	for _, cell := range records[0] {
		if seen := strings.TrimLeftFunc(cell, unicode.IsSpace); seen != "" && strings.ContainsRune("=+-@|%\uff1d\uff0b\uff0d\uff20", []rune(seen)[0]) {
			if _, err := strconv.ParseFloat(cell, 64); err != nil {
				t.Fatalf("%q: a spreadsheet would execute %q", p, cell)
			}
		}
	}
}

// harmless checks that nothing of a text does more than be read.
func harmless(t *testing.T, payload, where, text string) {
	t.Helper()
	if harm := hostile.Harm(text); harm != "" {
		t.Fatalf("%s of %q: %s", where, payload, harm)
	}
}
