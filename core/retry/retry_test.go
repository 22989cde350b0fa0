package retry_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cortexlinux/cortex-host/core/retry"
	"github.com/cortexlinux/cortex-host/sdk"
)

func policy() retry.Policy { return retry.Policy{RetryFailed: true, MaxRetries: 2} }

// sends returns how often a query is sent that always fails in the same way.
func sends(p retry.Policy, err *sdk.Error) int {
	var rec retry.Record
	var lane retry.Budget
	for n := 1; ; n++ {
		if v := p.Judge(err, &rec, &lane); v.Action != retry.Again || n == 100 {
			return n
		}
	}
}

func TestHowOftenEachKindIsSent(t *testing.T) {
	want := map[sdk.Kind]int{
		sdk.Unreachable: 5,
		sdk.RateLimited: 100, sdk.Overloaded: 100, // until the deadline
		sdk.InDoubt: 3, sdk.Conflict: 3, sdk.Internal: 2, sdk.CredentialRenewed: 3,
	}
	for _, kind := range sdk.Kinds() {
		n := want[kind]
		if n == 0 {
			n = 1
		}
		if got := sends(policy(), &sdk.Error{Kind: kind}); got != n {
			t.Errorf("%s is sent %d times, not %d", kind, got, n)
		}
		if got := sends(retry.Policy{RetryFailed: false, MaxRetries: 2}, &sdk.Error{Kind: kind}); got != 1 {
			t.Errorf("without retries, %s is sent %d times", kind, got)
		}
		if got := sends(policy(), &sdk.Error{Kind: kind, ShouldRetry: new(false)}); got != 1 {
			t.Errorf("against the vendor's advice, %s is sent %d times", kind, got)
		}
		if got := sends(policy(), &sdk.Error{Kind: kind, ShouldRetry: new(true)}); got != n {
			t.Errorf("advice to retry made %s be sent %d times, not %d", kind, got, n)
		}
	}
}

func TestMaxRetries(t *testing.T) {
	for _, c := range []struct {
		kind sdk.Kind
		max  int
		want int
	}{
		{sdk.InDoubt, 0, 1}, {sdk.InDoubt, 1, 2}, {sdk.InDoubt, 4, 5},
		{sdk.Internal, 0, 1}, {sdk.Internal, 4, 2},
		{sdk.Conflict, 0, 1}, {sdk.Conflict, 4, 3},
		{sdk.Unreachable, 0, 1}, {sdk.Unreachable, 1, 5},
		{sdk.RateLimited, 0, 100},
	} {
		if got := sends(retry.Policy{RetryFailed: true, MaxRetries: c.max}, &sdk.Error{Kind: c.kind}); got != c.want {
			t.Errorf("%s with max retries %d: sent %d times, not %d", c.kind, c.max, got, c.want)
		}
	}
}

// What may have been paid for is not sent again more often than allowed, however
// many kinds of failure it meets.
func TestPaidRetriesAreBoundedTogether(t *testing.T) {
	died := &sdk.Error{Kind: sdk.Internal, Cause: sdk.ErrPluginBroke}
	for _, order := range [][]*sdk.Error{{died, {Kind: sdk.InDoubt}}, {{Kind: sdk.InDoubt}, {Kind: sdk.Internal}}, {{Kind: sdk.InDoubt}, died, {Kind: sdk.Unreachable}}} {
		var rec retry.Record
		var lane retry.Budget
		sent := 0 // and perhaps paid for
		for n := 0; ; n++ {
			err := order[n%len(order)]
			if err.Kind != sdk.Unreachable {
				sent++
			}
			if policy().Judge(err, &rec, &lane).Action != retry.Again {
				break
			}
		}
		if sent > 3 {
			t.Errorf("%v: sent %d times", order, sent)
		}
	}
}

func TestKindsThatStopTheLane(t *testing.T) {
	for _, kind := range sdk.Kinds() {
		var rec retry.Record
		var lane retry.Budget
		v := policy().Judge(&sdk.Error{Kind: kind}, &rec, &lane)
		want := kind == sdk.Unauthenticated || kind == sdk.PermissionDenied || kind == sdk.QuotaExhausted
		if (v.Action == retry.StopLane) != want {
			t.Errorf("%s: action %v", kind, v.Action)
		}
	}
}

func TestBadResponseIsWhatItsInnerErrorSays(t *testing.T) {
	inner := &sdk.Error{Kind: sdk.BadResponse, Cause: &sdk.Error{Kind: sdk.RateLimited}}
	if got := sends(policy(), inner); got != 100 {
		t.Errorf("a reply that wraps a rate limit is sent %d times", got)
	}
	if got := sends(policy(), &sdk.Error{Kind: sdk.BadResponse}); got != 1 {
		t.Errorf("a bad reply is sent %d times", got)
	}
}

func TestRetryAfterIsAFloor(t *testing.T) {
	p := policy()
	p.Backoff = func(int) time.Duration { return time.Second }
	for after, want := range map[time.Duration]time.Duration{
		0: time.Second, 300 * time.Millisecond: time.Second, 2 * time.Second: 2 * time.Second, time.Hour: time.Hour,
	} {
		var rec retry.Record
		var lane retry.Budget
		v := p.Judge(&sdk.Error{Kind: sdk.RateLimited, RetryAfter: &after}, &rec, &lane)
		if v.Wait != want {
			t.Errorf("Retry-After %v waits %v, not %v", after, v.Wait, want)
		}
	}
}

func TestBudgetEndsRetriesInAnOutage(t *testing.T) {
	var lane retry.Budget
	attempts := 0
	for range 1000 { // queries that all time out
		var rec retry.Record
		for attempts++; policy().Judge(&sdk.Error{Kind: sdk.InDoubt}, &rec, &lane).Action == retry.Again; attempts++ {
		}
	}
	if attempts > 1010 {
		t.Errorf("1000 queries made %d attempts", attempts)
	}
	if lane.Allows() {
		t.Error("retries are still allowed")
	}
	for range 51 {
		lane.Success()
	}
	if !lane.Allows() {
		t.Error("fifty successes did not bring retries back")
	}
}

// However many calls die with a plugin, each is sent twice more, but never more
// often than what may have been paid for; the second time apart from the others.
// The budget for outages of the vendor is untouched.
func TestWhatAPluginTookWithItIsSentAgain(t *testing.T) {
	var lane retry.Budget
	died := &sdk.Error{Kind: sdk.Internal, Cause: fmt.Errorf("%w: EOF", sdk.ErrPluginBroke)}
	for n := range 64 {
		var rec retry.Record
		if v := policy().Judge(died, &rec, &lane); v.Action != retry.Again || !v.Rule.Paid {
			t.Fatalf("call %d: %+v", n, v)
		}
		if v := policy().Judge(died, &rec, &lane); v.Action != retry.Again {
			t.Fatalf("call %d, for the second time: %+v", n, v)
		}
		if v := policy().Judge(died, &rec, &lane); v.Action != retry.Fail {
			t.Fatalf("call %d, for the third time: %+v", n, v)
		}
	}
	for most, want := range []int{1, 2, 3, 3} {
		if got := sends(retry.Policy{RetryFailed: true, MaxRetries: most}, died); got != want {
			t.Errorf("with max retries %d: sent %d times, not %d", most, got, want)
		}
	}
	if got := sends(retry.Policy{MaxRetries: 2}, died); got != 1 {
		t.Errorf("without retries it is sent %d times", got)
	}
	var waits []time.Duration
	p, again := policy(), retry.Record{}
	p.Backoff = retry.Ceiling
	for range 2 {
		waits = append(waits, p.Judge(died, &again, &lane).Wait)
	}
	if waits[0] != retry.Ceiling(1) || waits[1] != retry.MaxBackoff {
		t.Errorf("it waits up to %v", waits)
	}
	if !lane.Allows() {
		t.Error("the lane has no retries left")
	}
	var rec retry.Record
	bug := &sdk.Error{Kind: sdk.Internal, Message: "a bug"}
	for range 10 {
		var rec retry.Record
		policy().Judge(bug, &rec, &lane)
	}
	if v := policy().Judge(bug, &rec, &lane); v.Action != retry.Fail {
		t.Errorf("a plugin's own failures draw on no budget: %+v", v)
	}
}

func TestBackoff(t *testing.T) {
	want := []time.Duration{0, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second,
		8 * time.Second, 16 * time.Second, 32 * time.Second, time.Minute, time.Minute}
	for n, d := range want {
		if got := retry.Ceiling(n); got != d {
			t.Errorf("Ceiling(%d) = %v, want %v", n, got, d)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int().Draw(t, "n")
		if d := retry.FullJitter(n); d < 0 || d > retry.Ceiling(n) || d > retry.MaxBackoff {
			t.Fatalf("FullJitter(%d) = %v", n, d)
		}
	})
	var low, high int
	for range 1000 {
		if retry.FullJitter(8) < 30*time.Second {
			low++
		} else {
			high++
		}
	}
	if low < 400 || high < 400 {
		t.Errorf("jitter is not spread: %d below the middle, %d above", low, high)
	}
}

func ExamplePolicy_Judge() {
	p := retry.Policy{RetryFailed: true, MaxRetries: 2}
	var query retry.Record // one a query
	var lane retry.Budget  // one a lane
	v := p.Judge(&sdk.Error{Kind: sdk.RateLimited, RetryAfter: new(3 * time.Second)}, &query, &lane)
	fmt.Println(v.Action == retry.Again, v.Wait)
	v = p.Judge(&sdk.Error{Kind: sdk.InvalidRequest}, &query, &lane)
	fmt.Println(v.Action == retry.Fail)
	// Output:
	// true 3s
	// true
}
