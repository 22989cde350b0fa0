package limiter

import "github.com/cortexlinux/cortex-host/sdk"

// Vendors fail one call in a hundred on a good day, and several on a bad one. That
// is no reason to hold up the others: a vendor is in trouble if three in five of the
// latest calls failed, as in client-side throttling (Site Reliability Engineering,
// 2016, chapter 21). Until it has answered, one failure is enough.
const (
	troubleWeight = 1.0 / 16
	seriousPart   = 0.6
)

// trouble is how much of a vendor's latest calls failed in a way that says that it
// is not well.
type trouble struct {
	part     float64 // a moving average
	answered bool    // a call was, at some time
}

// learn takes in the end of a call. What says nothing about the vendor's health
// changes nothing.
func (t *trouble) learn(kind sdk.Kind) {
	switch {
	case answered(kind):
		t.part -= t.part * troubleWeight
		t.answered = true
	case kind == sdk.Overloaded, kind == sdk.InDoubt:
		t.part += (1 - t.part) * troubleWeight
	}
}

// answered reports whether a call that ended so was accepted and replied to,
// whatever the reply is worth.
func answered(kind sdk.Kind) bool {
	switch kind {
	case "", sdk.Truncated, sdk.ContentFiltered, sdk.Refused, sdk.NotAnswered, sdk.BadResponse:
		return true
	}
	return false
}

// recovered is for a vendor that answers again.
func (t *trouble) recovered() { t.part = min(t.part, seriousPart/2) }

func (t *trouble) serious() bool { return t.part > seriousPart || !t.answered && t.part > 0 }
