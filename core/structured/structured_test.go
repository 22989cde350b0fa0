package structured_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/core/structured"
	"github.com/cortexlinux/cortex-host/sdk"
)

const person = `{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer","minimum":0}},"required":["name"],"additionalProperties":false}`

func query(schema string) *sdk.Query {
	return &sdk.Query{ID: "q", Messages: []sdk.Message{{Role: sdk.User, Text: "who?"}},
		ResponseFormat: &sdk.ResponseFormat{Name: "person", Schema: json.RawMessage(schema)}}
}

func TestCheck(t *testing.T) {
	c := structured.New()
	for _, x := range []struct {
		schema, reply string
		kind          sdk.Kind // empty: fine
		says          string
	}{
		{person, `{"name":"Ada","age":36}`, "", ""},
		{person, ` {"name":"Ada"} ` + "\n", "", ""},
		{person, `{"age":36}`, sdk.BadResponse, "name"},
		{person, `{"name":"Ada","age":-1}`, sdk.BadResponse, "/age"},
		{person, `{"name":"Ada"} and more`, sdk.BadResponse, "more after"},
		{person, "```json\n{}\n```", sdk.BadResponse, "not JSON"},
		{person, ``, sdk.BadResponse, "not JSON"},
		{person, `{"name":"Ada","age":1e999999999}`, sdk.BadResponse, "out of range"},
		{person, `{"name":"Ada","age":1e-99999}`, sdk.BadResponse, "out of range"},
		{person, `{"name":"Ada","age":` + strings.Repeat("9", 500) + `}`, sdk.BadResponse, "out of range"},
		{`{"type":"string","pattern":"^(a+)+$"}`, `"` + strings.Repeat("a", 5000) + `b"`, sdk.BadResponse, ""},
		{`{"$ref":"file:///etc/passwd"}`, `{}`, sdk.InvalidRequest, "outside"},
		{`{"$ref":"https://example.com/schema"}`, `{}`, sdk.InvalidRequest, "outside"},
		{`{"minimum":1e999999999}`, `1`, sdk.InvalidRequest, "out of range"},
		{`{"type":"objekt"}`, `{}`, sdk.InvalidRequest, "schema"},
		{`{"$ref":"#/$defs/node","$defs":{"node":{"type":"object","properties":{"next":{"$ref":"#/$defs/node"}}}}}`, `{"next":{"next":{}}}`, "", ""},
		{`{"$schema":"http://json-schema.org/draft-07/schema#","type":"array","items":[{"type":"string"}]}`, `["a"]`, "", ""},
	} {
		problem := c.Check(query(x.schema), &sdk.Response{Content: x.reply})
		if (problem == nil) != (x.kind == "") || problem != nil && (problem.Kind != x.kind || !strings.Contains(problem.Message, x.says)) {
			t.Errorf("%.60s under %.60s: got %v", x.reply, x.schema, problem)
		}
	}
	if problem := c.Check(&sdk.Query{}, &sdk.Response{Content: "text"}); problem != nil {
		t.Errorf("no format asked: got %v", problem)
	}
	if problem := c.Check(query(person), &sdk.Response{ToolCalls: []sdk.ToolCall{{ID: "1"}}}); problem != nil {
		t.Errorf("tools asked: got %v", problem)
	}
}

// A schema that goes round in circles must not take the host down.
func TestCircles(t *testing.T) {
	c := structured.New()
	for _, schema := range []string{
		`{"$ref":"#"}`, `{"allOf":[{"$ref":"#"}]}`, `{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}},"$ref":"#/$defs/a"}`,
		`{"not":{"$ref":"#"}}`, `{"if":{"$ref":"#"}}`, `{"$dynamicRef":"#"}`, `{"$dynamicAnchor":"a","anyOf":[{"$dynamicRef":"#a"}]}`,
	} {
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = c.Check(query(schema), &sdk.Response{Content: `{"a":1}`})
		}()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: no end", schema)
		}
	}
}

func TestRepair(t *testing.T) {
	c, q, r := structured.New(), query(person), &sdk.Response{Content: `{"age":1}`}
	problem := c.Check(q, r)
	again := c.Repair(q, r, problem)
	if len(q.Messages) != 1 || len(again.Messages) != 3 || again.ResponseFormat != q.ResponseFormat || again.ID != q.ID {
		t.Fatalf("got %+v", again)
	}
	if m := again.Messages[1]; m.Role != sdk.Assistant || m.Text != r.Content {
		t.Errorf("got %+v", m)
	}
	if m := again.Messages[2]; m.Role != sdk.User || !strings.Contains(m.Text, problem.Message) || !strings.Contains(m.Text, person) {
		t.Errorf("got %+v", m)
	}
	if got := c.Repair(q, r, sdk.Errorf(sdk.InvalidRequest, "x")); got != nil {
		t.Errorf("a bad schema can't be repaired by the model: %+v", got)
	}
}

func TestManySchemas(t *testing.T) {
	c := structured.New()
	for i := range 1000 {
		if problem := c.Check(query(fmt.Sprintf(`{"const":%d}`, i)), &sdk.Response{Content: fmt.Sprint(i)}); problem != nil {
			t.Fatal(problem)
		}
	}
}

func ExampleChecker() {
	c := structured.New()
	problem := c.Check(query(`{"type":"integer"}`), &sdk.Response{Content: `"seven"`})
	fmt.Println(errors.Is(problem, sdk.BadResponse))
	// Output: true
}

func FuzzCheck(f *testing.F) {
	f.Add(person, `{"name":"Ada"}`)
	f.Add(`{"type":"array","uniqueItems":true,"prefixItems":[{"multipleOf":0.1}]}`, `[0.3,1e3]`)
	f.Add(`{"$ref":"#"}`, `{}`)
	f.Fuzz(func(t *testing.T, schema, reply string) {
		if !json.Valid([]byte(schema)) {
			return
		}
		problem := structured.New().Check(query(schema), &sdk.Response{Content: reply})
		if problem != nil && problem.Kind != sdk.BadResponse && problem.Kind != sdk.InvalidRequest {
			t.Errorf("got %v", problem)
		}
	})
}
