package limiter

import "github.com/cortexlinux/cortex-host/sdk"

// Vendors fail one call in a hundred on a good day, and several on a bad one. That
// is no reason to hold up the others: a vendor is in trouble if more than half of
// the latest sixteen calls or so failed, as in client-side throttling (Site
// Reliability Engineering, 2016, chapter 21). Until it has answered, one failure
// is enough.
const (
	troubleWeight = 1.0 / 16
	seriousPart   = 0.5
)

// trouble is the part of the latest calls whose failure says that the vendor is
// not well, as a moving average.
type trouble float64

// learn takes in the end of a call. What says nothing about the vendor's health
// changes nothing.
func (t *trouble) learn(kind sdk.Kind) {
	switch kind {
	case "":
		*t -= *t * troubleWeight
	case sdk.Overloaded, sdk.InDoubt:
		*t += (1 - *t) * troubleWeight
	}
}

func (t trouble) serious() bool { return t > seriousPart }
