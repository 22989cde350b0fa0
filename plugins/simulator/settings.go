package main

import (
	"math"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
)

// settings are the properties of config.schema.json.
type settings struct {
	Seed                uint64               `json:"seed"`
	Latency             string               `json:"latency"`
	Distribution        string               `json:"latency_distribution"`
	Spread              *float64             `json:"latency_spread"`
	RequestsPerSecond   float64              `json:"requests_per_second"`
	Burst               int64                `json:"burst"`
	TokensPerMinute     int64                `json:"tokens_per_minute"`
	MaxConcurrent       int64                `json:"max_concurrent"`
	RateLimitHeaders    *bool                `json:"rate_limit_headers"`
	ErrorRates          map[sdk.Kind]float64 `json:"error_rates"`
	ErrorRetryAfter     string               `json:"error_retry_after"`
	PromptTokens        *int64               `json:"prompt_tokens"`
	CompletionTokens    int64                `json:"completion_tokens"`
	CompletionTokensMax int64                `json:"completion_tokens_max"`
}

const (
	maxTokens  = 1_000_000 // of one answer
	maxLatency = 24 * time.Hour
)

// newBackend checks the settings. Its errors name the property and the fix.
func newBackend(raw sdk.Settings) (*backend, error) {
	s := settings{CompletionTokens: 32}
	if err := httpapi.DecodeSettings(raw, &s); err != nil {
		return nil, sdk.Errorf(sdk.InvalidRequest, "%w", err)
	}
	latency, err := newLatency(s.Latency, s.Distribution, s.Spread)
	if err != nil {
		return nil, err
	}
	faults, err := newFaults(s.ErrorRates, s.ErrorRetryAfter)
	if err != nil {
		return nil, err
	}
	limits, err := newLimits(&s)
	if err != nil {
		return nil, err
	}
	least, most := s.CompletionTokens, max(s.CompletionTokens, s.CompletionTokensMax)
	switch {
	case least < 1 || most > maxTokens:
		return nil, invalid("completion_tokens, completion_tokens_max: set them from 1 to %d", maxTokens)
	case s.CompletionTokensMax != 0 && s.CompletionTokensMax < least:
		return nil, invalid("completion_tokens_max: %d is less than completion_tokens, %d", s.CompletionTokensMax, least)
	case s.PromptTokens != nil && (*s.PromptTokens < 0 || *s.PromptTokens > math.MaxInt32):
		return nil, invalid("prompt_tokens: set it from 0 to %d", math.MaxInt32)
	}
	return &backend{
		seed: s.Seed, latency: latency, faults: faults, limits: limits,
		promptTokens: s.PromptTokens, leastTokens: least, mostTokens: most,
	}, nil
}

// parseDuration reads a property that is a duration; empty is 0.
func parseDuration(property, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > maxLatency {
		return 0, invalid("%s: %q is no duration from 0s to 24h; write it like 80ms", property, text)
	}
	return d, nil
}

func invalid(format string, args ...any) error {
	return sdk.Errorf(sdk.InvalidRequest, format, args...)
}
