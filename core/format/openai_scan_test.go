package format

import (
	"reflect"
	"testing"

	"github.com/cortexlinux/cortex-host/sdk"
)

const ordinaryLine = `{"custom_id":"r1","method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-5","messages":[{"role":"system","content":"Be\nbrief."},{"role":"user","content":"é"}],` +
	`"max_completion_tokens":50,"temperature":0.5,"top_p":0.5,"seed":null,"metadata":{"a":"b"},"tools":[{"type":"function"}]}}`

// What the fast way accepts is what encoding/json makes of it.
func FuzzScanOpenAIAgrees(f *testing.F) {
	line := func(body string) string {
		return `{"custom_id":"r","method":"POST","url":"/v1/chat/completions","body":{"model":"m","messages":[{"role":"user","content":"x"}],` + body + `}}`
	}
	for _, seed := range []string{
		ordinaryLine, line(`"max_tokens":1,"max_completion_tokens":2`), line(`"max_tokens":1,"max_tokens":null`), line(`"max_tokens":1.5`),
		line(`"top_p":1,"top_p":null`), line(`"top_p":null,"top_p":1`), line(`"stream":false,"n":1`), line(`"stream":true`), line(`"messages":null`),
		line(`"model":null`), line(`"temperature":1,"temperature":"1"`), line(`"id":"","priority":0`), line(`"messages":[{"role":"assistant","content":null}]`),
		`{"custom_id":"a","custom_id":"","method":"POST"}`, `{"method":"POST","method":"GET"}`, `{"body":{"model":"m"},"body":{"messages":[]}}`, `{"Custom_ID":"a"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, ok := scanOpenAI(data)
		if !ok {
			return
		}
		want, err := decodeOpenAILine(data)
		if err != nil {
			t.Fatalf("%q is accepted, but %v", data, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q is read as\n%+v, want\n%+v", data, got, want)
		}
	})
}

func TestOrdinaryLinesTakeTheFastWay(t *testing.T) {
	q, ok := scanOpenAI([]byte(ordinaryLine))
	if !ok || q.Messages[0].Text != "Be\nbrief." || *q.MaxTokens != 50 || len(q.Options) != 3 || q.Messages[1].Role != sdk.User {
		t.Errorf("%+v, %v", q, ok)
	}
}
