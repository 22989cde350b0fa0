package main

import (
	"context"
	_ "embed"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider"
	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
)

const version = "0.1.0"

//go:embed config.schema.json
var configSchema []byte

var _ provider.Plugin = (*Provider)(nil)

// Provider is the plugin. The zero value is ready for Configure. It is safe for
// concurrent use.
type Provider struct {
	session atomic.Pointer[session]
}

// session is one configuration at work. Configure makes a new one; calls that
// are under way keep theirs.
type session struct {
	client *httpapi.Client
	model  string
}

// settings are the properties of config.schema.json.
type settings struct {
	APIKey  string `json:"api_key"`
	BaseURL string `json:"base_url"`
	Model   string `json:"model"`
	CAFile  string `json:"ca_file"`
}

// Describe implements provider.Plugin.
func (p *Provider) Describe() sdk.Description {
	return sdk.Description{
		Name:         "cohere",
		Version:      version,
		Summary:      "Cohere's Command models, by the v2 chat API",
		Models:       []sdk.Model{{ID: "command-a-03-2025"}},
		ConfigSchema: configSchema,
		EgressHosts:  []string{"api.cohere.com"},
	}
}

// Configure implements provider.Plugin.
func (p *Provider) Configure(_ context.Context, raw sdk.Settings) error {
	s := settings{BaseURL: "https://api.cohere.com", Model: "command-a-03-2025"}
	if err := httpapi.DecodeSettings(raw, &s); err != nil {
		return sdk.Errorf(sdk.InvalidRequest, "%w", err)
	}
	base, err := httpapi.ParseBaseURL(s.BaseURL)
	if err != nil {
		return sdk.Errorf(sdk.InvalidRequest, "base_url: %w", err)
	}
	if s.APIKey == "" && !httpapi.Loopback(base) {
		return sdk.Errorf(sdk.Unauthenticated, "api_key: not set; set CO_API_KEY")
	}
	header := http.Header{}
	if s.APIKey != "" {
		header.Set("Authorization", "Bearer "+s.APIKey)
	}
	client, err := httpapi.New(httpapi.Config{BaseURL: s.BaseURL, Header: header, Secrets: []string{s.APIKey}, CA: s.CAFile})
	if err != nil {
		return sdk.Errorf(sdk.InvalidRequest, "api_key or ca_file: %w", err)
	}
	if last := p.session.Swap(&session{client: client, model: s.Model}); last != nil {
		last.client.Close()
	}
	return nil
}

// Complete implements sdk.Provider: one query, one HTTP call, no retry.
func (p *Provider) Complete(ctx context.Context, q *sdk.Query) (*sdk.Response, error) {
	s := p.session.Load()
	if s == nil {
		return nil, sdk.Errorf(sdk.Internal, "asked before it was configured")
	}
	model := q.Model
	if model == "" {
		model = s.model
	}
	body, err := newRequest(model, q)
	if err != nil {
		return nil, err
	}
	reply, err := s.client.Post(ctx, "/v2/chat", body)
	if err != nil {
		return nil, refine(err)
	}
	defer reply.Close()
	return read(reply, model)
}

// refine knows what cohere says in words only.
func refine(err error) error {
	e := sdk.AsError(err, sdk.Internal)
	switch {
	case e.Kind == sdk.RateLimited && strings.Contains(e.Message, "/ month"):
		e.Kind = sdk.QuotaExhausted
	case e.Kind == sdk.InvalidRequest && strings.HasPrefix(e.Message, "too many tokens"):
		e.Kind = sdk.ContextLength
	}
	return e
}

// read turns a reply with a successful status into a response, or into the
// error that it holds nevertheless.
func read(reply *httpapi.Reply, model string) (*sdk.Response, error) {
	var a answer
	if err := reply.Decode(&a); err != nil {
		return nil, err
	}
	response := &sdk.Response{
		Model:     model,
		Latency:   reply.Latency,
		RequestID: a.ID,
		RateLimit: reply.RateLimit(),
	}
	for _, c := range a.Message.Content {
		if c.Type == "text" {
			response.Content += c.Text
		}
	}
	for _, c := range a.Message.ToolCalls {
		response.ToolCalls = append(response.ToolCalls, sdk.ToolCall{ID: c.ID, Name: c.Function.Name, Arguments: c.Function.Arguments})
	}
	if a.Usage != nil {
		response.Usage = &sdk.Usage{PromptTokens: int64(a.Usage.Tokens.In), CompletionTokens: int64(a.Usage.Tokens.Out), CachedTokens: int64(a.Usage.Cached)}
	}
	switch {
	case a.FinishReason == "MAX_TOKENS":
		response.FinishReason = sdk.Length
	case a.FinishReason == "TOOL_CALL":
		response.FinishReason = sdk.ToolUse
	case a.FinishReason == "ERROR_TOXIC":
		response.FinishReason = sdk.Filtered
	case a.FinishReason == "ERROR", a.FinishReason == "TIMEOUT":
		return nil, reply.Errorf(sdk.InDoubt, "cohere ended the reply with %s", a.FinishReason)
	case response.Content == "":
		return nil, reply.BodyError()
	default:
		response.FinishReason = sdk.Stop
	}
	return response, nil
}
