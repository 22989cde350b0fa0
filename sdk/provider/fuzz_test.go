package provider

import (
	"math"
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/cortexlinux/cortex-host/sdk"
	providerv1 "github.com/cortexlinux/cortex-host/sdk/proto/cortex/provider/v1"
)

// What the codec reads is what it writes; it reads nothing that is no message;
// and what it lets through from a plugin keeps its promises.
func FuzzFromWire(f *testing.F) {
	query, err := encodeQuery(nil, &fullQuery)
	if err != nil {
		f.Fatal(err)
	}
	answer, err := encodeAnswer(nil, &fullAnswer)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(query)
	f.Add(answer)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		if q, err := decodeQuery(data); err == nil {
			if q.Temperature != nil && math.IsNaN(*q.Temperature) {
				q.Temperature = nil // it is not equal to itself
			}
			if err := proto.Unmarshal(data, new(providerv1.CompleteRequest)); err != nil {
				t.Errorf("read %+v, which is no message: %v", q, err)
			}
			again, err := encodeQuery(nil, q)
			if err != nil {
				t.Fatalf("%+v: %v", q, err)
			}
			if got, err := decodeQuery(again); err != nil || !reflect.DeepEqual(got, q) {
				t.Errorf("%+v, %v; want %+v", got, err, q)
			}
		}
		var d providerv1.DescribeResponse
		if proto.Unmarshal(data, &d) == nil {
			_, _ = describeFromWire(&d)
		}
		got, failure, err := decodeOutcome(data)
		if err != nil {
			return
		}
		if err := proto.Unmarshal(data, new(providerv1.CompleteResponse)); err != nil {
			t.Errorf("read %+v and %+v, which is no message: %v", got, failure, err)
		}
		if failure != nil && (failure.Kind == "" || failure.RetryAfter != nil && *failure.RetryAfter <= 0) {
			t.Errorf("got %+v", failure)
		}
		if got != nil {
			if got.Latency < 0 || got.Cost != nil && *got.Cost < 0 || got.Usage != nil && got.Usage.TotalTokens() < 0 {
				t.Errorf("got %+v", got)
			}
			checkAnswer(t, got)
		}
	})
}

// checkAnswer encodes an answer and decodes it again.
func checkAnswer(t *testing.T, r *sdk.Response) {
	t.Helper()
	data, err := encodeAnswer(nil, r)
	if err != nil {
		t.Fatalf("%+v: %v", r, err)
	}
	if again, _, err := decodeOutcome(data); err != nil || !reflect.DeepEqual(again, r) {
		t.Errorf("%+v, %v; want %+v", again, err, r)
	}
}
