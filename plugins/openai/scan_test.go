package main

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// The fast way and the slow way read the same.
func FuzzScan(f *testing.F) {
	f.Add(upstream.OpenAI().Answer("m", "line\nline \"é\""))
	f.Add([]byte(`{"id":"x","model":"m","choices":[{"finish_reason":"stop","message":{"content":null,"refusal":"no"}},{"message":{"content":"b"}}],"usage":{"prompt_tokens":1,"prompt_tokens_details":{"cached_tokens":2},"completion_tokens_details":null}}`))
	f.Add([]byte(`{"usage":null,"choices":null,"Model":"m","model":"n"}`))
	f.Add([]byte(`{"usage":null,"error":null,"choices":[{"message":{"content":"a","tool_calls":[]}}]}`))
	f.Add([]byte(`{"choices":[{"message":{"content":"a","tool_calls":null}}]}`))
	f.Add([]byte(`{"choices":[null,{"message":null}],"usage":{}}`))
	f.Add([]byte(`{"uſage":{"prompt_toKens":1},"choiceſ":[{"message":{"content":"a"}}]}`)) // encoding/json folds these too
	f.Fuzz(func(t *testing.T, body []byte) {
		var fast, slow completion
		if !fast.scan(body) {
			return
		}
		if err := json.Unmarshal(body, &slow); err != nil {
			t.Fatalf("%s: the fast way reads what the slow way does not: %v", body, err)
		}
		if string(slow.Error) == "null" {
			slow.Error = nil
		}
		if len(slow.Choices) > 1 {
			slow.Choices = slow.Choices[:1]
		}
		if len(slow.Choices) == 0 {
			slow.Choices = fast.Choices[:0]
		}
		slow.first, slow.used = fast.first, fast.used // only the fast way needs the room
		if !reflect.DeepEqual(fast, slow) {
			t.Errorf("%s:\nfast %+v\nslow %+v", body, fast, slow)
		}
	})
}
