package httpapi_test

import (
	"fmt"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func TestRetryAfter(t *testing.T) {
	const none = 0
	date := func(d time.Duration) string { return noon.Add(d).Format(http.TimeFormat) }
	for i, c := range []struct {
		header http.Header
		want   time.Duration
	}{
		{http.Header{}, none},
		{http.Header{"Retry-After": {""}}, none},
		// seconds
		{http.Header{"Retry-After": {"2"}}, 2 * time.Second},
		{http.Header{"Retry-After": {" 2 "}}, 2 * time.Second},
		{http.Header{"Retry-After": {"+2"}}, 2 * time.Second},
		{http.Header{"Retry-After": {"0.25"}}, 250 * time.Millisecond},
		{http.Header{"Retry-After": {"1e1"}}, 10 * time.Second},
		{http.Header{"Retry-After": {"86400"}}, 24 * time.Hour},
		{http.Header{"Retry-After": {"0.0000000001"}}, time.Nanosecond},
		{http.Header{"Retry-After": {"2", "9"}}, 2 * time.Second},
		// nonsense
		{http.Header{"Retry-After": {"0"}}, none},
		{http.Header{"Retry-After": {"-1"}}, none},
		{http.Header{"Retry-After": {"-0.5"}}, none},
		{http.Header{"Retry-After": {"NaN"}}, none},
		{http.Header{"Retry-After": {"Inf"}}, none},
		{http.Header{"Retry-After": {"-Inf"}}, none},
		{http.Header{"Retry-After": {"Infinity"}}, none},
		{http.Header{"Retry-After": {"1e300"}}, none},
		{http.Header{"Retry-After": {"1e400"}}, none},
		{http.Header{"Retry-After": {"99999999999999999999"}}, none},
		{http.Header{"Retry-After": {"soon"}}, none},
		{http.Header{"Retry-After": {"2s"}}, none},
		{http.Header{"Retry-After": {"0x10"}}, none},
		// milliseconds
		{http.Header{"Retry-After-Ms": {"1500"}}, 1500 * time.Millisecond},
		{http.Header{"Retry-After-Ms": {"0.5"}}, 500 * time.Microsecond},
		{http.Header{"X-Ms-Retry-After-Ms": {"20"}}, 20 * time.Millisecond},
		{http.Header{"Retry-After-Ms": {"1500"}, "Retry-After": {"9"}}, 1500 * time.Millisecond},
		{http.Header{"Retry-After-Ms": {"NaN"}, "Retry-After": {"9"}}, 9 * time.Second},
		{http.Header{"Retry-After-Ms": {"-5"}, "Retry-After": {"9"}}, 9 * time.Second},
		// dates
		{http.Header{"Retry-After": {date(30 * time.Second)}}, 30 * time.Second},
		{http.Header{"Retry-After": {date(-time.Second)}}, none},
		{http.Header{"Retry-After": {date(0)}}, none},
		{http.Header{"Retry-After": {date(400 * 24 * time.Hour)}}, none},
		{http.Header{"Retry-After": {noon.Add(5 * time.Second).Format(time.RFC850)}}, 5 * time.Second},
		{http.Header{"Retry-After": {noon.Add(5 * time.Second).Format(time.ANSIC)}}, 5 * time.Second},
		{http.Header{"Retry-After": {"Tue, 99 Nov 2026 12:00:00 GMT"}}, none},
		// a vendor whose clock is an hour ahead, or nonsense
		{http.Header{"Retry-After": {date(time.Hour + 7*time.Second)}, "Date": {date(time.Hour)}}, 7 * time.Second},
		{http.Header{"Retry-After": {date(7 * time.Second)}, "Date": {"yesterday"}}, 7 * time.Second},
	} {
		got := httpapi.RetryAfter(c.header, noon)
		if (got == nil) != (c.want == none) || got != nil && *got != c.want {
			t.Errorf("%d: %v: got %v, want %v", i, c.header, got, c.want)
		}
	}
}

func TestRateLimit(t *testing.T) {
	for _, c := range []struct {
		name   string
		header http.Header
		want   string
	}{
		{"nothing", http.Header{}, "<nil>"},
		{"openai", http.Header{
			"X-Ratelimit-Limit-Requests": {"60"}, "X-Ratelimit-Remaining-Requests": {"59"}, "X-Ratelimit-Reset-Requests": {"1s"},
			"X-Ratelimit-Limit-Tokens": {"150000"}, "X-Ratelimit-Remaining-Tokens": {"149984"}, "X-Ratelimit-Reset-Tokens": {"6m0s"}},
			"requests 60 59 1s, tokens 150000 149984 6m0s"},
		{"milliseconds", http.Header{"X-Ratelimit-Limit-Requests": {"10000"}, "X-Ratelimit-Reset-Requests": {"20ms"}}, "requests 10000 ? 20ms"},
		{"groq", http.Header{"X-Ratelimit-Limit-Requests": {"14400"}, "X-Ratelimit-Remaining-Requests": {"0"}, "X-Ratelimit-Reset-Requests": {"2m59.56s"}}, "requests 14400 0 2m59.56s"},
		{"days and bare seconds", http.Header{"X-Ratelimit-Reset-Requests": {"1d2h"}, "X-Ratelimit-Reset-Tokens": {"12.5"}}, "requests ? ? 26h0m0s, tokens ? ? 12.5s"},
		{"azure", http.Header{"X-Ratelimit-Limit-Requests": {"-1"}, "X-Ratelimit-Remaining-Requests": {"-1"}, "X-Ratelimit-Remaining-Tokens": {"99"}}, "tokens ? 99 ?"},
		{"zero is unknown", http.Header{"X-Ratelimit-Limit-Requests": {"0"}}, "<nil>"},
		{"nonsense", http.Header{"X-Ratelimit-Limit-Requests": {"many"}, "X-Ratelimit-Reset-Requests": {"-3s"}, "X-Ratelimit-Reset-Tokens": {"NaN"}, "X-Ratelimit-Remaining-Tokens": {"1e3"}}, "<nil>"},
		{"anthropic", http.Header{
			"Anthropic-Ratelimit-Requests-Limit": {"50"}, "Anthropic-Ratelimit-Requests-Remaining": {"49"}, "Anthropic-Ratelimit-Requests-Reset": {"2026-11-24T12:00:02Z"},
			"Anthropic-Ratelimit-Input-Tokens-Limit": {"40000"}, "Anthropic-Ratelimit-Output-Tokens-Remaining": {"7000"}},
			"requests 50 49 2s, input 40000 ? ?, output ? 7000 ?"},
		{"anthropic, in the past", http.Header{"Anthropic-Ratelimit-Requests-Reset": {"2026-11-24T11:00:00Z"}}, "requests ? ? 0s"},
		{"anthropic, another clock", http.Header{"Date": {noon.Add(time.Hour).Format(http.TimeFormat)}, "Anthropic-Ratelimit-Tokens-Reset": {"2026-11-24T13:00:04Z"}}, "tokens ? ? 4s"},
	} {
		if got := show(httpapi.RateLimit(c.header, noon)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func show(r *sdk.RateLimit) string {
	if r == nil {
		return "<nil>"
	}
	s := ""
	for _, w := range []struct {
		name string
		sdk.Window
	}{{"requests", r.Requests}, {"tokens", r.Tokens}, {"input", r.InputTokens}, {"output", r.OutputTokens}} {
		if w.Window == (sdk.Window{}) {
			continue
		}
		if s != "" {
			s += ", "
		}
		s += fmt.Sprintf("%s %s %s %s", w.name, value(w.Limit), value(w.Remaining), value(w.Reset))
	}
	return s
}

func value[T any](p *T) string {
	if p == nil {
		return "?"
	}
	return fmt.Sprint(*p)
}

func FuzzHeaders(f *testing.F) {
	f.Add("1", "60", "1s", "2026-11-24T12:00:02Z", "Tue, 24 Nov 2026 12:00:00 GMT")
	f.Add("NaN", "-1", "1d2h", "x", "")
	f.Add("1e309", "99999999999999999999", "9999999d", "9999-12-31T23:59:59Z", "Mon, 01 Jan 0001 00:00:00 GMT")
	f.Fuzz(func(t *testing.T, wait, count, reset, at, date string) {
		if d := httpapi.RetryAfter(http.Header{"Retry-After": {wait}, "Retry-After-Ms": {count}, "Date": {date}}, noon); d != nil && *d <= 0 {
			t.Errorf("a wait of %v", *d)
		}
		for _, h := range []http.Header{
			{"X-Ratelimit-Limit-Requests": {count}, "X-Ratelimit-Remaining-Tokens": {count}, "X-Ratelimit-Reset-Requests": {reset}},
			{"Anthropic-Ratelimit-Tokens-Limit": {count}, "Anthropic-Ratelimit-Tokens-Reset": {at}, "Date": {date}},
		} {
			r := httpapi.RateLimit(h, noon)
			if r == nil {
				continue
			}
			for _, w := range []sdk.Window{r.Requests, r.Tokens} {
				if w.Limit != nil && *w.Limit <= 0 || w.Remaining != nil && *w.Remaining < 0 || w.Reset != nil && *w.Reset < 0 {
					t.Errorf("got %s", show(r))
				}
			}
		}
	})
}

// A request's id is under one of the usual names, or under the vendor's own.
func TestRequestID(t *testing.T) {
	for _, c := range []struct {
		own    string
		header http.Header
		want   string
	}{
		{"", http.Header{}, ""},
		{"", http.Header{"Request-Id": {"a"}}, "a"},
		{"", http.Header{"X-Request-Id": {"a"}, "Cf-Ray": {"b"}}, "a"},
		{"", http.Header{"Apim-Request-Id": {"a"}}, "a"},
		{"", http.Header{"X-Goog-Request-Id": {"a"}}, "a"},
		{"", http.Header{"X-Amzn-Requestid": {"a"}}, "a"},
		{"", http.Header{"Mistral-Correlation-Id": {"a"}}, "a"},
		{"", http.Header{"Cf-Ray": {"a"}}, "a"},
		{"x-trace", http.Header{"X-Trace": {"a"}, "X-Request-Id": {"b"}}, "a"},
		{"x-trace", http.Header{"X-Request-Id": {"b"}}, "b"},
	} {
		h := http.Header{"X-Request-Id": nil} // the mock's own
		maps.Copy(h, c.header)
		for _, status := range []int{200, 429} {
			s := start(t, upstream.Config{Script: upstream.Always(upstream.Reply{Status: status, Header: h, Body: []byte(`{"error":"x"}`)})})
			reply, err := dial(t, httpapi.Config{BaseURL: s.URL(), RequestIDHeader: c.own}).Post(t.Context(), "/x", []byte(question))
			ids := []string{}
			if err == nil {
				ids = append(ids, reply.RequestID(), reply.BodyError().RequestID)
				reply.Close()
			} else {
				ids = append(ids, sdk.AsError(err, sdk.Internal).RequestID)
			}
			for _, id := range ids {
				if id != c.want {
					t.Errorf("%d, own name %q, %v: got %q", status, c.own, c.header, id)
				}
			}
		}
	}
}
