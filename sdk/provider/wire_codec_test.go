package provider

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/cortexlinux/cortex-host/sdk"
	providerv1 "github.com/cortexlinux/cortex-host/sdk/proto/cortex/provider/v1"
)

// fullQueryOnWire and fullAnswerOnWire are fullQuery and fullAnswer as the
// contract has them.
var fullQueryOnWire = providerv1.CompleteRequest{
	Id: "q1", TaskType: string(sdk.SystemOperation), Model: "m", Temperature: ptr(0.0), MaxTokens: ptr[int32](7),
	Messages: []*providerv1.Message{
		{Role: providerv1.Role_ROLE_SYSTEM, Text: "be brief"},
		{Role: providerv1.Role_ROLE_USER, Parts: []*providerv1.Part{
			{Content: &providerv1.Part_Text{Text: "what?"}},
			{Content: &providerv1.Part_Image{Image: &providerv1.Image{Url: "https://x/a.png", Detail: "low"}}},
		}},
		{Role: providerv1.Role_ROLE_ASSISTANT, ToolCalls: []*providerv1.ToolCall{{Id: "c", Name: "df", Arguments: "{}"}}},
		{Role: providerv1.Role_ROLE_TOOL, ToolCallId: "c", Text: "91%"},
	},
	Metadata:       map[string]string{"a": "b"},
	ResponseFormat: &providerv1.ResponseFormat{Name: "f", Schema: []byte(`{"type":"object"}`)},
	Tools:          []*providerv1.Tool{{Name: "df", Description: "d", Parameters: []byte(`{}`)}},
	ToolChoice:     "df",
	Options:        map[string][]byte{"top_p": []byte("0.5")},
}

var fullAnswer = sdk.Response{
	Content: "a", ModelServed: "m-1", Model: "m", FinishReason: sdk.ToolUse, RequestID: "r", Latency: 1500 * time.Millisecond, Cost: ptr(sdk.Money(5)),
	Usage:     &sdk.Usage{PromptTokens: 1, CompletionTokens: 2, CachedTokens: 3, CacheWriteTokens: 4, ReasoningTokens: 5},
	ToolCalls: []sdk.ToolCall{{ID: "1", Name: "df", Arguments: "{}"}}, RateLimit: fullLimit,
}

var fullAnswerOnWire = providerv1.CompleteResponse{
	Outcome: &providerv1.CompleteResponse_Response{Response: &providerv1.Response{
		Content: "a", ModelServed: "m-1", Model: "m", FinishReason: providerv1.FinishReason_FINISH_REASON_TOOL_USE, RequestId: "r",
		Latency: durationpb.New(1500 * time.Millisecond), CostPicodollars: ptr[int64](5),
		Usage:     &providerv1.Usage{PromptTokens: 1, CompletionTokens: 2, CachedTokens: 3, CacheWriteTokens: 4, ReasoningTokens: 5},
		ToolCalls: []*providerv1.ToolCall{{Id: "1", Name: "df", Arguments: "{}"}},
	}},
	RateLimit: &providerv1.RateLimit{
		Requests:    &providerv1.Window{Limit: ptr[int64](60), Remaining: ptr[int64](0), Reset_: durationpb.New(time.Second)},
		Tokens:      &providerv1.Window{Limit: ptr[int64](1000)},
		InputTokens: &providerv1.Window{Remaining: ptr[int64](9)}, OutputTokens: &providerv1.Window{Reset_: durationpb.New(time.Minute)},
	},
}

var fullFailure = sdk.Error{
	Kind: sdk.RateLimited, Message: "slow down", Code: "c", Status: 429, RetryAfter: ptr(1500 * time.Millisecond), ShouldRetry: ptr(false), RequestID: "r",
	Usage: &sdk.Usage{PromptTokens: 1}, RateLimit: &sdk.RateLimit{Tokens: sdk.Window{Limit: ptr[int64](1000)}},
}

var fullFailureOnWire = providerv1.CompleteResponse{
	Outcome: &providerv1.CompleteResponse_Error{Error: &providerv1.Error{
		Kind: providerv1.ErrorKind_ERROR_KIND_RATE_LIMITED, Message: "slow down", Code: "c", Status: 429,
		RetryAfter: durationpb.New(1500 * time.Millisecond), ShouldRetry: ptr(false), RequestId: "r", Usage: &providerv1.Usage{PromptTokens: 1},
	}},
	RateLimit: &providerv1.RateLimit{Tokens: &providerv1.Window{Limit: ptr[int64](1000)}},
}

// The codec writes and reads what the types write and read that are generated
// from the contract, in every field.
func TestTheCodecKeepsToTheContract(t *testing.T) {
	everyFieldIsSet(t, reflect.ValueOf(fullQuery), "Provider", "Priority") // these are the host's
	everyFieldIsSet(t, reflect.ValueOf(fullAnswer), "Provider")            // so is this
	everyFieldIsSet(t, reflect.ValueOf(fullFailure), "Provider", "Cause")  // and these
	data, err := encodeQuery(nil, &fullQuery)
	if err != nil {
		t.Fatal(err)
	}
	request := new(providerv1.CompleteRequest)
	if err := proto.Unmarshal(data, request); err != nil || !proto.Equal(request, &fullQueryOnWire) {
		t.Errorf("wrote %v, %v\nwant  %v", request, err, &fullQueryOnWire)
	}
	if data, err = proto.Marshal(&fullQueryOnWire); err != nil {
		t.Fatal(err)
	}
	if q, err := decodeQuery(data); err != nil || !reflect.DeepEqual(*q, fullQuery) {
		t.Errorf("read %+v, %v\nwant %+v", q, err, fullQuery)
	}
	for _, c := range []struct {
		wrote   func() ([]byte, error)
		answer  *sdk.Response
		failure *sdk.Error
		onWire  *providerv1.CompleteResponse
	}{
		{func() ([]byte, error) { return encodeAnswer(nil, &fullAnswer) }, &fullAnswer, nil, &fullAnswerOnWire},
		{func() ([]byte, error) { return encodeFailure(&fullFailure), nil }, nil, &fullFailure, &fullFailureOnWire},
	} {
		data, err := c.wrote()
		response := new(providerv1.CompleteResponse)
		if err != nil || proto.Unmarshal(data, response) != nil || !proto.Equal(response, c.onWire) {
			t.Errorf("wrote %v, %v\nwant  %v", response, err, c.onWire)
		}
		if data, err = proto.Marshal(c.onWire); err != nil {
			t.Fatal(err)
		}
		if answer, failure, err := decodeOutcome(data); err != nil || !reflect.DeepEqual(answer, c.answer) || !reflect.DeepEqual(failure, c.failure) {
			t.Errorf("read %+v, %+v, %v\nwant %+v, %+v", answer, failure, err, c.answer, c.failure)
		}
	}
}

// everyFieldIsSet keeps the samples complete when a type gets another field.
func everyFieldIsSet(t *testing.T, v reflect.Value, but ...string) {
	t.Helper()
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; v.Field(i).IsZero() && !strings.Contains(strings.Join(but, " "), name) {
			t.Errorf("the sample has no %s", name)
		}
	}
}

// What is no message is refused, and the error names the field.
func TestWhatTheCodecRefuses(t *testing.T) {
	for data, want := range map[string]string{
		"\x0a":                     "unexpected EOF",
		"\x0a\x05ab":               "unexpected EOF",
		"\x0a\x01\xff":             "field 1 contains invalid UTF-8",
		"\x12\x03\x12\x01\xff":     "field 2: field 2 contains invalid UTF-8",
		"\xf8\xf8\xf8\xf8\x30\x00": "there is no field",
	} {
		if q, err := decodeQuery([]byte(data)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%x: got %+v, %v, want %q", data, q, err, want)
		}
	}
	if _, err := encodeQuery(nil, &sdk.Query{Metadata: map[string]string{"a": "\xff"}}); err == nil {
		t.Error("a text that is none was encoded")
	}
}

// A plugin in another language may write what is legal otherwise than usual.
func TestTheCodecReadsWhatIsLegal(t *testing.T) {
	message := func(number byte, fields ...string) string {
		all := strings.Join(fields, "")
		return string([]byte{number<<3 | 2, byte(len(all))}) + all
	}
	for name, c := range map[string]struct {
		data    string
		answer  *sdk.Response
		failure *sdk.Error
	}{
		"a message in two parts": {message(1, message(1, "a"), message(3, "\x08\x05")) + message(1, message(3, "\x10\x06")),
			&sdk.Response{Content: "a", Usage: &sdk.Usage{PromptTokens: 5, CompletionTokens: 6}}, nil},
		"the other outcome between":    {message(1, message(1, "a")) + message(2) + message(1, message(5, "r")), &sdk.Response{RequestID: "r"}, nil},
		"a field of another type":      {message(1, message(1, "a"), "\x08\x07", message(2, "m")), &sdk.Response{Content: "a", ModelServed: "m"}, nil},
		"the last of two numbers":      {message(1, message(3, "\x08\x05\x08\x06")), &sdk.Response{Usage: &sdk.Usage{PromptTokens: 6}}, nil},
		"defaults, and in any order":   {message(1, message(9), "\x20\x00", message(1, "a")), &sdk.Response{Content: "a"}, nil},
		"the last of two kinds":        {message(2, "\x08\x02\x08\x63"), nil, &sdk.Error{Kind: sdk.Internal}},
		"a wait that is no duration":   {message(2, message(5, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f")), nil, &sdk.Error{Kind: sdk.Internal}},
		"a number longer than needed":  {message(1, "\x20\x81\x80\x00"), &sdk.Response{FinishReason: sdk.Stop}, nil},
		"a kind with more than 32 bit": {message(2, "\x08\x82\x80\x80\x80\x10"), nil, &sdk.Error{Kind: sdk.RateLimited}},
	} {
		answer, failure, err := decodeOutcome([]byte(c.data))
		if err != nil || !reflect.DeepEqual(answer, c.answer) || !reflect.DeepEqual(failure, c.failure) {
			t.Errorf("%s: %+v, %+v, %v; want %+v, %+v", name, answer, failure, err, c.answer, c.failure)
		}
	}
}

// Fields that a later contract may add are skipped.
func TestTheCodecSkipsWhatItDoesNotKnow(t *testing.T) {
	more := []byte("\xfa\x01\x02hi\xf0\x01\x05\xf5\x01abcd\xf3\x01\x08\x01\xf4\x01")
	data, err := encodeQuery(nil, &fullQuery)
	if err != nil {
		t.Fatal(err)
	}
	if q, err := decodeQuery(append(data, more...)); err != nil || !reflect.DeepEqual(*q, fullQuery) {
		t.Errorf("%+v, %v", q, err)
	}
}

// BenchmarkCodec compares what a query and its answer cost to write and to read
// with what the generated types take for the messages alone.
func BenchmarkCodec(b *testing.B) {
	q := &sdk.Query{ID: "q-0000001", Model: "gpt-4o-mini", Messages: []sdk.Message{{Role: sdk.User, Text: strings.Repeat("x", 400)}}}
	r := &sdk.Response{Content: strings.Repeat("y", 400), ModelServed: "gpt-4o-mini-2024-07-18", RequestID: "req-1", FinishReason: sdk.Stop,
		Usage: &sdk.Usage{PromptTokens: 100, CompletionTokens: 80}}
	b.Run("codec", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			request, _ := encodeQuery(nil, q)
			if _, err := decodeQuery(request); err != nil {
				b.Fatal(err)
			}
			answer, _ := encodeAnswer(nil, r)
			if _, _, err := decodeOutcome(answer); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("generated", func(b *testing.B) {
		b.ReportAllocs()
		request, answer := new(providerv1.CompleteRequest), new(providerv1.CompleteResponse)
		data, _ := encodeQuery(nil, q)
		if err := proto.Unmarshal(data, request); err != nil {
			b.Fatal(err)
		}
		data, _ = encodeAnswer(nil, r)
		if err := proto.Unmarshal(data, answer); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			data, _ := proto.Marshal(request)
			_ = proto.Unmarshal(data, new(providerv1.CompleteRequest))
			data, _ = proto.Marshal(answer)
			_ = proto.Unmarshal(data, new(providerv1.CompleteResponse))
		}
	})
}
