package providertest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// faultChecks is the fault matrix: everything that goes wrong upstream, and
// what the plugin must make of it with exactly one request.
func (c *checker) faultChecks() []check {
	var all []check
	add := func(name string, run func(context.Context) error) {
		all = append(all, check{Faults, name, run})
	}
	for _, e := range c.errorReplies() {
		add("error: "+e.Name, func(ctx context.Context) error { return c.errorReply(ctx, e) })
	}
	for _, w := range waits {
		add("retry-after: "+w.name, func(ctx context.Context) error { return c.wait(ctx, w) })
	}
	for _, f := range brokenReplies {
		add("fault: "+f.name, func(ctx context.Context) error {
			_, err := c.fault(ctx, f.reply, f.kinds...)
			return err
		})
	}
	for _, o := range c.fixture.Upstream.Finish {
		add("finish: "+o.Name, func(ctx context.Context) error { return c.finish(ctx, o) })
	}
	add("x-should-retry", c.shouldRetry)
	add("rate-limit headers", c.rateLimit)
	add("request id", c.requestID)
	add("redirect to another host", c.redirect)
	add("nobody listens", c.nobodyListens)
	add("invalid TLS", c.invalidTLS)
	add("TLS with a CA of its own", c.ownCA)
	return all
}

// statuses are those that mean the same with every vendor.
var statuses = map[int]sdk.Kind{
	400: sdk.InvalidRequest, 401: sdk.Unauthenticated, 402: sdk.QuotaExhausted, 403: sdk.PermissionDenied, 404: sdk.NotFound,
	408: sdk.InDoubt, 409: sdk.Conflict, 413: sdk.InvalidRequest, 422: sdk.InvalidRequest, 429: sdk.RateLimited,
	500: sdk.InDoubt, 502: sdk.InDoubt, 503: sdk.Overloaded, 504: sdk.InDoubt, 529: sdk.Overloaded,
}

// errorReplies are the fixture's, and the usual statuses that it leaves out.
func (c *checker) errorReplies() []ErrorReply {
	listed := map[int]bool{}
	var all []ErrorReply
	for _, e := range c.fixture.Upstream.Errors {
		listed[e.Status] = true
		if e.Name == "" {
			e.Name = fmt.Sprintf("%d %s", e.Status, e.Kind)
		}
		all = append(all, e)
	}
	for status := 400; status < 600; status++ {
		if kind, ok := statuses[status]; ok && !listed[status] {
			all = append(all, ErrorReply{Name: fmt.Sprintf("%d without a body of the vendor's", status), Status: status, Body: []byte("{}"), Kind: kind})
		}
	}
	return all
}

func (c *checker) errorReply(ctx context.Context, want ErrorReply) error {
	e, err := c.fault(ctx, upstream.Reply{Status: want.Status, Body: want.Body}, want.Kind)
	if err != nil {
		return err
	}
	if want.Status != http.StatusOK && e.Status != want.Status {
		return fmt.Errorf("the status is %d, the upstream answered %d", e.Status, want.Status)
	}
	if want.Code != "" && e.Code != want.Code {
		return fmt.Errorf("the code is %q, want %q", e.Code, want.Code)
	}
	if !strings.Contains(e.Message, want.Says) {
		return fmt.Errorf("the error does not say %q: %w", want.Says, e)
	}
	if want.RetryAfter > 0 {
		return wantWait(e, time.Duration(want.RetryAfter*float64(time.Second)))
	}
	return nil
}

// waits are the forms of Retry-After. A date is made when it is sent.
var waits = []struct {
	name   string
	header func() http.Header
	want   time.Duration
}{
	{"seconds", header("Retry-After", "7"), 7 * time.Second},
	{"fraction", header("Retry-After", "0.5"), 500 * time.Millisecond},
	{"milliseconds", header("Retry-After-Ms", "1500"), 1500 * time.Millisecond},
	{"date", func() http.Header {
		return http.Header{"Retry-After": {time.Now().Add(60 * time.Second).UTC().Format(http.TimeFormat)}}
	}, 60 * time.Second},
	{"date in the past", header("Retry-After", "Mon, 01 Jan 2024 00:00:00 GMT"), 0},
	{"not a number", header("Retry-After", "NaN"), 0},
	{"infinite", header("Retry-After", "Inf"), 0},
	{"negative", header("Retry-After", "-5"), 0},
	{"words", header("Retry-After", "soon"), 0},
	{"none", header("X-Nothing", "1"), 0},
}

func header(name, value string) func() http.Header {
	return func() http.Header { return http.Header{name: {value}} }
}

func (c *checker) wait(ctx context.Context, w struct {
	name   string
	header func() http.Header
	want   time.Duration
}) error {
	reply := upstream.Reply{Status: 429, Body: []byte("{}"), Header: w.header()}
	for _, e := range c.fixture.Upstream.Errors {
		if e.Kind == sdk.RateLimited && e.RetryAfter == 0 {
			reply.Status, reply.Body = e.Status, e.Body
		}
	}
	e, err := c.fault(ctx, reply, sdk.RateLimited)
	if err != nil {
		return err
	}
	return wantWait(e, w.want)
}

func wantWait(e *sdk.Error, want time.Duration) error {
	switch {
	case want == 0 && e.RetryAfter != nil:
		return fmt.Errorf("a wait of %v, though the upstream asked for none that makes sense", *e.RetryAfter)
	case want == 0:
		return nil
	case e.RetryAfter == nil:
		return fmt.Errorf("no wait, though the upstream asked for %v", want)
	}
	// A date has whole seconds.
	if d := *e.RetryAfter - want; d < -3*time.Second || d > time.Second || want < 10*time.Second && d != 0 {
		return fmt.Errorf("a wait of %v, the upstream asked for %v", *e.RetryAfter, want)
	}
	return nil
}

var brokenReplies = []struct {
	name  string
	reply upstream.Reply
	kinds []sdk.Kind
}{
	{"reset before the reply", upstream.Reply{Fault: upstream.ResetBefore}, []sdk.Kind{sdk.InDoubt}},
	{"reset inside the reply", upstream.Reply{Fault: upstream.ResetInside}, []sdk.Kind{sdk.InDoubt}},
	{"end inside the reply", upstream.Reply{Fault: upstream.CloseInside}, []sdk.Kind{sdk.InDoubt}},
	{"truncated JSON", upstream.Reply{Fault: upstream.CutJSON}, []sdk.Kind{sdk.BadResponse, sdk.InDoubt}},
	{"no JSON", upstream.Reply{Body: []byte("<html>It works!</html>")}, []sdk.Kind{sdk.BadResponse}},
	{"empty body", upstream.Reply{Body: []byte{}}, []sdk.Kind{sdk.BadResponse}},
	{"empty object", upstream.Reply{Body: []byte("{}")}, []sdk.Kind{sdk.BadResponse}},
	{"200 with an error body", upstream.Reply{Body: []byte(`{"error":{"message":"conformance"}}`)}, []sdk.Kind{sdk.BadResponse}},
	{"slow bytes", upstream.Reply{Fault: upstream.SlowBytes}, []sdk.Kind{sdk.InDoubt}},
	{"endless body", upstream.Reply{Fault: upstream.Endless}, []sdk.Kind{sdk.BadResponse, sdk.InDoubt}},
}

// fault lets the upstream send one reply and wants an error of these kinds, of
// one request. Slow bytes are given up after a second.
func (c *checker) fault(ctx context.Context, reply upstream.Reply, kinds ...sdk.Kind) (e *sdk.Error, err error) {
	err = c.with(ctx, func(i Instance) error {
		c.vendor.SetScript(upstream.Always(reply))
		before := c.vendor.Stats().Requests
		limit := 30 * time.Second
		if reply.Fault == upstream.SlowBytes {
			limit = 300 * time.Millisecond
		}
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		start := time.Now()
		r, err := i.Complete(ctx, c.fixture.query(""))
		if took := time.Since(start); took > limit+promptly {
			return fmt.Errorf("it took %v", took.Round(time.Millisecond))
		}
		if e, err = c.wantError(r, err, kinds...); err != nil {
			return err
		}
		if n := c.vendor.Stats().Requests - before; n != 1 {
			return fmt.Errorf("one Complete made %d requests: retries are the host's", n)
		}
		return nil
	})
	return e, err
}

func (c *checker) finish(ctx context.Context, o Outcome) error {
	return c.with(ctx, func(i Instance) error {
		// No header names the request: some vendors do it in the body.
		c.vendor.SetScript(upstream.Always(upstream.Reply{Body: o.Body, Header: http.Header{"X-Request-Id": nil}}))
		r, err := i.Complete(ctx, c.fixture.query(""))
		if o.Kind != "" {
			e, err := c.wantError(r, err, o.Kind)
			if err != nil {
				return err
			}
			return o.carried(e)
		}
		if err != nil {
			return err
		}
		if r.FinishReason != o.Reason {
			return fmt.Errorf("the finish reason is %q, want %q", r.FinishReason, o.Reason)
		}
		return contains(r, o.Response)
	})
}

// carried says what the error lacks of what the body tells.
func (o *Outcome) carried(e *sdk.Error) error {
	switch {
	case o.Usage != nil && e.Usage == nil:
		return errors.New("the error carries no usage, though the upstream reported it")
	case o.Usage != nil && *e.Usage != *o.Usage:
		return fmt.Errorf("the error's usage is %+v, the upstream reported %+v", *e.Usage, *o.Usage)
	case o.RequestID != "" && e.RequestID != o.RequestID:
		return fmt.Errorf("the error's request id is %q, want %q", e.RequestID, o.RequestID)
	case !strings.Contains(e.Message, o.Says):
		return fmt.Errorf("the error does not say %q: %w", o.Says, e)
	}
	return nil
}

func (c *checker) shouldRetry(ctx context.Context) error {
	e, err := c.fault(ctx, upstream.Reply{Status: 500, Header: http.Header{"X-Should-Retry": {"false"}}}, sdk.InDoubt)
	if err != nil {
		return err
	}
	if e.ShouldRetry == nil || *e.ShouldRetry {
		return errors.New("x-should-retry: false is not passed on")
	}
	return nil
}

func (c *checker) rateLimit(ctx context.Context) error {
	want := c.fixture.Upstream.RateLimit
	if want == nil {
		return skip("the fixture has no rate_limit")
	}
	h := http.Header{}
	for name, value := range want.Headers {
		h.Set(name, value)
	}
	says := func(r *sdk.RateLimit) error {
		if r == nil || r.Requests.Limit == nil || *r.Requests.Limit != want.Limit || r.Requests.Remaining == nil || *r.Requests.Remaining != want.Remaining {
			return errors.New("the limits in the headers are not passed on")
		}
		return nil
	}
	err := c.with(ctx, func(i Instance) error {
		c.vendor.SetScript(upstream.Always(upstream.Reply{Header: h}))
		r, err := i.Complete(ctx, c.fixture.query(""))
		if err != nil {
			return err
		}
		return says(r.RateLimit)
	})
	if err != nil {
		return err
	}
	e, err := c.fault(ctx, upstream.Reply{Status: 500, Header: h}, sdk.InDoubt)
	if err != nil {
		return err
	}
	return says(e.RateLimit)
}

func (c *checker) requestID(ctx context.Context) error {
	name := c.fixture.Upstream.RequestID
	if name == "" {
		return skip("the fixture has no request_id")
	}
	h := http.Header{"X-Request-Id": nil} // nothing but the vendor's own
	h.Set(name, "conformance-request")
	e, err := c.fault(ctx, upstream.Reply{Status: 500, Header: h}, sdk.InDoubt)
	if err != nil {
		return err
	}
	if e.RequestID != "conformance-request" {
		return fmt.Errorf("an error's request id is %q", e.RequestID)
	}
	return c.with(ctx, func(i Instance) error {
		c.vendor.SetScript(upstream.Always(upstream.Reply{Header: h}))
		r, err := i.Complete(ctx, c.fixture.query(""))
		if err == nil && r.RequestID != "conformance-request" {
			err = fmt.Errorf("a response's request id is %q", r.RequestID)
		}
		return err
	})
}
