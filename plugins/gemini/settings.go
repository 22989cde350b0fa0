package main

import (
	"net/http"
	"strings"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
)

// settings are the properties of config.schema.json.
type settings struct {
	APIKey  string            `json:"api_key"`
	BaseURL string            `json:"base_url"`
	Model   string            `json:"model"`
	Headers map[string]string `json:"headers"`
	CAFile  string            `json:"ca_file"`
}

// session is one configuration at work. It never changes: Configure makes a
// new one, and calls that are under way keep theirs.
type session struct {
	client *httpapi.Client
	model  string
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
	base.Path = strings.TrimSuffix(base.Path, "/v1beta")
	header, secrets := s.header()
	if len(secrets) == 0 && !httpapi.Loopback(base) {
		return nil, sdk.Errorf(sdk.Unauthenticated, "api_key: %s wants a key; set GEMINI_API_KEY or the property api_key", base.Hostname())
	}
	client, err := httpapi.New(httpapi.Config{BaseURL: base.String(), Header: header, Secrets: secrets, CA: s.CAFile})
	if err != nil {
		return nil, sdk.Errorf(sdk.InvalidRequest, "api_key, headers or ca_file: %w", err)
	}
	return &session{client: client, model: s.Model}, nil
}

// header returns the headers of every request, and those values in them that
// must never be shown.
func (s *settings) header() (http.Header, []string) {
	h := http.Header{"User-Agent": {"cortex-provider-gemini/" + version}}
	var secrets []string
	if s.APIKey != "" {
		h.Set("X-Goog-Api-Key", s.APIKey)
		secrets = append(secrets, s.APIKey)
	}
	for name, value := range s.Headers {
		h[http.CanonicalHeaderKey(name)] = []string{value}
		if httpapi.SecretHeader(name) {
			secrets = append(secrets, strings.TrimPrefix(value, "Bearer "))
		}
	}
	return h, secrets
}
