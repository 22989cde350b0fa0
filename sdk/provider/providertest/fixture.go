package providertest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A Fixture tells the kit what it can't know of a provider. It is a JSON file.
type Fixture struct {
	// Settings configure the plugin so that it can answer Query. Secrets among
	// them are made up, long and unlike anything else: the kit looks for them
	// in every error.
	Settings sdk.Settings `json:"settings"`
	// Query is a query that is answered; by default a short greeting. Its text
	// is replaced where the kit needs to tell queries apart.
	Query *sdk.Query `json:"query,omitempty"`
	// BadSettings are refused, with an error that names the property.
	BadSettings []BadSettings `json:"bad_settings,omitempty"`
	// Upstream is missing for a plugin without an HTTP upstream.
	Upstream *Upstream `json:"upstream,omitempty"`
}

// BadSettings are settings that a plugin must refuse.
type BadSettings struct {
	// Settings replace those of the fixture one by one; null removes one.
	Settings sdk.Settings `json:"settings"`
	// Names is the property that the error must name.
	Names string `json:"names"`
}

// An Upstream says how to play the plugin's vendor.
type Upstream struct {
	// BaseURL is the setting that takes the upstream's URL.
	BaseURL string `json:"base_url"`
	// Path is appended to the URL that the kit gives, such as /v1.
	Path string `json:"path,omitempty"`
	// CA is the setting that takes the path of a certificate authority, if
	// there is one.
	CA string `json:"ca,omitempty"`
	// Success is the body of a successful reply. The string "{{answer}}" in it
	// is replaced by the answer, which the plugin must return as its content.
	Success json.RawMessage `json:"success"`
	// Usage is what the plugin must report for Success; missing: it must report
	// some.
	Usage *sdk.Usage `json:"usage,omitempty"`
	// Response are members of the response that Success must lead to, as in a
	// row of results: model_served, request_id, cost.
	Response json.RawMessage `json:"response,omitempty"`
	// Requests are queries and the requests that they must lead to.
	Requests []RequestCase `json:"requests,omitempty"`
	// Models is a list of models as the vendor writes it, for a plugin that
	// lists them.
	Models *ModelsReply `json:"models,omitempty"`
	// RequestID is the header by which the vendor names a request, if any.
	RequestID string `json:"request_id,omitempty"`
	// Finish are further successful bodies and the finish reason, or the error
	// kind, that each must lead to.
	Finish []Outcome `json:"finish,omitempty"`
	// Errors are error replies and the kind that each must lead to. Kinds that
	// are not listed are tried with their usual status and an empty object.
	Errors []ErrorReply `json:"errors"`
	// RateLimit are headers that tell of limits, and what they say.
	RateLimit *RateLimitReply `json:"rate_limit,omitempty"`
}

// An Outcome is a successful body and what it means.
type Outcome struct {
	Name   string           `json:"name"`
	Body   json.RawMessage  `json:"body"`
	Reason sdk.FinishReason `json:"reason,omitempty"`
	Kind   sdk.Kind         `json:"kind,omitempty"`
	// Response are members that the response must have.
	Response json.RawMessage `json:"response,omitempty"`
	// Usage and RequestID are what an error must carry, Says a part of its
	// message.
	Usage     *sdk.Usage `json:"usage,omitempty"`
	RequestID string     `json:"request_id,omitempty"`
	Says      string     `json:"says,omitempty"`
}

// A RequestCase is a query and the request that it must lead to.
type RequestCase struct {
	Name  string     `json:"name"`
	Query *sdk.Query `json:"query"`
	// Settings replace those of the fixture one by one; null removes one.
	Settings sdk.Settings `json:"settings,omitempty"`
	// BasePath is appended to the kit's URL in place of the upstream's path: a
	// base URL as users write it too.
	BasePath *string `json:"base_path,omitempty"`
	// Path, Headers and Body are what must be sent: the path with the fixture's
	// own, headers among others, the whole body. An empty header must not be
	// there.
	Path    string            `json:"path,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    json.RawMessage   `json:"body,omitempty"`
	// Kind is the error of a query that must not be sent.
	Kind sdk.Kind `json:"kind,omitempty"`
}

// A ModelsReply is a list of models and what it means.
type ModelsReply struct {
	Body   json.RawMessage `json:"body"`
	Models []sdk.Model     `json:"models"`
}

// An ErrorReply is an error of the vendor and what it means.
type ErrorReply struct {
	Name   string          `json:"name,omitempty"`
	Status int             `json:"status"`
	Body   json.RawMessage `json:"body"`
	Kind   sdk.Kind        `json:"kind"`
	// Code is the vendor's code that the error must carry, Says a part of its
	// message, if they matter.
	Code string `json:"code,omitempty"`
	Says string `json:"says,omitempty"`
	// RetryAfter is the wait in seconds that the body itself asks for.
	RetryAfter float64 `json:"retry_after,omitempty"`
}

// A RateLimitReply is a set of headers and what they say.
type RateLimitReply struct {
	Headers   map[string]string `json:"headers"`
	Limit     int64             `json:"limit"`
	Remaining int64             `json:"remaining"`
}

// ReadFixture reads a fixture's file. Unknown fields are errors.
func ReadFixture(path string) (Fixture, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Fixture{}, fmt.Errorf("read the fixture: %w", err)
	}
	var f Fixture
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return Fixture{}, fmt.Errorf("read the fixture %s: %w", path, err)
	}
	if err := f.check(); err != nil {
		return Fixture{}, fmt.Errorf("the fixture %s: %w", path, err)
	}
	return f, nil
}

func (f *Fixture) check() error {
	if f.Query != nil {
		if err := f.Query.Validate(); err != nil {
			return err
		}
	}
	u := f.Upstream
	switch {
	case u == nil:
		return nil
	case u.BaseURL == "":
		return errors.New("upstream.base_url is missing: name the setting that takes the upstream's URL")
	case !bytes.Contains(u.Success, []byte(answerMark)):
		return fmt.Errorf("upstream.success holds no %q where the answer belongs", answerMark)
	}
	for _, r := range u.Requests {
		if r.Query == nil {
			return fmt.Errorf("upstream.requests: %q needs a query", r.Name)
		}
		if err := r.Query.Validate(); err != nil {
			return fmt.Errorf("upstream.requests: %q: %w", r.Name, err)
		}
	}
	for _, e := range u.Errors {
		if e.Status < 300 && e.Status != http.StatusOK || e.Kind == "" {
			return fmt.Errorf("upstream.errors: %q needs a status and a kind", e.Name)
		}
	}
	return nil
}

const answerMark = "{{answer}}"

// settings returns the fixture's settings with changes; null removes one.
func (f *Fixture) settings(changes sdk.Settings) sdk.Settings {
	s := sdk.Settings{}
	maps.Copy(s, f.Settings)
	for name, value := range changes {
		if string(value) == "null" {
			delete(s, name)
		} else {
			s[name] = value
		}
	}
	return s
}

// query returns the fixture's query with this text.
func (f *Fixture) query(text string) *sdk.Query {
	q := sdk.Query{ID: "conformance", Messages: []sdk.Message{{Role: sdk.User, Text: "Say hello."}}}
	if f.Query != nil {
		q = *f.Query
	}
	if text != "" {
		q.Messages = append([]sdk.Message(nil), q.Messages...)
		q.Messages[len(q.Messages)-1] = sdk.Message{Role: sdk.User, Text: text}
	}
	return &q
}

// secrets are the strings in settings that Describe marks as secret.
func (f *Fixture) secrets(d sdk.Description) []string {
	var schema struct {
		Properties map[string]struct {
			Secret bool `json:"x-secret"`
		} `json:"properties"`
	}
	if json.Unmarshal(d.ConfigSchema, &schema) != nil {
		return nil
	}
	var list []string
	for name, raw := range f.Settings {
		var s string
		if schema.Properties[name].Secret && json.Unmarshal(raw, &s) == nil && len(s) >= 4 {
			list = append(list, s)
		}
	}
	return list
}

func quote(s string) json.RawMessage {
	data, _ := json.Marshal(s) // a string always has a JSON form
	return data
}
