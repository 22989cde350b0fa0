package provider

import (
	"math"
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/cortexlinux/cortex-host/sdk"
	providerv1 "github.com/cortexlinux/cortex-host/sdk/proto/cortex/provider/v1"
)

// What the codec reads is what it writes, and what the generated types read: all
// that is a message, as if it were written as usual. What it lets through from a
// plugin keeps its promises.
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
		q, err := decodeQuery(data)
		if usual, wrong := plainly(data, new(providerv1.CompleteRequest)); (wrong == nil) != (err == nil) {
			t.Errorf("read %+v, %v; want %v", q, err, wrong)
		} else if err == nil {
			want, err := readQuery(usual)
			if q.Temperature != nil && math.IsNaN(*q.Temperature) {
				q.Temperature, want.Temperature = nil, nil // it is not equal to itself
			}
			if err != nil || !reflect.DeepEqual(q, want) {
				t.Errorf("read %+v, want %+v, %v", q, want, err)
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
		usual, wrong := plainly(data, new(providerv1.CompleteResponse))
		if (wrong == nil) != (err == nil) {
			t.Errorf("read %+v and %+v, %v; want %v", got, failure, err, wrong)
		}
		if err != nil {
			return
		}
		if answer, failed, err := readOutcome(usual); err != nil || !reflect.DeepEqual(got, answer) || !reflect.DeepEqual(failure, failed) {
			t.Errorf("read %+v and %+v, want %+v and %+v, %v", got, failure, answer, failed, err)
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
