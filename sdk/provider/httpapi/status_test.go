package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
)

// The bodies are those that the vendors send, or document.
func TestStatusError(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		body   string
		kind   sdk.Kind
		code   string
		says   string // part of the message
	}{
		// OpenAI
		{"openai 401", 401, `{"error":{"message":"Incorrect API key provided: sk-abc***xyz.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`, sdk.Unauthenticated, "invalid_api_key", "Incorrect API key"},
		{"openai 429 rate", 429, `{"error":{"message":"Rate limit reached for gpt-4o on tokens per min (TPM)","type":"tokens","param":null,"code":"rate_limit_exceeded"}}`, sdk.RateLimited, "rate_limit_exceeded", "TPM"},
		{"openai 429 quota", 429, `{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`, sdk.QuotaExhausted, "insufficient_quota", "quota"},
		{"openai billing hard limit", 400, `{"error":{"message":"Billing hard limit has been reached","type":"invalid_request_error","param":null,"code":"billing_hard_limit_reached"}}`, sdk.QuotaExhausted, "billing_hard_limit_reached", ""},
		{"openai spend limit", 429, `{"error":{"message":"limit","type":"x","code":"project_spend_limit_exceeded"}}`, sdk.QuotaExhausted, "project_spend_limit_exceeded", ""},
		{"openai slow down", 503, `{"error":{"message":"Slow Down","type":"server_error","code":"slow_down"}}`, sdk.RateLimited, "slow_down", ""},
		{"openai context", 400, `{"error":{"message":"This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}`, sdk.ContextLength, "context_length_exceeded", ""},
		{"openai model", 404, `{"error":{"message":"The model 'gpt-9' does not exist or you do not have access to it.","type":"invalid_request_error","param":null,"code":"model_not_found"}}`, sdk.NotFound, "model_not_found", ""},
		{"openai model of another project", 403, `{"error":{"message":"Project does not have access to model","type":"invalid_request_error","code":"model_not_found"}}`, sdk.NotFound, "model_not_found", ""},
		{"openai parameter", 400, `{"error":{"message":"Unsupported value: 'temperature' does not support 0.2 with this model.","type":"invalid_request_error","param":"temperature","code":"unsupported_value"}}`, sdk.InvalidRequest, "unsupported_value", "temperature"},
		{"openai 500", 500, `{"error":{"message":"The server had an error while processing your request.","type":"server_error","param":null,"code":null}}`, sdk.InDoubt, "server_error", ""},
		{"openai region", 403, `{"error":{"code":"unsupported_country_region_territory","message":"Country, region, or territory not supported","param":null,"type":"request_forbidden"}}`, sdk.PermissionDenied, "unsupported_country_region_territory", ""},
		// Azure
		{"azure filter", 400, `{"error":{"message":"The response was filtered","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":true}}}}}`, sdk.ContentFiltered, "ResponsibleAIPolicyViolation", ""},
		{"azure 429", 429, `{"error":{"code":"429","message":"Requests to the ChatCompletions_Create Operation have exceeded call rate limit. Please retry after 20 seconds."}}`, sdk.RateLimited, "", "retry after 20"},
		{"azure 401", 401, `{"error":{"code":"401","message":"Access denied due to invalid subscription key or wrong API endpoint."}}`, sdk.Unauthenticated, "", "subscription key"},
		{"azure deployment", 404, `{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}`, sdk.NotFound, "DeploymentNotFound", ""},
		{"azure quota", 403, `{"error":{"code":"403","message":"Out of call volume quota. Quota will be replenished in 10 days."}}`, sdk.QuotaExhausted, "", ""},
		// Anthropic
		{"anthropic 401", 401, `{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"},"request_id":"req_1"}`, sdk.Unauthenticated, "authentication_error", "x-api-key"},
		{"anthropic 403", 403, `{"type":"error","error":{"type":"permission_error","message":"Your API key does not have permission"}}`, sdk.PermissionDenied, "permission_error", ""},
		{"anthropic 404", 404, `{"type":"error","error":{"type":"not_found_error","message":"model: claude-9"}}`, sdk.NotFound, "not_found_error", "claude-9"},
		{"anthropic 413", 413, `{"type":"error","error":{"type":"request_too_large","message":"Request exceeds the maximum size"}}`, sdk.InvalidRequest, "request_too_large", ""},
		{"anthropic 429", 429, `{"type":"error","error":{"type":"rate_limit_error","message":"This request would exceed your organization's rate limit of 50 requests per minute"}}`, sdk.RateLimited, "rate_limit_error", ""},
		{"anthropic 529", 529, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, sdk.Overloaded, "overloaded_error", "Overloaded"},
		{"anthropic overloaded as 500", 500, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, sdk.Overloaded, "overloaded_error", ""},
		{"anthropic 500", 500, `{"type":"error","error":{"type":"api_error","message":"Internal server error"}}`, sdk.InDoubt, "api_error", ""},
		{"anthropic too long", 400, `{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 205000 tokens > 200000 maximum"}}`, sdk.ContextLength, "invalid_request_error", ""},
		{"anthropic no credit", 400, `{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API."}}`, sdk.QuotaExhausted, "invalid_request_error", ""},
		{"anthropic billing", 402, `{"type":"error","error":{"type":"billing_error","message":"x"}}`, sdk.QuotaExhausted, "billing_error", ""},
		{"anthropic invalid", 400, `{"type":"error","error":{"type":"invalid_request_error","message":"max_tokens: Field required"}}`, sdk.InvalidRequest, "invalid_request_error", "Field required"},
		// Gemini
		{"gemini key", 400, `{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com"}]}}`, sdk.Unauthenticated, "INVALID_ARGUMENT", "API key not valid"},
		{"gemini rate", 429, `{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":"m","quotaId":"GenerateRequestsPerMinutePerProjectPerModel-FreeTier"}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"30s"}]}}`, sdk.RateLimited, "RESOURCE_EXHAUSTED", ""},
		{"gemini rate, no wait told", 429, `{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details.","status":"RESOURCE_EXHAUSTED"}}`, sdk.RateLimited, "RESOURCE_EXHAUSTED", ""},
		{"gemini day", 429, `{"error":{"code":429,"message":"You exceeded your current quota","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}]}}`, sdk.QuotaExhausted, "RESOURCE_EXHAUSTED", ""},
		{"gemini array", 429, `[{"error":{"code":429,"message":"Resource has been exhausted","status":"RESOURCE_EXHAUSTED"}}]`, sdk.RateLimited, "RESOURCE_EXHAUSTED", ""},
		{"gemini busy", 503, `{"error":{"code":503,"message":"The model is overloaded. Please try again later.","status":"UNAVAILABLE"}}`, sdk.Overloaded, "UNAVAILABLE", ""},
		{"gemini 504", 504, `{"error":{"code":504,"message":"Deadline expired","status":"DEADLINE_EXCEEDED"}}`, sdk.InDoubt, "DEADLINE_EXCEEDED", ""},
		{"gemini 403", 403, `{"error":{"code":403,"message":"Permission denied","status":"PERMISSION_DENIED"}}`, sdk.PermissionDenied, "PERMISSION_DENIED", ""},
		{"gemini 404", 404, `{"error":{"code":404,"message":"models/x is not found","status":"NOT_FOUND"}}`, sdk.NotFound, "NOT_FOUND", ""},
		{"gemini context", 400, `{"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}`, sdk.ContextLength, "INVALID_ARGUMENT", ""},
		// Groq
		{"groq rate", 429, `{"error":{"message":"Rate limit reached for model in organization on requests per minute (RPM): Limit 30","type":"requests","code":"rate_limit_exceeded"}}`, sdk.RateLimited, "rate_limit_exceeded", ""},
		{"groq too large", 413, `{"error":{"message":"Request too large for model on tokens per minute (TPM): Limit 6000, Requested 9000","type":"tokens","code":"rate_limit_exceeded"}}`, sdk.InvalidRequest, "rate_limit_exceeded", ""},
		{"groq flex", 498, `{"error":{"message":"Flex tier capacity exceeded","type":"capacity"}}`, sdk.Overloaded, "capacity", ""},
		{"groq 401", 401, `{"error":{"message":"Invalid API Key","type":"invalid_request_error","code":"invalid_api_key"}}`, sdk.Unauthenticated, "invalid_api_key", ""},
		// Mistral
		{"mistral 401", 401, `{"message":"Unauthorized","request_id":"x"}`, sdk.Unauthenticated, "", "Unauthorized"},
		{"mistral 422", 422, `{"detail":[{"type":"missing","loc":["body","messages"],"msg":"Field required"}]}`, sdk.InvalidRequest, "", "Field required"},
		{"mistral 429", 429, `{"object":"error","message":"Requests rate limit exceeded","type":"rate_limited","param":null,"code":"1300"}`, sdk.RateLimited, "rate_limited", ""},
		{"mistral model", 400, `{"object":"error","message":"Invalid model: x","type":"invalid_model","param":null,"code":"1500"}`, sdk.InvalidRequest, "invalid_model", ""},
		// Ollama
		{"ollama model", 404, `{"error":{"message":"model \"x\" not found, try pulling it first","type":"api_error","param":null,"code":null}}`, sdk.NotFound, "api_error", "pulling"},
		{"ollama native", 404, `{"error":"model 'x' not found"}`, sdk.NotFound, "", "model 'x'"},
		{"ollama busy", 503, `{"error":"server busy, please try again.  maximum pending requests exceeded"}`, sdk.Overloaded, "", "server busy"},
		// vLLM
		{"vllm old", 400, `{"object":"error","message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","param":null,"code":400}`, sdk.ContextLength, "BadRequestError", ""},
		{"vllm", 404, `{"error":{"message":"The model x does not exist.","type":"NotFoundError","param":null,"code":404}}`, sdk.NotFound, "NotFoundError", ""},
		// OpenRouter
		{"openrouter credits", 402, `{"error":{"code":402,"message":"Insufficient credits"}}`, sdk.QuotaExhausted, "", "credits"},
		{"openrouter upstream", 429, `{"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"x is temporarily rate-limited upstream","provider_name":"P"}},"user_id":"u"}`, sdk.RateLimited, "", "temporarily"},
		{"openrouter moderation", 403, `{"error":{"code":403,"message":"flagged","metadata":{"reasons":["violence"],"flagged_input":"..."}}}`, sdk.ContentFiltered, "content_policy_violation", "flagged"},
		// Moonshot
		{"moonshot quota", 429, `{"error":{"message":"Your account is suspended, please check your plan and billing details","type":"exceeded_current_quota_error"}}`, sdk.QuotaExhausted, "exceeded_current_quota_error", ""},
		{"moonshot busy", 429, `{"error":{"message":"The engine is currently overloaded, please try again later","type":"engine_overloaded_error"}}`, sdk.Overloaded, "engine_overloaded_error", ""},
		{"moonshot rate", 429, `{"error":{"message":"max RPM reached","type":"rate_limit_reached_error"}}`, sdk.RateLimited, "rate_limit_reached_error", ""},
		{"moonshot 401", 401, `{"error":{"message":"Invalid Authentication","type":"invalid_authentication_error"}}`, sdk.Unauthenticated, "invalid_authentication_error", ""},
		// Cloudflare
		{"cloudflare 401", 401, `{"success":false,"errors":[{"code":10000,"message":"Authentication error"}],"messages":[],"result":null}`, sdk.Unauthenticated, "", "Authentication error"},
		{"cloudflare 429", 429, `{"success":false,"errors":[{"code":3040,"message":"Capacity temporarily exceeded"}]}`, sdk.RateLimited, "", "Capacity temporarily exceeded"},
		{"no errors among the errors", 400, `{"errors":[],"message":"what?"}`, sdk.InvalidRequest, "", "what?"},
		{"errors that are texts", 400, `{"errors":["what?"]}`, sdk.InvalidRequest, "", "what?"},
		// Everything else
		{"a form of its own", 429, `{"Status":{"Reason":"no more neurons today"}}`, sdk.RateLimited, "", `too many requests: {"Status":{"Reason":"no more neurons today"}}`},
		{"gateway html", 502, "<html>\r\n<head><title>502 Bad Gateway</title></head>", sdk.InDoubt, "", "502 Bad Gateway"},
		{"empty", 503, "", sdk.Overloaded, "", "service unavailable"},
		{"408", 408, "", sdk.InDoubt, "", ""},
		{"409", 409, "", sdk.Conflict, "", ""},
		{"418", 418, "", sdk.InvalidRequest, "", ""},
		{"fields of other types", 400, `{"error":{"message":{"a":1},"type":["x"],"code":{"b":2}}}`, sdk.InvalidRequest, "", "bad request"},
		{"null", 500, `{"error":null}`, sdk.InDoubt, "", ""},
		{"lines and colours", 400, `{"error":{"message":"bad\r\n\u001b[31mfield"}}`, sdk.InvalidRequest, "", "bad [31mfield"},
		{"a long story", 400, `{"error":{"message":"` + strings.Repeat("x", 5000) + `"}}`, sdk.InvalidRequest, "", strings.Repeat("x", 1000) + "..."},
		{"a prompt that talks", 400, `{"error":{"message":"bad field: the server is overloaded"}}`, sdk.InvalidRequest, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := httpapi.StatusError(c.status, http.Header{"X-Request-Id": {"r1"}, "X-Ratelimit-Limit-Requests": {"60"}}, []byte(c.body))
			if e.Kind != c.kind || e.Code != c.code || !strings.Contains(e.Message, c.says) || e.Status != c.status || e.RequestID != "r1" || e.Message == "" {
				t.Errorf("got %s code %q: %v", e.Kind, e.Code, e)
			}
			if e.RateLimit == nil || e.RateLimit.Requests.Limit == nil || *e.RateLimit.Requests.Limit != 60 {
				t.Errorf("limits %+v", e.RateLimit)
			}
		})
	}
}

func TestStatusErrorWaits(t *testing.T) {
	const gemini = `{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"30.5s"}]}}`
	for _, c := range []struct {
		name   string
		header http.Header
		body   string
		want   time.Duration
	}{
		{"body", nil, gemini, 30500 * time.Millisecond},
		{"header before body", http.Header{"Retry-After": {"2"}}, gemini, 2 * time.Second},
		{"nonsense in the body", nil, strings.Replace(gemini, "30.5s", "-1s", 1), 0},
		{"infinity in the body", nil, strings.Replace(gemini, "30.5s", "Inf", 1), 0},
		{"a number in the body", nil, strings.Replace(gemini, `"30.5s"`, "7", 1), 7 * time.Second},
	} {
		e := httpapi.StatusError(429, c.header, []byte(c.body))
		if got := e.RetryAfter; (got == nil) != (c.want == 0) || got != nil && *got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestShouldRetry(t *testing.T) {
	for value, want := range map[string]string{"true": "true", "false": "false", "": "unset", "maybe": "unset"} {
		e := httpapi.StatusError(500, http.Header{"X-Should-Retry": {value}}, nil)
		got := "unset"
		if e.ShouldRetry != nil {
			got = map[bool]string{true: "true", false: "false"}[*e.ShouldRetry]
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", value, got, want)
		}
	}
}

func FuzzStatusError(f *testing.F) {
	f.Add(429, "1", `{"error":{"message":"x","code":429,"details":[{"retryDelay":"3s"}]}}`)
	f.Add(400, "", `[{"error":"x"}]`)
	f.Add(500, "Tue, 29 Oct 2024 16:56:32 GMT", "<html>\x1b[31m")
	f.Fuzz(func(t *testing.T, status int, wait, body string) {
		e := httpapi.StatusError(status, http.Header{"Retry-After": {wait}}, []byte(body))
		if e.Kind == "" || len(e.Message) > 2048 || strings.ContainsAny(e.Message+e.Code, "\x1b\n\r\x00") {
			t.Errorf("got %q %q", e.Kind, e.Message)
		}
		if e.RetryAfter != nil && (*e.RetryAfter <= 0 || *e.RetryAfter > 366*24*time.Hour) {
			t.Errorf("a wait of %v", *e.RetryAfter)
		}
	})
}
