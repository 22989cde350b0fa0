package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

const (
	// ollamaPatience is how long an Ollama may take to say what it has. It is
	// on this machine, and where there is none the connection is refused.
	ollamaPatience  = 500 * time.Millisecond
	ollamaMostBytes = 1 << 20
)

// ollamaModels asks the Ollama of these settings for its models, the one that
// changed last first. An error means that none runs there.
func ollamaModels(ctx context.Context, s sdk.Settings) ([]string, error) {
	var base string
	if err := json.Unmarshal(s[baseURL], &base); err != nil {
		return nil, err
	}
	root, err := ollamaRoot(base)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, ollamaPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, root+"/api/tags", nil)
	if err != nil {
		return nil, err
	}
	// No proxy is asked about this machine, and no redirect leads off it.
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("HTTP %d", resp.StatusCode)
	}
	var tags map[string]json.RawMessage
	if err := json.NewDecoder(io.LimitReader(resp.Body, ollamaMostBytes)).Decode(&tags); err != nil {
		return nil, err
	}
	list, ok := tags["models"]
	if !ok {
		return nil, errors.New("its /api/tags has no list of models")
	}
	var models []struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(list, &models); err != nil {
		return nil, err
	}
	var names []string
	for _, m := range models {
		if m.Name != "" {
			names = append(names, m.Name)
		}
	}
	return names, nil
}

// ollamaRoot reads a base URL in the forms of OLLAMA_HOST: a host, host:port, or
// a URL with or without /v1.
func ollamaRoot(base string) (string, error) {
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	u, err := url.Parse(base)
	if err != nil {
		return "", err
	}
	if u.Port() == "" {
		u.Host += ":11434"
	}
	// An Ollama that listens on every address is reached at this machine's own.
	u.Host = strings.Replace(u.Host, "0.0.0.0:", "127.0.0.1:", 1)
	u.Path = strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), "/v1")
	return strings.TrimSuffix(u.String(), "/"), nil
}
