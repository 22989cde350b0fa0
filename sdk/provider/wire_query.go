package provider

import (
	"encoding/json"

	"github.com/cortexlinux/cortex-host/sdk"
	providerv1 "github.com/cortexlinux/cortex-host/sdk/proto/cortex/provider/v1"
)

func queryToWire(q *sdk.Query) *providerv1.CompleteRequest {
	w := &providerv1.CompleteRequest{
		Id:          q.ID,
		Messages:    make([]*providerv1.Message, len(q.Messages)),
		TaskType:    string(q.TaskType),
		Model:       q.Model,
		Temperature: q.Temperature,
		Metadata:    q.Metadata,
		ToolChoice:  q.ToolChoice,
	}
	for i := range q.Messages {
		w.Messages[i] = messageToWire(&q.Messages[i])
	}
	if q.MaxTokens != nil {
		n := int32(*q.MaxTokens) // Validate bounds it
		w.MaxTokens = &n
	}
	if len(q.Options) > 0 {
		w.Options = make(map[string][]byte, len(q.Options))
		for name, value := range q.Options {
			w.Options[name] = value
		}
	}
	if f := q.ResponseFormat; f != nil {
		w.ResponseFormat = &providerv1.ResponseFormat{Name: f.Name, Schema: f.Schema}
	}
	for _, t := range q.Tools {
		w.Tools = append(w.Tools, &providerv1.Tool{Name: t.Name, Description: t.Description, Parameters: t.Parameters})
	}
	return w
}

func queryFromWire(w *providerv1.CompleteRequest) *sdk.Query {
	q := &sdk.Query{
		ID:          w.GetId(),
		Messages:    make([]sdk.Message, len(w.GetMessages())),
		TaskType:    sdk.TaskType(w.GetTaskType()),
		Model:       w.GetModel(),
		Temperature: w.Temperature,
		Metadata:    w.GetMetadata(),
		ToolChoice:  w.GetToolChoice(),
	}
	for i, m := range w.GetMessages() {
		q.Messages[i] = messageFromWire(m)
	}
	if w.MaxTokens != nil {
		n := int(*w.MaxTokens)
		q.MaxTokens = &n
	}
	if len(w.GetOptions()) > 0 {
		q.Options = make(map[string]json.RawMessage, len(w.GetOptions()))
		for name, value := range w.GetOptions() {
			q.Options[name] = value
		}
	}
	if f := w.GetResponseFormat(); f != nil {
		q.ResponseFormat = &sdk.ResponseFormat{Name: f.GetName(), Schema: f.GetSchema()}
	}
	for _, t := range w.GetTools() {
		q.Tools = append(q.Tools, sdk.Tool{Name: t.GetName(), Description: t.GetDescription(), Parameters: t.GetParameters()})
	}
	return q
}

func messageToWire(m *sdk.Message) *providerv1.Message {
	w := &providerv1.Message{
		Role: roles[m.Role], Text: m.Text, ToolCalls: toolCallsToWire(m.ToolCalls), ToolCallId: m.ToolCallID,
	}
	for _, p := range m.Parts {
		if p.Image != nil {
			w.Parts = append(w.Parts, &providerv1.Part{Content: &providerv1.Part_Image{Image: &providerv1.Image{Url: p.Image.URL, Detail: p.Image.Detail}}})
		} else {
			w.Parts = append(w.Parts, &providerv1.Part{Content: &providerv1.Part_Text{Text: p.Text}})
		}
	}
	return w
}

func messageFromWire(w *providerv1.Message) sdk.Message {
	m := sdk.Message{
		Role: rolesFromWire[w.GetRole()], Text: w.GetText(), ToolCalls: toolCallsFromWire(w.GetToolCalls()), ToolCallID: w.GetToolCallId(),
	}
	for _, p := range w.GetParts() {
		if image := p.GetImage(); image != nil {
			m.Parts = append(m.Parts, sdk.Part{Image: &sdk.Image{URL: image.GetUrl(), Detail: image.GetDetail()}})
		} else {
			m.Parts = append(m.Parts, sdk.Part{Text: p.GetText()})
		}
	}
	return m
}

func toolCallsToWire(calls []sdk.ToolCall) []*providerv1.ToolCall {
	var w []*providerv1.ToolCall
	for _, c := range calls {
		w = append(w, &providerv1.ToolCall{Id: c.ID, Name: c.Name, Arguments: c.Arguments})
	}
	return w
}

func toolCallsFromWire(w []*providerv1.ToolCall) []sdk.ToolCall {
	var calls []sdk.ToolCall
	for _, c := range w {
		calls = append(calls, sdk.ToolCall{ID: c.GetId(), Name: c.GetName(), Arguments: c.GetArguments()})
	}
	return calls
}
