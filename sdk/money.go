package sdk

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Money is an amount of US dollars in picodollars (10^-12 USD). Integers add
// up exactly, and a price of 0.01875 USD per million tokens is still a whole
// number per token. The largest amount is about 9.2 million dollars;
// arithmetic that could pass it saturates in [Money.Add] and [Money.Times].
//
// In JSON it is a number of dollars. Zero means free; an amount that is not
// known is a nil *Money, never zero.
type Money int64

// USD is one dollar.
const USD Money = 1_000_000_000_000

// MoneyFromUSD rounds an amount of dollars away from zero to whole picodollars, so that
// what is counted is never less than what is meant. Out of range saturates; NaN is 0.
func MoneyFromUSD(usd float64) Money {
	p := usd * float64(USD)
	switch {
	case math.IsNaN(p):
		return 0
	case p >= math.MaxInt64:
		return math.MaxInt64
	case p <= math.MinInt64:
		return math.MinInt64
	case p < 0:
		return -MoneyFromUSD(-usd)
	}
	// A price written in decimal is not exact in binary: without the slack of
	// a few ulps, 0.1 would become one picodollar more than it is.
	return Money(math.Ceil(p - p*4e-16 - 1e-6))
}

// Add returns m+n, saturating.
func (m Money) Add(n Money) Money {
	s := m + n
	if n > 0 && s < m {
		return math.MaxInt64
	}
	if n < 0 && s > m {
		return math.MinInt64
	}
	return s
}

// Times returns m*n for n >= 0, saturating.
func (m Money) Times(n int64) Money {
	if m == 0 || n <= 0 {
		return 0
	}
	if m > math.MaxInt64/Money(n) {
		return math.MaxInt64
	}
	if m < math.MinInt64/Money(n) {
		return math.MinInt64
	}
	return m * Money(n)
}

// USD returns the amount in dollars.
func (m Money) USD() float64 { return float64(m) / float64(USD) }

// String shows dollars with four decimals, or more for tiny amounts: $0.0421.
func (m Money) String() string {
	if a := math.Abs(m.USD()); a != 0 && a < 0.00995 {
		return "$" + strconv.FormatFloat(m.USD(), 'g', 2, 64)
	}
	return fmt.Sprintf("$%.4f", m.USD())
}

// MarshalJSON writes dollars as a number, exact to the picodollar.
func (m Money) MarshalJSON() ([]byte, error) { return m.appendJSON(nil), nil }

// UnmarshalJSON reads a number of dollars: what MarshalJSON writes exactly, any
// other to the nearest picodollar.
func (m *Money) UnmarshalJSON(data []byte) error {
	const places = "000000000000"
	whole, part, _ := strings.Cut(string(data), ".")
	if len(part) <= len(places) {
		if n, err := strconv.ParseInt(whole+part+places[len(part):], 10, 64); err == nil {
			*m = Money(n)
			return nil
		}
	}
	f, err := strconv.ParseFloat(string(data), 64)
	p := math.Round(f * float64(USD))
	if err != nil || math.IsNaN(p) || math.Abs(p) >= math.MaxInt64 {
		return fmt.Errorf("%.20q is not a number of US dollars, or too large", data)
	}
	*m = Money(p)
	return nil
}
