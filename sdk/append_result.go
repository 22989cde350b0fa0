package sdk

import (
	"strconv"
	"time"
)

// AppendJSON appends the row, as MarshalJSON writes it, without allocating more
// than b needs. It is for writing many rows.
func (r *Result) AppendJSON(b []byte) []byte {
	b = AppendString(append(b, `{"query_id":`...), r.QueryID)
	b = strconv.AppendInt(append(b, `,"index":`...), r.Index, 10)
	if r.Response != nil {
		b = r.Response.AppendJSON(append(b, `,"response":`...))
	}
	if r.Error != nil {
		b = r.Error.AppendJSON(append(b, `,"error":`...))
	}
	b = strconv.AppendInt(append(b, `,"attempts":`...), int64(r.Attempts), 10)
	b = appendSeconds(append(b, `,"execution_time":`...), r.ExecutionTime)
	b = appendTrue(b, `,"truncated":true`, r.Truncated())
	b = appendTrue(b, `,"degraded":true`, r.Degraded)
	b = appendTrue(b, `,"possibly_billed":true`, r.PossiblyBilled)
	if len(r.Metadata) > 0 {
		b = appendMembers(append(b, `,"metadata":{`...), r.Metadata, AppendString)
		b = append(b, '}')
	}
	b = appendText(b, `,"generator_sha256":`, r.Generator)
	return append(b, '}')
}

// AppendJSON appends the response, as MarshalJSON writes it.
func (r *Response) AppendJSON(b []byte) []byte {
	b = AppendString(append(b, `{"content":`...), r.Content)
	if len(r.ToolCalls) > 0 {
		b = appendList(append(b, `,"tool_calls":`...), r.ToolCalls, ToolCall.appendJSON)
	}
	b = appendText(b, `,"provider":`, r.Provider)
	b = appendText(b, `,"model":`, r.Model)
	b = appendText(b, `,"model_served":`, r.ModelServed)
	if r.Usage != nil {
		b = r.Usage.appendJSON(append(b, `,"usage":`...))
	}
	if r.Cost != nil {
		b = r.Cost.appendJSON(append(b, `,"cost":`...))
	}
	if r.Latency.Round(time.Microsecond) != 0 {
		b = appendSeconds(append(b, `,"latency":`...), r.Latency)
	}
	b = appendText(b, `,"finish_reason":`, string(r.FinishReason))
	b = appendText(b, `,"request_id":`, r.RequestID)
	return append(b, '}')
}

// AppendJSON appends what a result row tells of the error.
func (e *Error) AppendJSON(b []byte) []byte {
	kind := e.Kind
	if kind == "" {
		kind = Internal
	}
	b = AppendString(append(b, `{"kind":`...), string(kind))
	b = appendText(b, `,"message":`, e.Message)
	b = appendText(b, `,"provider":`, e.Provider)
	b = appendText(b, `,"code":`, e.Code)
	if e.Status != 0 {
		b = strconv.AppendInt(append(b, `,"status":`...), int64(e.Status), 10)
	}
	if e.RetryAfter != nil {
		b = appendSeconds(append(b, `,"retry_after":`...), *e.RetryAfter)
	}
	b = appendText(b, `,"request_id":`, e.RequestID)
	if e.Usage != nil {
		b = e.Usage.appendJSON(append(b, `,"usage":`...))
	}
	return append(b, '}')
}

func (u *Usage) appendJSON(b []byte) []byte {
	b = strconv.AppendInt(append(b, `{"prompt_tokens":`...), u.PromptTokens, 10)
	b = strconv.AppendInt(append(b, `,"completion_tokens":`...), u.CompletionTokens, 10)
	for _, part := range [...]struct {
		name string
		n    int64
	}{
		{`,"cached_tokens":`, u.CachedTokens}, {`,"cache_write_tokens":`, u.CacheWriteTokens}, {`,"reasoning_tokens":`, u.ReasoningTokens},
	} {
		if part.n != 0 {
			b = strconv.AppendInt(append(b, part.name...), part.n, 10)
		}
	}
	return append(b, '}')
}

// appendJSON appends dollars as a number, exact to the picodollar.
func (m Money) appendJSON(b []byte) []byte {
	u := uint64(m)
	if m < 0 {
		b, u = append(b, '-'), -u
	}
	b = strconv.AppendUint(b, u/uint64(USD), 10)
	fraction := u % uint64(USD)
	if fraction == 0 {
		return b
	}
	b = append(b, '.')
	for unit := uint64(USD) / 10; fraction > 0; unit /= 10 {
		b = append(b, '0'+byte(fraction/unit))
		fraction %= unit
	}
	return b
}

// appendSeconds appends a duration as seconds, rounded to microseconds: more is
// noise in a row that people read.
func appendSeconds(b []byte, d time.Duration) []byte {
	return strconv.AppendFloat(b, seconds(d), 'f', -1, 64)
}

// appendText appends a member, unless it is empty.
func appendText(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return AppendString(append(b, name...), value)
}

func appendTrue(b []byte, member string, is bool) []byte {
	if is {
		return append(b, member...)
	}
	return b
}
