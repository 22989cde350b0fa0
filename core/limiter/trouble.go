package limiter

import "github.com/cortexlinux/cortex-host/sdk"

// Vendors fail one call in a hundred on a good day. That is no reason to hold
// up the others: a vendor is in trouble if more than one in seven of the latest
// sixty calls or so failed. Until it has answered, one failure is enough.
const (
	troubleWeight = 1.0 / 64
	seriousPart   = 0.15
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
