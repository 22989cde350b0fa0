package wasm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cortexlinux/cortex-host/core/ids"
	"github.com/cortexlinux/cortex-host/sdk"
)

const (
	maxPrompts     = 256
	maxPromptBytes = 4 << 20
)

// A decoder turns the records of one guest into queries. It enforces the caps
// and what queries may choose. It is not safe for concurrent use.
type decoder struct {
	limits  Limits
	allow   Allow
	items   func() int64
	prompts map[string][]sdk.Message
	bytes   int   // of all prompts
	used    int64 // bytes of all queries that use them
	seen    *ids.Index
	queries int64
	records int64
}

// newDecoder returns a decoder whose index of ids is to be closed.
func newDecoder(limits Limits, allow Allow, items func() int64) *decoder {
	return &decoder{limits: limits, allow: allow, items: items, prompts: map[string][]sdk.Message{}, seen: ids.NewIndex("")}
}

// A guest's record: a prompt definition, an item error, or a query, which may
// use a prompt.
type guestRecord struct {
	Prompt *promptRecord `json:"prompt"`
	Error  *errorRecord  `json:"error"`
	Use    string        `json:"use"`
	sdk.Query
}

// memberNames are the members that a record of a guest can have.
var memberNames = []string{"prompt", "error", "use", "id", "messages", "task_type", "provider", "model", "temperature",
	"max_tokens", "priority", "metadata", "response_format", "tools", "tool_choice", "options"}

type promptRecord struct {
	ID       string        `json:"id"`
	Messages []sdk.Message `json:"messages"`
}

type errorRecord struct {
	ID       string            `json:"id"`
	Message  string            `json:"message"`
	Metadata map[string]string `json:"metadata"`
}

// parseRecord decodes any record with care: exact names, one value, no number
// that costs more to look at than it is worth.
func parseRecord(line []byte) (guestRecord, error) {
	var r guestRecord
	var members map[string]json.RawMessage
	if err := json.Unmarshal(line, &members); err != nil {
		return r, decodeError(err)
	}
	for name := range members {
		if !slices.Contains(memberNames, name) {
			return r, fmt.Errorf("unknown member %s", quote([]byte(name), 64))
		}
	}
	if err := boundNumbers(line); err != nil {
		return r, err
	}
	if name, twice := repeatedMember(line); twice {
		return r, fmt.Errorf("member %s is there twice", quote([]byte(name), 64))
	}
	if kinds := has(members, "prompt") + has(members, "error"); kinds > 0 && len(members) > 1 {
		return r, errors.New("a prompt definition or an item error has no other members beside it")
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		return r, decodeError(err)
	}
	return r, nil
}

// repeatedMember finds a name that occurs twice in an object of a JSON value.
func repeatedMember(line []byte) (string, bool) {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	var seen []map[string]bool // of the objects around; nil for an array
	atName := false            // the next token is a name, or the end of an object
	for {
		token, err := dec.Token()
		if err != nil {
			return "", false // the end
		}
		if name, isText := token.(string); isText && atName {
			if seen[len(seen)-1][name] {
				return name, true
			}
			seen[len(seen)-1][name] = true
			atName = false
			continue
		}
		switch token {
		case json.Delim('{'):
			seen = append(seen, map[string]bool{})
		case json.Delim('['):
			seen = append(seen, nil)
		case json.Delim('}'), json.Delim(']'):
			seen = seen[:len(seen)-1]
		}
		atName = len(seen) > 0 && seen[len(seen)-1] != nil
	}
}

func has(members map[string]json.RawMessage, name string) int {
	if _, ok := members[name]; ok {
		return 1
	}
	return 0
}

func decodeError(err error) error {
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}

// record decodes one line. has says whether it was a query; an item error is
// returned as an *sdk.ItemError and ends nothing, any other error is an *Error.
func (d *decoder) record(line []byte) (q sdk.Query, has bool, err error) {
	d.records++
	bad := func(format string, args ...any) *Error {
		e := failf(BadRecord, format, args...)
		e.Message = "record " + strconv.FormatInt(d.records, 10) + " " + e.Message + ": " + quote(line, 80)
		return e
	}
	if len(line) == 0 {
		return q, false, bad("is an empty line")
	}
	if !utf8.Valid(line) {
		return q, false, bad("is not UTF-8")
	}
	if r, ok := scanQuery(line); ok {
		return d.query(r, bad)
	}
	r, err := parseRecord(line)
	if err != nil {
		return q, false, bad("is not as the contract says (%v)", err)
	}
	switch {
	case r.Prompt != nil:
		if err := d.define(r.Prompt); err != nil {
			return q, false, err
		}
		return q, false, nil
	case r.Error != nil:
		return d.itemError(r.Error, bad)
	}
	return d.query(r, bad)
}

// define stores a prompt.
func (d *decoder) define(p *promptRecord) *Error {
	if p.ID == "" || len(p.ID) > 64 || len(p.Messages) == 0 {
		return failf(BadRecord, `a prompt needs an "id" of 1 to 64 bytes and at least one message`)
	}
	probe := sdk.Query{ID: "prompt", Messages: p.Messages}
	if err := probe.Validate(); err != nil {
		return failf(BadRecord, "prompt %q: %v", p.ID, err)
	}
	_, known := d.prompts[p.ID]
	if d.bytes += probe.PromptBytes(); !known && len(d.prompts) >= maxPrompts || d.bytes > maxPromptBytes {
		return failf(LimitExceeded, "it defines more than %d prompts or %d bytes of them", maxPrompts, maxPromptBytes)
	}
	d.prompts[p.ID] = p.Messages
	return nil
}

func (d *decoder) itemError(e *errorRecord, bad func(string, ...any) *Error) (q sdk.Query, has bool, err error) {
	if e.ID == "" || len(e.ID) > sdk.MaxIDBytes || e.Message == "" {
		return q, false, bad(`is an error without "id" or "message"`)
	}
	if err := d.count(); err != nil {
		return q, false, err
	}
	return q, false, &sdk.ItemError{ID: e.ID, Metadata: e.Metadata,
		Err: sdk.Errorf(sdk.GeneratorFailed, "%s", quoteText(e.Message, 4096))}
}

func (d *decoder) query(r guestRecord, bad func(string, ...any) *Error) (q sdk.Query, has bool, err error) {
	q = r.Query
	if r.Use != "" {
		prompt, ok := d.prompts[r.Use]
		if !ok {
			return q, false, bad(`uses a prompt that was not defined before: "use"`)
		}
		q.Messages = slices.Concat(prompt, q.Messages)
		// A record of a few bytes may stand for megabytes.
		if d.used += int64(q.PromptBytes()); d.used > d.limits.OutputBytes {
			return q, false, failf(LimitExceeded, "its queries with their prompts are more than %d bytes", d.limits.OutputBytes)
		}
	}
	if err := q.Validate(); err != nil {
		return q, false, bad("%v", err)
	}
	if err := d.permitted(&q); err != nil {
		return q, false, err
	}
	if err := d.count(); err != nil {
		return q, false, err
	}
	id, err := d.unused(q.ID)
	if err != nil {
		return sdk.Query{}, false, err
	}
	if id != q.ID {
		return sdk.Query{}, false, &sdk.ItemError{ID: id, Metadata: q.Metadata,
			Err: sdk.Errorf(sdk.GeneratorFailed, "there is a query %q already: the item was given twice, or the generator repeats itself", q.ID),
		}
	}
	return q, true, nil
}

// unused returns an id that is nobody's, and is from now on taken: this one, or
// one with a number behind it. Its error is an *Error.
func (d *decoder) unused(id string) (string, error) {
	free := id
	for n := d.queries; ; n++ {
		fresh, err := d.seen.Add(free)
		if err != nil {
			fail := failf(HostFailed, "%v", err)
			fail.Cause = err
			return "", fail
		}
		if fresh {
			return free, nil
		}
		free = id + "#" + strconv.FormatInt(n, 10)
	}
}

// permitted refuses what only the operator may choose.
func (d *decoder) permitted(q *sdk.Query) *Error {
	deny := func(what, name string) *Error {
		how := what + "=" + quoteText(name, 64)
		if what == "address" {
			how = "image-urls"
		}
		return failf(NotAllowed, "query %s chooses the %s %s, which the operator did not allow (--generator-allow %s would)",
			quote([]byte(q.ID), 64), what, quote([]byte(name), 64), how)
	}
	if q.Provider != "" && !slices.Contains(d.allow.Providers, q.Provider) {
		return deny("provider", q.Provider)
	}
	if q.Model != "" && !slices.Contains(d.allow.Models, q.Model) {
		return deny("model", q.Model)
	}
	for name := range q.Options {
		if !slices.Contains(d.allow.Options, name) {
			return deny("option", name)
		}
	}
	if d.allow.ImageURLs {
		return nil
	}
	for _, m := range q.Messages {
		for _, p := range m.Parts {
			if p.Image != nil && !strings.HasPrefix(p.Image.URL, "data:") {
				return deny("address", p.Image.URL)
			}
		}
	}
	return nil
}

// count counts a query or an item error against the caps.
func (d *decoder) count() *Error {
	d.queries++
	if d.queries > d.limits.Queries {
		return failf(LimitExceeded, "it made more than %d queries", d.limits.Queries)
	}
	if items := d.items(); d.queries > int64(d.limits.QueriesPerItem)*(items+1) {
		return failf(LimitExceeded, "it made %d queries of %d items; at most %d an item (the manifest's limits.queries_per_item or --generator-queries-per-item)",
			d.queries, items, d.limits.QueriesPerItem)
	}
	return nil
}
