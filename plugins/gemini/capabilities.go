package main

import (
	"strings"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
)

// capabilities are what a model wants to be sent.
type capabilities struct {
	// system: it takes a system instruction; else its text precedes the first
	// question.
	system bool
	// schema: it can be held to a JSON Schema; else it is asked in words.
	schema bool
	// json: it can be held to JSON at least.
	json bool
}

// capabilitiesOf goes by the model's name: Gemma is served by the same API and
// has none of it, and JSON Schema came with Gemini 2.5. A name that tells no
// version is taken for a new model.
func capabilitiesOf(model string) capabilities {
	name := strings.ToLower(strings.TrimPrefix(model, "models/"))
	switch {
	case strings.HasPrefix(name, "gemma"):
		return capabilities{}
	case strings.HasPrefix(name, "gemini-1"), strings.HasPrefix(name, "gemini-2.0"):
		return capabilities{system: true, json: true}
	}
	return capabilities{system: true, schema: true, json: true}
}

// adapt puts into words what the model can't be told otherwise.
func (r *generateRequest) adapt(q *sdk.Query, can capabilities) {
	if f := q.ResponseFormat; f != nil && !can.schema {
		if r.SystemInstruction == nil {
			r.SystemInstruction = new(turn)
		}
		words := httpapi.FormatInWords(f)
		r.SystemInstruction.Parts = append(r.SystemInstruction.Parts, part{Text: &words})
	}
	if s := r.SystemInstruction; s != nil && !can.system {
		r.SystemInstruction = nil
		if first := &r.Contents[0]; first.Role == "user" {
			first.Parts = append(s.Parts, first.Parts...)
		} else {
			r.Contents = append([]turn{{Role: "user", Parts: s.Parts}}, r.Contents...)
		}
	}
}
