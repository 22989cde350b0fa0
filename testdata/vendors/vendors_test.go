// Package vendors holds the requests that our providers make against the
// request types of the vendors' own SDKs. It is a module of its own, so that
// the SDKs stay out of ours: (cd testdata/vendors && go test ./...).
package vendors

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/openai/openai-go/v3"
	"google.golang.org/genai"
)

// roundTrip reads data into an SDK's type and writes it again. What the type
// does not know is lost on the way.
func roundTrip[T any](data []byte) error {
	var v T
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		return err
	}
	back, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return same(data, back)
}

func same(want, got []byte) error {
	var a, b any
	if err := json.Unmarshal(want, &a); err != nil {
		return err
	}
	if err := json.Unmarshal(got, &b); err != nil {
		return err
	}
	if !reflect.DeepEqual(a, b) {
		return fmt.Errorf("we send        %s\nthe SDK sends  %s", want, got)
	}
	return nil
}

// geminiRequest is the body of generateContent in the SDK's types. The SDK has
// no type for the whole.
type geminiRequest struct {
	SafetySettings    []*genai.SafetySetting  `json:"safetySettings,omitempty"`
	Contents          []*genai.Content        `json:"contents,omitempty"`
	SystemInstruction *genai.Content          `json:"systemInstruction,omitempty"`
	Tools             []*genai.Tool           `json:"tools,omitempty"`
	ToolConfig        *genai.ToolConfig       `json:"toolConfig,omitempty"`
	GenerationConfig  *genai.GenerationConfig `json:"generationConfig,omitempty"`
}

// judgeOpenAI judges a tool_choice that names a tool by its own type: the SDK's
// union writes one, and reads it as another of its members.
func judgeOpenAI(data []byte) error {
	var body map[string]json.RawMessage
	if err := json.Unmarshal(data, &body); err != nil {
		return err
	}
	if choice := body["tool_choice"]; bytes.HasPrefix(choice, []byte("{")) {
		if err := roundTrip[openai.ChatCompletionNamedToolChoiceParam](choice); err != nil {
			return err
		}
		delete(body, "tool_choice")
	}
	rest, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return roundTrip[openai.ChatCompletionNewParams](rest)
}

// judgeAnthropic writes texts as lists of blocks first. The API takes both
// forms, the SDK sends the longer one.
func judgeAnthropic(data []byte) error {
	var body any
	if err := json.Unmarshal(data, &body); err != nil {
		return err
	}
	long, err := json.Marshal(longForm(body))
	if err != nil {
		return err
	}
	return roundTrip[anthropic.MessageNewParams](long)
}

func longForm(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = longForm(v[i])
		}
	case map[string]any:
		for name, value := range v {
			if text, ok := value.(string); ok && (name == "content" || name == "system") {
				v[name] = []any{map[string]any{"type": "text", "text": text}}
			} else {
				v[name] = longForm(value)
			}
		}
	}
	return v
}

var judges = map[string]func([]byte) error{
	"openai":    judgeOpenAI,
	"anthropic": judgeAnthropic,
	"gemini":    roundTrip[geminiRequest],
}

// fixture is the part of a conformance fixture that counts here. The kit proves
// that the provider sends these bodies.
type fixture struct {
	Upstream struct {
		Requests []struct {
			Name string          `json:"name"`
			Body json.RawMessage `json:"body"`
		} `json:"requests"`
	} `json:"upstream"`
}

func TestRequestsSatisfyTheVendors(t *testing.T) {
	for vendor, judge := range judges {
		data, err := os.ReadFile(filepath.Join("../../plugins", vendor, "testdata/fixture.json"))
		if err != nil {
			t.Fatal(err)
		}
		var f fixture
		if err := json.Unmarshal(data, &f); err != nil {
			t.Fatal(err)
		}
		judged := 0
		for _, r := range f.Upstream.Requests {
			if len(r.Body) == 0 {
				continue
			}
			judged++
			t.Run(vendor+"/"+r.Name, func(t *testing.T) {
				if err := judge(r.Body); err != nil {
					t.Error(err)
				}
			})
		}
		if judged < 15 {
			t.Errorf("%s: only %d requests", vendor, judged)
		}
	}
}

// A field that a vendor does not know must be found, or the test above says
// nothing.
func TestTheJudgesAreStrict(t *testing.T) {
	for vendor, wrong := range map[string][]string{
		"openai":    {`{"model":"m","messages":[],"max_tokenz":5}`, `{"model":"m","messages":[],"tools":[{"type":"function","function":{"name":"x","params":{}}}]}`},
		"anthropic": {`{"model":"m","max_tokens":5,"messages":[],"top":1}`, `{"model":"m","max_tokens":5,"messages":[{"role":"user","content":[{"type":"text","txt":"x"}]}]}`},
		"gemini":    {`{"contents":[],"max_tokens":5}`, `{"contents":[{"role":"user","parts":[{"txt":"x"}]}]}`},
	} {
		for _, body := range wrong {
			if err := judges[vendor]([]byte(body)); err == nil {
				t.Errorf("%s accepts %s", vendor, body)
			}
		}
	}
}
