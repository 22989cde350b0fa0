package provider

import (
	"testing"

	"google.golang.org/protobuf/proto"

	providerv1 "github.com/cortexlinux/cortex-host/sdk/proto/cortex/provider/v1"
)

// Whatever a plugin or a host sends, the conversions hold, and what they let
// through keeps its promises.
func FuzzFromWire(f *testing.F) {
	query, err := proto.Marshal(queryToWire(&fullQuery))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(query)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		var q providerv1.CompleteRequest
		if proto.Unmarshal(data, &q) == nil {
			_ = queryToWire(queryFromWire(&q))
		}
		var d providerv1.DescribeResponse
		if proto.Unmarshal(data, &d) == nil {
			_, _ = describeFromWire(&d)
		}
		var r providerv1.CompleteResponse
		if proto.Unmarshal(data, &r) != nil {
			return
		}
		if w := r.GetResponse(); w != nil {
			if got := responseFromWire(w); got.Latency < 0 || got.Cost != nil && *got.Cost < 0 || got.Usage != nil && got.Usage.TotalTokens() < 0 {
				t.Errorf("got %+v", got)
			}
		}
		if w := r.GetError(); w != nil {
			if got := errorFromWire(w); got.Kind == "" || got.RetryAfter != nil && *got.RetryAfter <= 0 {
				t.Errorf("got %+v", got)
			}
		}
		_ = rateLimitFromWire(r.GetRateLimit())
	})
}
