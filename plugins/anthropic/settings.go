package main

import (
	"net/http"
	"strings"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
)

// settings are the properties of config.schema.json.
type settings struct {
	APIKey    string            `json:"api_key"`
	AuthToken string            `json:"auth_token"`
	BaseURL   string            `json:"base_url"`
	Model     string            `json:"model"`
	MaxTokens *int              `json:"max_tokens"`
	Headers   map[string]string `json:"headers"`
	CAFile    string            `json:"ca_file"`
}

// session is one configuration at work. It never changes: Configure makes a
// new one, and calls that are under way keep theirs.
type session struct {
	client    *httpapi.Client
	model     string
	maxTokens *int
}

// newSession checks settings and readies the client. Its errors name the
// property and the fix.
func newSession(raw sdk.Settings) (*session, error) {
	s := settings{BaseURL: defaultBaseURL, Model: defaultModel}
	if err := httpapi.DecodeSettings(raw, &s); err != nil {
		return nil, sdk.Errorf(sdk.InvalidRequest, "%w", err)
	}
	base, err := httpapi.ParseBaseURL(s.BaseURL)
	if err != nil {
		return nil, sdk.Errorf(sdk.InvalidRequest, "base_url: %w", err)
	}
	// The variable is often set with the version, which the path has already.
	base.Path = strings.TrimSuffix(base.Path, "/v1")
	if s.MaxTokens != nil && *s.MaxTokens < 1 {
		return nil, sdk.Errorf(sdk.InvalidRequest, "max_tokens: must be at least 1, not %d", *s.MaxTokens)
	}
	if s.APIKey == "" && s.AuthToken == "" && !httpapi.Loopback(base) {
		return nil, sdk.Errorf(sdk.Unauthenticated, "api_key: %s wants a key; set ANTHROPIC_API_KEY or the property api_key", base.Hostname())
	}
	header, secrets := s.header()
	client, err := httpapi.New(httpapi.Config{BaseURL: base.String(), Header: header, Secrets: secrets, CA: s.CAFile})
	if err != nil {
		return nil, sdk.Errorf(sdk.InvalidRequest, "api_key, headers or ca_file: %w", err)
	}
	return &session{client: client, model: s.Model, maxTokens: s.MaxTokens}, nil
}

// header returns the headers of every request, and those values in them that
// must never be shown.
func (s *settings) header() (http.Header, []string) {
	h := http.Header{
		"User-Agent":        {"cortex-provider-anthropic/" + version},
		"Anthropic-Version": {apiVersion},
	}
	var secrets []string
	if s.APIKey != "" {
		h.Set("X-Api-Key", s.APIKey)
		secrets = append(secrets, s.APIKey)
	}
	if s.AuthToken != "" {
		h.Set("Authorization", "Bearer "+s.AuthToken)
		secrets = append(secrets, s.AuthToken)
	}
	for name, value := range s.Headers {
		h[http.CanonicalHeaderKey(name)] = []string{value}
		if httpapi.SecretHeader(name) {
			secrets = append(secrets, strings.TrimPrefix(value, "Bearer "))
		}
	}
	return h, secrets
}
