package sdk_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/cortexlinux/cortex-host/sdk"
)

func lines(t testing.TB, path string) [][]byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSpace(data), []byte("\n"))
}

func querySchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	f, err := os.Open("query.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("query.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("query.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The published schema and the decoder are two statements of one rule.
func TestQuerySchemaAgreesWithDecoder(t *testing.T) {
	schema := querySchema(t)
	bySchema := func(line []byte) error {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
		if err != nil {
			return err
		}
		return schema.Validate(v)
	}
	for _, line := range lines(t, "../testdata/query/valid.ndjson") {
		if _, err := sdk.DecodeQuery(line); err != nil {
			t.Errorf("DecodeQuery(%s): %v", line, err)
		}
		if err := bySchema(line); err != nil {
			t.Errorf("schema refuses %s: %v", line, err)
		}
	}
	for _, line := range lines(t, "../testdata/query/invalid.ndjson") {
		if q, err := sdk.DecodeQuery(line); err == nil {
			t.Errorf("DecodeQuery(%s) = %+v, want an error", line, q)
		}
		if err := bySchema(line); err == nil {
			t.Errorf("schema accepts %s", line)
		}
	}
}

func TestDecodeQueryRoundTrip(t *testing.T) {
	for _, line := range lines(t, "../testdata/query/valid.ndjson") {
		q, err := sdk.DecodeQuery(line)
		if err != nil {
			t.Fatal(err)
		}
		out, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		again, err := sdk.DecodeQuery(out)
		if err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		if !reflect.DeepEqual(q, again) {
			t.Errorf("round trip of %s:\n%+v\n%+v", line, q, again)
		}
	}
}

// Each message must name the place and what is allowed.
func TestDecodeQueryErrorsNameTheField(t *testing.T) {
	msg := `"messages":[{"role":"user","content":"x"}]`
	for _, c := range []struct{ in, want string }{
		{`{` + msg + `}`, `set "id"`},
		{`{"id":"a"}`, "messages is empty"},
		{`{"id":"a","max_token":5,` + msg + `}`, `"max_token"`},
		{`{"id":"a","messages":[{"role":"usr","content":"x"}]}`, `messages[0].role "usr" is unknown; one of system`},
		{`{"id":"a","messages":[{"role":"user"}]}`, "content is missing"},
		{`{"id":"a","task_type":"chat",` + msg + `}`, `task_type "chat" is unknown; one of user_chat`},
		{`{"id":"a","temperature":"hot",` + msg + `}`, `"temperature" cannot hold a JSON string`},
		{`{"id":"a","max_tokens":0,` + msg + `}`, "max_tokens must be between 1"},
		{`{"id":"a",` + msg + `}{}`, "more than one JSON value"},
		{`{"id":"a",` + msg, "ends too early"},
		{``, "ends too early"},
		{`[1]`, "a JSON object is needed, not a JSON array"},
		{"{\"id\":\"\xff\"," + msg + `}`, "UTF-8"},
		{`{"id":"` + strings.Repeat("x", 513) + `",` + msg + `}`, "at most 512"},
	} {
		_, err := sdk.DecodeQuery([]byte(c.in))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("DecodeQuery(%.60s) = %v, want %q in it", c.in, err, c.want)
		}
	}
}

func TestValidateRefusesWhatJSONCannotSay(t *testing.T) {
	nan := math.NaN()
	q := sdk.Query{ID: "a", Messages: []sdk.Message{{Role: sdk.User, Text: "x"}}, Temperature: &nan}
	if err := q.Validate(); err == nil {
		t.Error("a NaN temperature is accepted")
	}
	q.Temperature = nil
	q.Options = map[string]json.RawMessage{"x": json.RawMessage("{")}
	if err := q.Validate(); err == nil || !strings.Contains(err.Error(), "options.x") {
		t.Errorf("broken options: %v", err)
	}
}

func FuzzDecodeQuery(f *testing.F) {
	for _, path := range []string{"../testdata/query/valid.ndjson", "../testdata/query/invalid.ndjson"} {
		for _, line := range lines(f, path) {
			f.Add(line)
		}
	}
	schema := querySchema(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		q, err := sdk.DecodeQuery(data)
		if err != nil {
			return
		}
		out, err := json.Marshal(q)
		if err != nil {
			t.Fatalf("what was decoded cannot be encoded: %v", err)
		}
		again, err := sdk.DecodeQuery(out)
		if err != nil {
			t.Fatalf("what was encoded cannot be decoded: %s: %v", out, err)
		}
		if twice, err := json.Marshal(again); err != nil || !bytes.Equal(out, twice) {
			t.Fatalf("encoding is not stable: %s, then %s (%v)", out, twice, err)
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(out))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); err != nil {
			t.Fatalf("schema refuses what the decoder accepts: %s: %v", out, err)
		}
	})
}
