package main

import (
	"encoding/json"
	"mime"
	"path"
	"strconv"
	"strings"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
)

// turn is one message as this vendor knows it: user or model.
type turn struct {
	Role  string `json:"role,omitempty"`
	Parts []part `json:"parts"`
}

// part is the same in requests and replies.
type part struct {
	Text             *string           `json:"text,omitempty"`
	Thought          bool              `json:"thought,omitempty"`
	InlineData       *inlineData       `json:"inlineData,omitempty"`
	FileData         *fileData         `json:"fileData,omitempty"`
	FunctionCall     *functionCall     `json:"functionCall,omitempty"`
	FunctionResponse *functionResponse `json:"functionResponse,omitempty"`
	ThoughtSignature string            `json:"thoughtSignature,omitempty"`
}

type inlineData struct {
	MIMEType string `json:"mimeType"`
	Data     string `json:"data"`
}

type fileData struct {
	MIMEType string `json:"mimeType,omitempty"`
	FileURI  string `json:"fileUri"`
}

type functionCall struct {
	ID   string          `json:"id,omitempty"`
	Name string          `json:"name"`
	Args json.RawMessage `json:"args,omitempty"`
}

type functionResponse struct {
	ID       string         `json:"id,omitempty"`
	Name     string         `json:"name"`
	Response functionResult `json:"response"`
}

type functionResult struct {
	Output string `json:"output"`
}

// conversation splits messages into the system instruction, which this vendor
// wants apart, and turns. Neighbours of one role become one turn: the results
// of one reply's calls belong together.
func conversation(messages []sdk.Message) (system *turn, turns []turn, err error) {
	turns = make([]turn, 0, len(messages))
	tools := map[string]string{} // call id -> tool's name, which a result wants to carry
	for i := range messages {
		m := &messages[i]
		role, parts := "user", textAndImages(m)
		switch m.Role {
		case sdk.System, sdk.Developer:
			if system == nil {
				system = new(turn)
			}
			system.Parts = append(system.Parts, parts...)
			continue
		case sdk.Assistant:
			role = "model"
			for _, c := range m.ToolCalls {
				tools[c.ID] = c.Name
				p, err := newFunctionCall(c)
				if err != nil {
					return nil, nil, err
				}
				parts = append(parts, p)
			}
		case sdk.ToolRole:
			name, ok := tools[m.ToolCallID]
			if !ok {
				return nil, nil, sdk.Errorf(sdk.InvalidRequest, "messages[%d].tool_call_id: no message before it asks for a call of that id", i)
			}
			id, _ := splitID(m.ToolCallID)
			parts = []part{{FunctionResponse: &functionResponse{ID: id, Name: name, Response: functionResult{Output: m.Content()}}}}
		}
		if n := len(turns); n > 0 && turns[n-1].Role == role {
			turns[n-1].Parts = append(turns[n-1].Parts, parts...)
		} else {
			turns = append(turns, turn{Role: role, Parts: parts})
		}
	}
	if len(turns) == 0 {
		return nil, nil, sdk.Errorf(sdk.InvalidRequest, "messages: there is no user message beside the system prompt, and this vendor wants one")
	}
	return system, turns, nil
}

func textAndImages(m *sdk.Message) []part {
	if len(m.Parts) == 0 {
		if m.Text == "" && len(m.ToolCalls) > 0 {
			return nil
		}
		return []part{{Text: &m.Text}}
	}
	parts := make([]part, len(m.Parts))
	for i := range m.Parts {
		if image := m.Parts[i].Image; image != nil {
			parts[i] = newImage(image.URL)
		} else {
			parts[i] = part{Text: &m.Parts[i].Text}
		}
	}
	return parts
}

func newImage(url string) part {
	if mediaType, data, ok := httpapi.DataURL(url); ok {
		return part{InlineData: &inlineData{MIMEType: mediaType, Data: data}}
	}
	file, _, _ := strings.Cut(url, "?")
	return part{FileData: &fileData{MIMEType: mime.TypeByExtension(path.Ext(file)), FileURI: url}}
}

func newFunctionCall(c sdk.ToolCall) (part, error) {
	args := json.RawMessage(c.Arguments)
	if len(args) > 0 && !json.Valid(args) {
		return part{}, sdk.Errorf(sdk.InvalidRequest, "messages: the arguments of the call of %q are not JSON", c.Name)
	}
	id, signature := splitID(c.ID)
	return part{FunctionCall: &functionCall{ID: id, Name: c.Name, Args: args}, ThoughtSignature: signature}, nil
}

// A call's id is the vendor's, or made up from its place, for not every model
// gives one. The signature of the thought that led to it rides behind a ~: the
// newer models refuse a conversation that does not bring it back.
const (
	madeUp       = "call-"
	signatureSep = "~"
)

func joinID(i int, id, signature string) string {
	if id == "" {
		id = madeUp + strconv.Itoa(i)
	}
	if signature != "" {
		id += signatureSep + signature
	}
	return id
}

func splitID(s string) (id, signature string) {
	id, signature, _ = strings.Cut(s, signatureSep)
	if strings.HasPrefix(id, madeUp) {
		id = ""
	}
	return id, signature
}
