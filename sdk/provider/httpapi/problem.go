package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
)

// A problem is what an error body says, whichever vendor wrote it.
type problem struct {
	message string
	// code is the most specific of the vendor's names for the failure.
	code string
	// names are all of the vendor's names for it, in lower case.
	names []string
	// status is an HTTP status inside the body, 0 for none.
	status int
	// delay is the body's wait, nil for none.
	delay *time.Duration
	// perDay marks a quota that a wait of minutes does not bring back.
	perDay bool
	// found says that the body holds an error at all.
	found bool
}

// wireProblem is the union of the vendors' error bodies:
//
//	{"error":{"message":..., "type":..., "code":...}}        OpenAI, Azure, Groq, vLLM, OpenRouter, Moonshot
//	{"type":"error","error":{"type":..., "message":...}}     Anthropic
//	{"error":{"code":429,"status":...,"details":[...]}}      Gemini (also in an array)
//	{"error":"..."}                                          Ollama
//	{"object":"error","message":..., "type":..., "code":...} Mistral, older vLLM
//	{"errors":[{"code":..., "message":...}]}                 Cloudflare and other gateways
//	{"message":...}, {"detail":...}                          gateways, FastAPI
type wireProblem struct {
	Error   json.RawMessage `json:"error"`
	Errors  json.RawMessage `json:"errors"`
	Object  text            `json:"object"`
	Message text            `json:"message"`
	Type    text            `json:"type"`
	Code    text            `json:"code"`
	Detail  json.RawMessage `json:"detail"`
}

type wireInner struct {
	Message    text            `json:"message"`
	Type       text            `json:"type"`
	Code       text            `json:"code"`
	Status     text            `json:"status"`
	InnerError wireInnerError  `json:"innererror"`
	Details    json.RawMessage `json:"details"`
	Metadata   wireMetadata    `json:"metadata"`
}

type wireInnerError struct {
	Code text `json:"code"`
}

// wireMetadata is OpenRouter's.
type wireMetadata struct {
	Raw     text            `json:"raw"`
	Reasons json.RawMessage `json:"reasons"`
}

// wireDetail is one of Google's typed details.
type wireDetail struct {
	Reason     text `json:"reason"`
	RetryDelay text `json:"retryDelay"`
	Violations []struct {
		QuotaID text `json:"quotaId"`
	} `json:"violations"`
}

// text is a JSON string or number; anything else is empty. Vendors disagree on
// which of their fields are strings.
type text string

// UnmarshalJSON never fails: a surprise in one field of an error body must not
// hide the others.
func (t *text) UnmarshalJSON(data []byte) error {
	*t = ""
	var s string
	switch {
	case len(data) > 0 && data[0] == '"':
		if json.Unmarshal(data, &s) == nil {
			*t = text(s)
		}
	case len(data) > 0 && (data[0] == '-' || data[0] >= '0' && data[0] <= '9'):
		*t = text(data)
	}
	return nil
}

// readProblem reads an error body. It never fails; a body that is no JSON is
// its own message.
func readProblem(body []byte) problem {
	body = bytes.TrimSpace(body)
	if len(body) > 0 && body[0] == '[' {
		if one := firstOf(body); one != nil {
			body = one
		}
	}
	var p problem
	var w wireProblem
	if decodeLoose(body, &w) != nil {
		p.message = plain(string(body[:min(len(body), 4096)]), 300)
		return p
	}
	if len(w.Error) == 0 {
		w.Error = firstOf(w.Errors)
	}
	inner := wireInner{Message: w.Message, Type: w.Type, Code: w.Code}
	if len(w.Error) > 0 && w.Error[0] == '{' {
		inner = wireInner{}
		_ = decodeLoose(w.Error, &inner) // what could be read is what there is
		p.found = true
	} else if len(w.Error) > 0 && w.Error[0] == '"' {
		_ = inner.Message.UnmarshalJSON(w.Error)
		p.found = true
	} else if w.Object == "error" || w.Type == "error" {
		p.found = true
	}
	p.message = string(inner.Message)
	if p.message == "" && len(w.Detail) > 0 {
		_ = (*text)(&p.message).UnmarshalJSON(w.Detail)
		if p.message == "" {
			p.message = string(w.Detail)
		}
	}
	if raw := string(inner.Metadata.Raw); raw != "" {
		p.message += ": " + raw
	}
	p.name(inner.InnerError.Code, inner.Code, inner.Status, inner.Type)
	if len(inner.Metadata.Reasons) > 0 && inner.Metadata.Reasons[0] == '[' {
		p.name("content_policy_violation")
	}
	p.readDetails(inner.Details)
	p.message = plain(p.message, 1000)
	return p
}

// firstOf returns the first element of a JSON array, nil if there is none.
func firstOf(raw json.RawMessage) json.RawMessage {
	var list []json.RawMessage
	if len(raw) == 0 || json.Unmarshal(raw, &list) != nil || len(list) == 0 {
		return nil
	}
	return list[0]
}

// name notes the vendor's names for the failure; a number that can be one is
// an HTTP status.
func (p *problem) name(names ...text) {
	for _, n := range names {
		s := plain(string(n), 100)
		if s == "" {
			continue
		}
		if status, err := strconv.Atoi(s); err == nil {
			if p.status == 0 && status >= 400 && status < 600 {
				p.status = status
			}
			continue
		}
		if p.code == "" {
			p.code = s
		}
		p.names = append(p.names, strings.ToLower(s))
	}
}

// readDetails reads Google's typed details.
func (p *problem) readDetails(raw json.RawMessage) {
	var details []json.RawMessage
	if json.Unmarshal(raw, &details) != nil {
		return
	}
	for _, one := range details {
		var d wireDetail
		_ = decodeLoose(one, &d)
		p.name(d.Reason)
		if p.delay == nil {
			p.delay = parseDelay(string(d.RetryDelay))
		}
		for _, v := range d.Violations {
			if strings.Contains(strings.ToLower(string(v.QuotaID)), "perday") {
				p.perDay = true
			}
		}
	}
}

// has reports whether one of the names holds one of the words.
func (p *problem) has(words ...string) bool {
	for _, n := range p.names {
		for _, w := range words {
			if strings.Contains(n, w) {
				return true
			}
		}
	}
	return false
}

// says reports whether the message holds one of the phrases, given in lower
// case.
func (p *problem) says(phrases ...string) bool {
	m := strings.ToLower(p.message)
	for _, s := range phrases {
		if strings.Contains(m, s) {
			return true
		}
	}
	return false
}

// decodeLoose decodes an object and forgives fields of another type than
// expected: encoding/json goes on after them.
func decodeLoose(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	var typ *json.UnmarshalTypeError
	if errors.As(err, &typ) && len(data) > 0 && data[0] == '{' {
		return nil
	}
	return err
}
