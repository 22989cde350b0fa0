package main

import (
	"net"
	"net/http"
	"strings"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
)

// settings are the properties of config.schema.json.
type settings struct {
	APIKey       string            `json:"api_key"`
	BaseURL      string            `json:"base_url"`
	Model        string            `json:"model"`
	Organization string            `json:"organization"`
	Project      string            `json:"project"`
	Headers      map[string]string `json:"headers"`
	CAFile       string            `json:"ca_file"`
	Server       string            `json:"server"`
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
	s := settings{Server: "openai"}
	if err := httpapi.DecodeSettings(raw, &s); err != nil {
		return nil, sdk.Errorf(sdk.InvalidRequest, "%w", err)
	}
	switch s.Server {
	case "ollama":
		s.BaseURL = ollamaURL(s.BaseURL)
	case "openai":
		if s.BaseURL == "" {
			s.BaseURL = defaultBaseURL
		}
		if s.Model == "" {
			s.Model = defaultModel
		}
	default:
		return nil, sdk.Errorf(sdk.InvalidRequest, "server: %q is unknown; set it to openai or ollama", s.Server)
	}
	base, err := httpapi.ParseBaseURL(s.BaseURL)
	if err != nil {
		return nil, sdk.Errorf(sdk.InvalidRequest, "base_url: %w", err)
	}
	header, secrets := s.header()
	if len(secrets) == 0 && s.Server != "ollama" && !httpapi.Loopback(base) {
		return nil, sdk.Errorf(sdk.Unauthenticated,
			"api_key: %s wants a key; set OPENAI_API_KEY (the preset kimi: MOONSHOT_API_KEY) or the property api_key", base.Hostname())
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
	h := http.Header{"User-Agent": {"cortex-provider-openai/" + version}}
	var secrets []string
	if s.APIKey != "" {
		h.Set("Authorization", "Bearer "+s.APIKey)
		secrets = append(secrets, s.APIKey)
	}
	if s.Organization != "" {
		h.Set("OpenAI-Organization", s.Organization)
	}
	if s.Project != "" {
		h.Set("OpenAI-Project", s.Project)
	}
	for name, value := range s.Headers {
		h[http.CanonicalHeaderKey(name)] = []string{value}
		if httpapi.SecretHeader(name) {
			secrets = append(secrets, strings.TrimPrefix(value, "Bearer "))
		}
	}
	return h, secrets
}

// ollamaURL reads a base URL in the forms of OLLAMA_HOST: a host, host:port,
// :port or a URL, with or without a path. 0.0.0.0 is where a server listens;
// a client reaches it on loopback.
func ollamaURL(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		s = ollamaBaseURL
	}
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		scheme, rest = "http", s
	}
	authority, path, _ := strings.Cut(rest, "/")
	host, port, err := net.SplitHostPort(authority)
	if err != nil {
		host, port = strings.Trim(authority, "[]"), ""
		if !ok {
			port = "11434"
		}
	}
	switch host {
	case "", "0.0.0.0":
		host = "127.0.0.1"
	case "::":
		host = "::1"
	}
	if port != "" {
		authority = net.JoinHostPort(host, port)
	} else if authority = host; strings.Contains(host, ":") {
		authority = "[" + host + "]"
	}
	if path = strings.Trim(path, "/"); path == "" {
		path = "v1"
	}
	return scheme + "://" + authority + "/" + path
}
