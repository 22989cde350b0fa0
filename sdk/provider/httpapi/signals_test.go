package httpapi_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// Real replies say the same thing in several ways at once. Here each name, phrase
// and status stands alone: every one of them is enough.

func TestEachNameIsEnough(t *testing.T) {
	for kind, names := range map[sdk.Kind]string{
		sdk.QuotaExhausted:   "insufficient_quota billing_hard_limit_reached project_spend_limit_exceeded exceeded_current_quota_error insufficient_credits insufficient_balance",
		sdk.Unauthenticated:  "API_KEY_INVALID invalid_api_key authentication_error invalid_authentication_error UNAUTHENTICATED",
		sdk.ContentFiltered:  "content_filter content_policy_violation ResponsibleAIPolicyViolation moderation_blocked",
		sdk.ContextLength:    "context_length_exceeded exceed_context_size_error",
		sdk.NotFound:         "model_not_found DeploymentNotFound",
		sdk.Overloaded:       "overloaded_error engine_overloaded_error",
		sdk.RateLimited:      "slow_down rate_limit_exceeded RESOURCE_EXHAUSTED",
		sdk.PermissionDenied: "PERMISSION_DENIED permission_error",
	} {
		for name := range strings.FieldsSeq(names) {
			for _, body := range []string{`{"error":{"code":"` + name + `"}}`, `{"error":{"type":"` + name + `"}}`, `{"error":{"status":"` + name + `"}}`, `{"error":{"innererror":{"code":"` + name + `"}}}`, `{"object":"error","code":"` + name + `"}`} {
				if e := httpapi.StatusError(400, nil, []byte(body)); e.Kind != kind || e.Code != name {
					t.Errorf("%s: got %s, code %q, want %s", body, e.Kind, e.Code, string(kind))
				}
			}
		}
	}
}

func TestEachPhraseIsEnough(t *testing.T) {
	for kind, phrases := range map[sdk.Kind][]string{
		sdk.QuotaExhausted:  {"Your credit balance is too low", "You exceeded your current quota, please check your plan", "Out of call volume quota"},
		sdk.Unauthenticated: {"API key not valid", "API key expired"},
		sdk.ContextLength:   {"the maximum context length is 5", "prompt is too long", "exceeds the maximum number of tokens", "exceeds maximum context", "exceeds the available context"},
	} {
		for _, phrase := range phrases {
			list := `[{"msg":"` + phrase + `"}]`
			for body, says := range map[string]string{
				`{"error":{"message":"` + phrase + `"}}`: phrase, `{"error":"` + phrase + `"}`: phrase, `{"message":"` + phrase + `"}`: phrase,
				`{"detail":"` + phrase + `"}`: phrase, `{"detail":` + list + `}`: list, phrase: phrase,
			} {
				if e := httpapi.StatusError(400, nil, []byte(body)); e.Kind != kind || e.Message != says {
					t.Errorf("%s: got %s %q, want %s %q", body, e.Kind, e.Message, string(kind), says)
				}
			}
		}
	}
	if e := httpapi.StatusError(400, nil, []byte(`{"error":{"message":"x","details":[{"reason":"API_KEY_INVALID"}]}}`)); e.Kind != sdk.Unauthenticated {
		t.Errorf("a reason among the details: got %s", e.Kind)
	}
	if e := httpapi.StatusError(429, nil, []byte(`{"error":{"message":"the engine is overloaded"}}`)); e.Kind != sdk.Overloaded {
		t.Errorf("overloaded, at 429: got %s", e.Kind)
	}
	if e := httpapi.StatusError(403, nil, []byte(`{"error":{"code":"not_found"}}`)); e.Kind != sdk.NotFound {
		t.Errorf("not_found, at 403: got %s", e.Kind)
	}
}

func TestEachStatusIsEnough(t *testing.T) {
	for kind, statuses := range map[sdk.Kind][]int{
		sdk.Unauthenticated: {401}, sdk.QuotaExhausted: {402}, sdk.PermissionDenied: {403}, sdk.NotFound: {404, 301, 302, 303, 307, 308},
		sdk.InDoubt: {408, 499, 500, 502, 504, 520, 524, 599}, sdk.Conflict: {409}, sdk.RateLimited: {429}, sdk.Overloaded: {503, 529, 498},
		sdk.InvalidRequest: {400, 405, 406, 411, 413, 414, 415, 418, 422, 431},
	} {
		for _, status := range statuses {
			if e := httpapi.StatusError(status, nil, nil); e.Kind != kind {
				t.Errorf("%d: got %s, want %s", status, e.Kind, string(kind))
			}
		}
	}
}

// A successful status with an error inside is what the error says, with all that
// the headers tell.
func TestBodyError(t *testing.T) {
	h := http.Header{"X-Request-Id": {"r-1"}, "X-Ratelimit-Limit-Requests": {"60"}}
	for _, c := range []struct {
		body string
		more http.Header
		kind sdk.Kind
		code string
		wait time.Duration
		says string
	}{
		{`{"error":{"message":"slow","code":429}}`, nil, sdk.RateLimited, "", 0, "slow"},
		{`{"error":{"message":"slow","code":429}}`, http.Header{"Retry-After": {"7"}}, sdk.RateLimited, "", 7 * time.Second, "slow"},
		{`{"error":{"code":"rate_limit_exceeded","details":[{"retryDelay":"9s"}]}}`, nil, sdk.RateLimited, "rate_limit_exceeded", 9 * time.Second, ""},
		{`{"error":{"message":"what?","code":"odd"}}`, nil, sdk.BadResponse, "odd", 0, "what?"},
		{`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, nil, sdk.Overloaded, "overloaded_error", 0, "Overloaded"},
		{`{"object":"error","message":"no","type":"x"}`, nil, sdk.BadResponse, "x", 0, "no"},
		{`{"success":false,"errors":[{"code":3040,"message":"overloaded"}]}`, nil, sdk.BadResponse, "", 0, "overloaded"},
		{`{"error":"what?"}`, nil, sdk.BadResponse, "", 0, "what?"},
		{`{"answer":"?"}`, nil, sdk.BadResponse, "", 0, "neither an answer nor an error"},
	} {
		reply := upstream.Reply{Body: []byte(c.body), Header: h.Clone()}
		for name, values := range c.more {
			reply.Header[name] = values
		}
		s := start(t, upstream.Config{Script: upstream.Always(reply)})
		r, err := dial(t, httpapi.Config{BaseURL: s.URL()}).Post(t.Context(), "/x", []byte(question))
		if err != nil {
			t.Fatal(err)
		}
		e := r.BodyError()
		r.Close()
		if e.Kind != c.kind || e.Code != c.code || !strings.Contains(e.Message, c.says) || e.Status != 200 || e.RequestID != "r-1" {
			t.Errorf("%s: got %+v", c.body, e)
		}
		if neither := "neither an answer nor an error"; c.says != neither && strings.Contains(e.Message, neither) {
			t.Errorf("%s: its error is not found: %s", c.body, e.Message)
		}
		if e.RateLimit == nil || e.RateLimit.Requests.Limit == nil || *e.RateLimit.Requests.Limit != 60 {
			t.Errorf("%s: limits %+v", c.body, e.RateLimit)
		}
		if (e.RetryAfter == nil) != (c.wait == 0) || e.RetryAfter != nil && *e.RetryAfter != c.wait {
			t.Errorf("%s: wait %v, want %v", c.body, e.RetryAfter, c.wait)
		}
	}
}

func TestGetAsksOnceWithoutABody(t *testing.T) {
	s := start(t, upstream.Config{Key: "k"})
	c := dial(t, httpapi.Config{BaseURL: s.URL() + "/v1?version=1", Header: http.Header{"Authorization": {"Bearer k"}}})
	reply, err := c.Get(t.Context(), "/models", "limit=2")
	if err != nil {
		t.Fatal(err)
	}
	var list struct{ Data []struct{ ID string } }
	if err := reply.Decode(&list); err != nil || len(list.Data) != 2 || list.Data[0].ID != "mock-1" {
		t.Errorf("got %+v, %v", list, err)
	}
	reply.Close()
	r := s.Requests()
	if len(r) != 1 || r[0].Method != http.MethodGet || r[0].Path != "/v1/models" || r[0].RawQuery != "version=1&limit=2" || len(r[0].Body) > 0 {
		t.Errorf("got %+v", r)
	}
	s.SetScript(upstream.Always(upstream.Reply{Status: 503}))
	if _, err := c.Get(t.Context(), "/models", ""); !errors.Is(err, sdk.Overloaded) {
		t.Errorf("got %v", err)
	}
}
