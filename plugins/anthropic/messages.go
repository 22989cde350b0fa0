package main

import (
	"encoding/json"
	"strings"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
)

// turn is one message as this vendor knows it: user or assistant.
type turn struct {
	Role string `json:"role"`
	// Content is a string or a []block.
	Content any `json:"content"`
}

type block struct {
	Type string `json:"type"`
	// text
	Text string `json:"text,omitempty"`
	// image
	Source *source `json:"source,omitempty"`
	// tool_use
	ID    string          `json:"id,omitempty"`
	Name  string          `json:"name,omitempty"`
	Input json.RawMessage `json:"input,omitempty"`
	// tool_result
	ToolUseID string `json:"tool_use_id,omitempty"`
	Content   string `json:"content,omitempty"`
}

type source struct {
	Type      string `json:"type"`
	URL       string `json:"url,omitempty"`
	MediaType string `json:"media_type,omitempty"`
	Data      string `json:"data,omitempty"`
}

// conversation splits messages into the system prompt, which this vendor wants
// apart, and turns. The results of tools are the user's, and those of one reply
// belong into one turn.
func conversation(messages []sdk.Message) (system string, turns []turn, err error) {
	var systems []string
	turns = make([]turn, 0, len(messages))
	afterTool := false
	for i := range messages {
		m := &messages[i]
		switch m.Role {
		case sdk.System, sdk.Developer:
			systems = append(systems, m.Content())
			continue
		case sdk.ToolRole:
			result := block{Type: "tool_result", ToolUseID: m.ToolCallID, Content: m.Content()}
			if afterTool {
				last := &turns[len(turns)-1]
				last.Content = append(last.Content.([]block), result)
			} else {
				turns = append(turns, turn{Role: "user", Content: []block{result}})
			}
		default:
			t, err := newTurn(m)
			if err != nil {
				return "", nil, err
			}
			turns = append(turns, t)
		}
		afterTool = m.Role == sdk.ToolRole
	}
	if len(turns) == 0 {
		return "", nil, sdk.Errorf(sdk.InvalidRequest, "messages: there is no user message beside the system prompt, and this vendor wants one")
	}
	return strings.Join(systems, "\n\n"), turns, nil
}

func newTurn(m *sdk.Message) (turn, error) {
	if len(m.Parts) == 0 && len(m.ToolCalls) == 0 {
		return turn{Role: string(m.Role), Content: m.Text}, nil
	}
	var blocks []block
	if len(m.Parts) == 0 && m.Text != "" {
		blocks = append(blocks, block{Type: "text", Text: m.Text})
	}
	for _, p := range m.Parts {
		switch {
		case p.Image != nil:
			blocks = append(blocks, newImage(p.Image.URL))
		case p.Text != "": // this vendor refuses empty texts
			blocks = append(blocks, block{Type: "text", Text: p.Text})
		}
	}
	for _, c := range m.ToolCalls {
		input := json.RawMessage(c.Arguments)
		if c.Arguments == "" {
			input = json.RawMessage(`{}`)
		}
		if !json.Valid(input) {
			return turn{}, sdk.Errorf(sdk.InvalidRequest, "messages: the arguments of the call of %q are not JSON", c.Name)
		}
		blocks = append(blocks, block{Type: "tool_use", ID: c.ID, Name: c.Name, Input: input})
	}
	return turn{Role: string(m.Role), Content: blocks}, nil
}

func newImage(url string) block {
	if mediaType, data, ok := httpapi.DataURL(url); ok {
		return block{Type: "image", Source: &source{Type: "base64", MediaType: mediaType, Data: data}}
	}
	return block{Type: "image", Source: &source{Type: "url", URL: url}}
}
