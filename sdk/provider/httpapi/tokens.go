package httpapi

import (
	"math"
	"strconv"

	"github.com/cortexlinux/cortex-host/sdk"
)

// Tokens is a count in a vendor's reply that can't spoil the reply: null,
// fractions, negative, absurd and mistyped values become something countable.
// The reply is paid for and must not be lost over them.
type Tokens int64

// maxTokens is more than any call can use, and small enough to add up.
const maxTokens = 1 << 40

// UnmarshalJSON never fails.
func (n *Tokens) UnmarshalJSON(data []byte) error {
	if whole, err := strconv.ParseUint(string(data), 10, 64); err == nil { // as nearly always
		*n = Tokens(min(whole, maxTokens))
		return nil
	}
	f, err := strconv.ParseFloat(string(data), 64)
	if err != nil || !(f > 0) {
		f = 0
	}
	*n = Tokens(math.Min(f, maxTokens))
	return nil
}

// ScanTokens reads the next value as a count.
func ScanTokens(s *sdk.Scanner) (n Tokens) {
	_ = n.UnmarshalJSON(s.Raw()) // never fails
	return n
}
