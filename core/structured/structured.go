// Package structured holds a reply against the JSON Schema that its query asks
// for, whatever the vendor promised.
//
//	checker := structured.New()
//	if problem := checker.Check(query, response); problem != nil {
//		better := checker.Repair(query, response, problem)
//		...
//	}
//
// Both sides are untrusted: the reply is a model's, and the schema may be a
// generator's. A schema can refer to itself and to nothing outside; a number
// that would take long to think about is an error; what is remembered of schemas
// is bounded.
package structured

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/cortexlinux/cortex-host/sdk"
)

const (
	// maxReply is the largest reply that is looked at.
	maxReply = 8 << 20
	// maxSchema is the largest schema.
	maxSchema = 256 << 10
	// maxSchemas is how many compiled schemas are remembered.
	maxSchemas = 64
	// maxComplaint is how much a model is told of what is wrong.
	maxComplaint = 2000
	// maxQuoted is how much of a bad reply is shown to the model again.
	maxQuoted = 64 << 10
)

// A Checker checks replies. It is safe for concurrent use.
type Checker struct {
	mu      sync.Mutex
	schemas map[string]compiled
}

type compiled struct {
	schema *jsonschema.Schema
	err    error
}

// New returns a checker.
func New() *Checker { return &Checker{schemas: map[string]compiled{}} }

// Check returns nil if q asks for no format, or if r is as asked for. A reply
// that asks for tools has no format.
func (c *Checker) Check(q *sdk.Query, r *sdk.Response) *sdk.Error {
	if q.ResponseFormat == nil || len(r.ToolCalls) > 0 {
		return nil
	}
	schema, err := c.compile(q.ResponseFormat.Schema)
	if err != nil {
		return sdk.Errorf(sdk.InvalidRequest, "response_format.schema: %w", err)
	}
	if len(r.Content) > maxReply {
		return sdk.Errorf(sdk.BadResponse, "the reply is too large to be checked: %d bytes, at most %d", len(r.Content), maxReply)
	}
	value, err := decode([]byte(r.Content))
	if err != nil {
		return sdk.Errorf(sdk.BadResponse, "the reply is not JSON: %w", err)
	}
	if err := schema.Validate(value); err != nil {
		return sdk.Errorf(sdk.BadResponse, "the reply does not satisfy the schema %s: %s", q.ResponseFormat.Name, complaint(err))
	}
	return nil
}

// Repair returns a copy of q that shows the model its reply and what is wrong
// with it. It returns nil if a better reply would not help.
func (c *Checker) Repair(q *sdk.Query, r *sdk.Response, problem *sdk.Error) *sdk.Query {
	if problem.Kind != sdk.BadResponse || len(r.Content) > maxQuoted {
		return nil
	}
	again := *q
	again.Messages = append(append([]sdk.Message(nil), q.Messages...),
		sdk.Message{Role: sdk.Assistant, Text: r.Content},
		sdk.Message{Role: sdk.User, Text: "That reply can't be used: " + problem.Message +
			"\nReply again with one JSON value that satisfies the schema, and with nothing else:\n" + string(q.ResponseFormat.Schema)})
	return &again
}

// compile returns the compiled schema, from memory if it is known.
func (c *Checker) compile(raw json.RawMessage) (*jsonschema.Schema, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.schemas[string(raw)]
	if !ok {
		known.schema, known.err = compileSchema(raw)
		if len(c.schemas) >= maxSchemas {
			clear(c.schemas)
		}
		c.schemas[string(raw)] = known
	}
	return known.schema, known.err
}

func compileSchema(raw json.RawMessage) (*jsonschema.Schema, error) {
	if len(raw) > maxSchema {
		return nil, fmt.Errorf("it is too large: %d bytes, at most %d", len(raw), maxSchema)
	}
	doc, err := decode(raw)
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(nowhere{})
	if err := compiler.AddResource(address, doc); err != nil {
		return nil, err
	}
	schema, err := compiler.Compile(address)
	if err != nil {
		return nil, errors.New(complaint(err))
	}
	return schema, nil
}

// address is where a schema pretends to be.
const address = "query:///response_format"

// nowhere loads nothing: a schema must not make the host read files.
type nowhere struct{}

func (nowhere) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s is outside of the schema; copy it into $defs", url)
}

// decode reads one JSON value, with numbers as they are written.
func decode(data []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if dec.More() {
		return nil, errors.New("there is more after the JSON value")
	}
	return v, checkNumbers(v)
}

// checkNumbers refuses numbers that are short to write and long to compute
// with, such as 1e999999999: validation calculates exactly.
func checkNumbers(v any) error {
	switch v := v.(type) {
	case json.Number:
		mantissa, exponent, _ := strings.Cut(strings.ToLower(string(v)), "e")
		if len(mantissa) > 400 || len(strings.TrimLeft(exponent, "+-0")) > 3 {
			return fmt.Errorf("the number %.20s... is out of range", string(v))
		}
	case []any:
		for _, one := range v {
			if err := checkNumbers(one); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, one := range v {
			if err := checkNumbers(one); err != nil {
				return err
			}
		}
	}
	return nil
}

// complaint is a validation's error without our made-up address.
func complaint(err error) string {
	s := strings.ReplaceAll(err.Error(), address, "schema")
	if len(s) > maxComplaint {
		s = strings.ToValidUTF8(s[:maxComplaint], "") + "..."
	}
	return s
}
