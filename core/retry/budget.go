package retry

// The retry budget of a lane: full at the start, a failure takes one, a
// success gives a tenth back, and at or below half nobody retries.
const (
	budgetMax     = 10.0
	budgetPerFail = 1.0
	budgetPerOK   = 0.1
)

// A Budget keeps an outage from multiplying a lane's traffic: retries stop
// when failures outnumber a tenth of the successes for long. The zero value is
// a full budget. It is not safe for concurrent use.
type Budget struct{ spent float64 }

// Failure takes one token.
func (b *Budget) Failure() { b.spent = min(budgetMax, b.spent+budgetPerFail) }

// Success gives a tenth of a token back.
func (b *Budget) Success() { b.spent = max(0, b.spent-budgetPerOK) }

// Allows reports whether more than half of the budget is left.
func (b *Budget) Allows() bool { return b.spent < budgetMax/2 }
