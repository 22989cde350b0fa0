package provider

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/cortexlinux/cortex-host/sdk"
	providerv1 "github.com/cortexlinux/cortex-host/sdk/proto/cortex/provider/v1"
)

// What came of a query, as messages CompleteResponse.

// answerRoom is what the fields of an answer take beside its texts.
const answerRoom = 128

// encodeAnswer appends to buf.
func encodeAnswer(buf []byte, r *sdk.Response) ([]byte, error) {
	e := encoder{buf: slices.Grow(buf, answerRoom+len(r.Content)+len(r.ModelServed)+len(r.RequestID))}
	e.message(1, func() { e.response(r) })
	e.rateLimit(3, r.RateLimit)
	return e.buf, e.err
}

func encodeFailure(failure *sdk.Error) []byte {
	var e encoder
	e.message(2, func() { e.failure(failure) })
	e.rateLimit(3, failure.RateLimit)
	return e.buf
}

// failure never fails itself: what is no text in it is replaced.
func (e *encoder) failure(f *sdk.Error) {
	valid := func(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
	kind, known := kinds[f.Kind]
	if !known {
		kind = providerv1.ErrorKind_ERROR_KIND_INTERNAL
	}
	e.integer(1, int64(kind))
	e.text(2, valid(f.Message))
	e.text(3, valid(f.Code))
	e.integer(4, int64(int32(f.Status)))
	if f.RetryAfter != nil {
		e.duration(5, *f.RetryAfter)
	}
	if f.ShouldRetry != nil {
		e.optional(6, int64(protowire.EncodeBool(*f.ShouldRetry)))
	}
	e.text(7, valid(f.RequestID))
	e.usage(8, f.Usage)
}

func (e *encoder) response(r *sdk.Response) {
	e.text(1, r.Content)
	e.text(2, r.ModelServed)
	e.usage(3, r.Usage)
	e.integer(4, int64(finishReasons[r.FinishReason]))
	e.text(5, r.RequestID)
	if r.Cost != nil {
		e.optional(6, int64(*r.Cost))
	}
	if r.Latency > 0 {
		e.duration(7, r.Latency)
	}
	e.toolCalls(8, r.ToolCalls)
	e.text(9, r.Model)
}

func (e *encoder) usage(n protowire.Number, u *sdk.Usage) {
	if u == nil {
		return
	}
	e.message(n, func() {
		e.integer(1, u.PromptTokens)
		e.integer(2, u.CompletionTokens)
		e.integer(3, u.CachedTokens)
		e.integer(4, u.CacheWriteTokens)
		e.integer(5, u.ReasoningTokens)
	})
}

func (e *encoder) duration(n protowire.Number, d time.Duration) {
	e.message(n, func() {
		e.integer(1, int64(d/time.Second))
		e.integer(2, int64(d%time.Second))
	})
}

func (e *encoder) rateLimit(n protowire.Number, r *sdk.RateLimit) {
	if r.Empty() {
		return
	}
	e.message(n, func() {
		e.window(1, r.Requests)
		e.window(2, r.Tokens)
		e.window(3, r.InputTokens)
		e.window(4, r.OutputTokens)
	})
}

func (e *encoder) window(n protowire.Number, w sdk.Window) {
	if w == (sdk.Window{}) {
		return
	}
	e.message(n, func() {
		if w.Limit != nil {
			e.optional(1, *w.Limit)
		}
		if w.Remaining != nil {
			e.optional(2, *w.Remaining)
		}
		if w.Reset != nil {
			e.duration(3, *w.Reset)
		}
	})
}

// decodeOutcome returns an answer or a failure, or neither if the message has
// none. It distrusts the plugin.
func decodeOutcome(data []byte) (*sdk.Response, *sdk.Error, error) {
	answer, failure, err := readOutcome(data)
	if err == nil {
		return answer, failure, nil
	}
	usual, other := plainly(data, new(providerv1.CompleteResponse))
	if other != nil {
		return nil, nil, err // it names the field
	}
	return readOutcome(usual)
}

// readOutcome reads an outcome that is written as usual.
func readOutcome(data []byte) (*sdk.Response, *sdk.Error, error) {
	var answer *sdk.Response
	var failure *sdk.Error
	var limit *sdk.RateLimit
	f := fields{rest: data}
	for f.next() {
		switch f.num {
		case 1:
			answer, failure = f.response(), nil
		case 2:
			answer, failure = nil, f.failure()
		case 3:
			limit = f.rateLimit()
		}
	}
	if answer != nil {
		answer.RateLimit = limit
	}
	if failure != nil {
		failure.RateLimit = limit
	}
	return answer, failure, f.err
}

// failure reads a message Error.
func (f *fields) failure() *sdk.Error {
	failure := &sdk.Error{Kind: sdk.Internal}
	in := f.single()
	for in.next() {
		switch in.num {
		case 1:
			failure.Kind = cmp.Or(kindsFromWire[providerv1.ErrorKind(in.integer())], sdk.Internal)
		case 2:
			failure.Message = in.text()
		case 3:
			failure.Code = in.text()
		case 4:
			failure.Status = int(int32(in.integer()))
		case 5:
			failure.RetryAfter = atLeast(1, in.duration())
		case 6:
			failure.ShouldRetry = new(protowire.DecodeBool(uint64(in.integer())))
		case 7:
			failure.RequestID = in.text()
		case 8:
			failure.Usage = in.usage()
		}
	}
	f.adopt(in.err)
	return failure
}

func (f *fields) response() *sdk.Response {
	r := new(sdk.Response)
	in := f.single()
	for in.next() {
		switch in.num {
		case 1:
			r.Content = in.text()
		case 2:
			r.ModelServed = in.text()
		case 3:
			r.Usage = in.usage()
		case 4:
			r.FinishReason = finishReasonsFromWire[providerv1.FinishReason(in.integer())]
		case 5:
			r.RequestID = in.text()
		case 6:
			r.Cost = new(sdk.Money(max(0, in.integer())))
		case 7:
			r.Latency = max(0, in.duration())
		case 8:
			r.ToolCalls = append(r.ToolCalls, in.toolCall())
		case 9:
			r.Model = in.text()
		}
	}
	f.adopt(in.err)
	return r
}

func (f *fields) usage() *sdk.Usage {
	u := new(sdk.Usage)
	in := f.single()
	for in.next() {
		switch in.num {
		case 1:
			u.PromptTokens = count(in.integer())
		case 2:
			u.CompletionTokens = count(in.integer())
		case 3:
			u.CachedTokens = count(in.integer())
		case 4:
			u.CacheWriteTokens = count(in.integer())
		case 5:
			u.ReasoningTokens = count(in.integer())
		}
	}
	f.adopt(in.err)
	return u
}

// count is a number of tokens: never negative, nor so large that sums overflow.
func count(n int64) int64 { return min(max(0, n), 1<<40) }

// duration is negative for one that is none.
func (f *fields) duration() time.Duration {
	var d durationpb.Duration
	in := f.single()
	for in.next() {
		switch in.num {
		case 1:
			d.Seconds = in.integer()
		case 2:
			d.Nanos = int32(in.integer())
		}
	}
	f.adopt(in.err)
	if !d.IsValid() {
		return -1
	}
	return d.AsDuration()
}

// rateLimit returns nil for one that says nothing.
func (f *fields) rateLimit() *sdk.RateLimit {
	r := new(sdk.RateLimit)
	in := f.single()
	for in.next() {
		switch in.num {
		case 1:
			r.Requests = in.window()
		case 2:
			r.Tokens = in.window()
		case 3:
			r.InputTokens = in.window()
		case 4:
			r.OutputTokens = in.window()
		}
	}
	f.adopt(in.err)
	if r.Empty() {
		return nil
	}
	return r
}

func (f *fields) window() sdk.Window {
	var w sdk.Window
	in := f.single()
	for in.next() {
		switch in.num {
		case 1:
			w.Limit = atLeast(1, in.integer())
		case 2:
			w.Remaining = atLeast(0, in.integer())
		case 3:
			w.Reset = atLeast(0, in.duration())
		}
	}
	f.adopt(in.err)
	return w
}

// atLeast returns nil for nonsense.
func atLeast[N int64 | time.Duration](least, n N) *N {
	if n < least {
		return nil
	}
	return &n
}
