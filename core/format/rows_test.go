package format_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/sdk"
)

var outcomes = func() map[string]sdk.Result {
	cost := sdk.USD
	answer := &sdk.Response{Content: "a <b>", Provider: "openai", Model: "gpt-5", ModelServed: "gpt-5-2026", Usage: &sdk.Usage{PromptTokens: 3, CompletionTokens: 4, CachedTokens: 1, ReasoningTokens: 2},
		Cost: &cost, FinishReason: sdk.Stop, RequestID: "req_1"}
	cut := *answer
	cut.FinishReason = sdk.Length
	call := *answer
	call.Content, call.FinishReason, call.ToolCalls = "", sdk.ToolUse, []sdk.ToolCall{{ID: "c", Name: "df", Arguments: "{}"}}
	refused := *answer
	refused.FinishReason = sdk.Refusal
	return map[string]sdk.Result{
		"answer":  {QueryID: "r1", Response: answer, Attempts: 1, ExecutionTime: 1500 * time.Millisecond, Metadata: map[string]string{"k": "v"}},
		"cut":     {QueryID: "r2", Response: &cut, Error: &sdk.Error{Kind: sdk.Truncated, Message: "cut"}},
		"call":    {QueryID: "r3", Response: &call},
		"refused": {QueryID: "r4", Response: &refused, Error: &sdk.Error{Kind: sdk.Refused, Message: "no"}},
		"http":    {QueryID: "r5", Error: &sdk.Error{Kind: sdk.RateLimited, Status: 429, Message: "slow down", Code: "rate_limit_exceeded", RequestID: "req_5"}, Attempts: 3},
		"unsent":  {QueryID: "r6", Error: &sdk.Error{Kind: sdk.Unreachable, Message: "refused"}},
	}
}()

func TestOpenAIRowsToTheLetter(t *testing.T) {
	o := format.OpenAI{Now: func() time.Time { return time.Unix(1700000000, 0) }}
	for name, want := range map[string]string{
		"answer":  `{"id":"batch_req_82f3e9c695dc6b8d1b11818d","custom_id":"r1","response":{"status_code":200,"request_id":"req_1","body":{"id":"chatcmpl-82f3e9c695dc6b8d1b11818d","object":"chat.completion","created":1700000000,"model":"gpt-5-2026","choices":[{"index":0,"message":{"role":"assistant","content":"a <b>","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7,"prompt_tokens_details":{"cached_tokens":1},"completion_tokens_details":{"reasoning_tokens":2}}}},"error":null,"cortex_host":{"index":0,"provider":"openai","model":"gpt-5","attempts":1,"execution_time":1.5,"cost":1,"metadata":{"k":"v"}}}`,
		"http":    `"response":{"status_code":429,"request_id":"req_5","body":{"error":{"message":"slow down","type":"rate_limited","param":null,"code":"rate_limit_exceeded"}}},"error":null,`,
		"unsent":  `"response":null,"error":{"code":"unreachable","message":"refused"},`,
		"cut":     `"finish_reason":"length"`,
		"call":    `"message":{"role":"assistant","content":null,"refusal":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"df","arguments":"{}"}}]},"logprobs":null,"finish_reason":"tool_calls"`,
		"refused": `"message":{"role":"assistant","content":null,"refusal":"a <b>"}`,
	} {
		r := outcomes[name]
		row, err := o.Append(nil, &r)
		if err != nil || !strings.Contains(string(row), want) || strings.Count(string(row), "\n") != 1 || !json.Valid(row) {
			t.Errorf("%s: %v\n got %swant %s", name, err, row, want)
		}
	}
}

// The rows that testdata/vendors holds against the types of the vendor's Go SDK
// are those that are written. CORTEX_UPDATE_GOLDEN=1 writes them anew.
func TestOpenAIRowsOnRecord(t *testing.T) {
	o := format.OpenAI{Now: func() time.Time { return time.Unix(1700000000, 0) }}
	var rows []byte
	for _, name := range slices.Sorted(maps.Keys(outcomes)) {
		r := outcomes[name]
		row, err := o.Append(nil, &r)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row...)
	}
	path := filepath.Join("..", "..", "testdata", "vendors", "rows", "openai.jsonl")
	if os.Getenv("CORTEX_UPDATE_GOLDEN") != "" {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, rows, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if recorded, err := os.ReadFile(path); err != nil || !bytes.Equal(recorded, rows) {
		t.Errorf("%s is out of date (%v): CORTEX_UPDATE_GOLDEN=1 go test ./core/format, then make vendors", path, err)
	}
}

// The vendor's own types are the judge, where they are installed.
func TestOpenAIRowsAreReadByTheVendorsTypes(t *testing.T) {
	if out, err := exec.Command("python3", "-c", "import openai").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: python3 with the package openai is not here, so its types do not judge: %v %.80s", err, out)
	}
	const judge = `
import json, sys
from openai.types.chat import ChatCompletion
n = 0
for line in sys.stdin:
    row = json.loads(line)
    assert set(row) == {"id", "custom_id", "response", "error", "cortex_host"}, row
    if row["response"] is None:
        assert set(row["error"]) == {"code", "message"}
        continue
    assert row["error"] is None and set(row["response"]) == {"status_code", "request_id", "body"}
    if row["response"]["status_code"] == 200:
        c = ChatCompletion.model_validate(row["response"]["body"], strict=True)
        assert not c.model_extra and not c.choices[0].model_extra and not c.usage.model_extra, c
        n += 1
assert n == 4, n
`
	var rows strings.Builder
	for _, r := range outcomes {
		row, err := format.OpenAI{}.Append(nil, &r)
		if err != nil {
			t.Fatal(err)
		}
		rows.Write(row)
	}
	cmd := exec.Command("python3", "-c", judge)
	cmd.Stdin = strings.NewReader(rows.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestCSVRowsAreHarmless(t *testing.T) {
	for content, want := range map[string]string{
		"plain, \"text\"\nand more": "plain, \"text\"\nand more",
		`=HYPERLINK("http://x")`:    `'=HYPERLINK("http://x")`,
		"+1+cmd|'/C calc'!A0":       "'+1+cmd|'/C calc'!A0",
		"-5":                        "-5",
		"+1.5e3":                    "+1.5e3",
		"-5-x":                      "'-5-x",
		"@SUM(1)":                   "'@SUM(1)",
		" \t=1":                     "' \t=1",
		"\r=1":                      `\r=1`,
		"＝1+1":                      "'＝1+1",
		"nul\x00 \xff":              `nul\x00 \xff`,
		"":                          "",
	} {
		for _, c := range []format.CSV{{}, {Tabs: true}} {
			row, err := c.Append(nil, &sdk.Result{QueryID: content, Response: &sdk.Response{Content: content}, Metadata: map[string]string{"=a": "b"}})
			if err != nil {
				t.Fatal(err)
			}
			r := csv.NewReader(strings.NewReader(string(c.Header()) + string(row)))
			if c.Tabs {
				r.Comma = '\t'
			}
			records, err := r.ReadAll()
			if err != nil || len(records) != 2 {
				t.Fatalf("%q: %v %v", content, records, err)
			}
			want := strings.ReplaceAll(want, "\r\n", "\n")
			if records[1][0] != want || records[1][2] != want || records[1][18] != `{"=a":"b"}` {
				t.Errorf("%q became %q", content, records[1])
			}
		}
	}
}

func TestCSVHasAColumnForEverything(t *testing.T) {
	r := outcomes["cut"]
	r.Degraded, r.PossiblyBilled = true, true
	row, err := format.CSV{}.Append(nil, &r)
	if want := `r2,0,a <b>,truncated,cut,openai,gpt-5,gpt-5-2026,3,4,1,0,0,length,req_1,yes,yes,yes,,` + "\n"; err != nil || string(row) != want {
		t.Errorf("%v\n got %swant %s", err, row, want)
	}
}

// Whatever a model writes, the row has its columns, and no cell begins like a
// formula.
func FuzzCSV(f *testing.F) {
	f.Add("=1", "+x", "@")
	f.Add(" \u3000=1", "\"\r\n", "-1e5")
	f.Add(`\.`, " x", "a,b\n\"")
	f.Fuzz(func(t *testing.T, id, content, message string) {
		row, err := format.CSV{}.Append(nil, &sdk.Result{QueryID: id, Response: &sdk.Response{Content: content}, Error: &sdk.Error{Message: message}})
		if err != nil {
			t.Fatal(err)
		}
		records, err := csv.NewReader(strings.NewReader(string(format.CSV{}.Header()) + string(row))).ReadAll()
		if err != nil || len(records) != 2 || len(records[1]) != len(records[0]) {
			t.Fatalf("%q: %v %v", row, records, err)
		}
		var same strings.Builder
		if err := csv.NewWriter(&same).WriteAll(records); err != nil || same.String() != string(format.CSV{}.Header())+string(row) {
			t.Fatalf("%q is written as\n%q, and by encoding/csv as\n%q (%v)", content, row, same.String(), err)
		}
		for _, cell := range records[1] {
			if _, err := strconv.ParseFloat(cell, 64); err != nil && strings.IndexAny(strings.TrimSpace(cell), "=+-@") == 0 {
				t.Fatalf("the cell %q might be executed", cell)
			}
		}
	})
}
