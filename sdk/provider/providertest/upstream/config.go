package upstream

import "time"

// Config says how the vendor behaves. The zero value is an OpenAI-compatible
// server that answers at once and knows no limits.
type Config struct {
	// Dialect is the vendor's API. The zero value is [OpenAI].
	Dialect Dialect
	// Addr is where to listen. Empty: a free port of 127.0.0.1.
	Addr string
	// TLS serves https with a certificate of the server's own CA (see
	// [Server.CA]).
	TLS bool
	// CertFault is what is wrong with that certificate.
	CertFault CertFault
	// Latency is the time before a reply: each one's if Sigma is 0, else the
	// median of a lognormal distribution.
	Latency time.Duration
	// Sigma is the lognormal distribution's shape; 0.5 is a typical LLM.
	Sigma float64
	// Seed makes the latencies repeatable.
	Seed uint64
	// Key, if set, is the only key that is let in; any other gets a 401.
	Key string
	// Limit is enforced hard; its zero value is no limit.
	Limit Limit
	// Answer makes the text of a successful reply; nil repeats the question.
	// It is called from many goroutines.
	Answer func(Request) string
	// Script decides how a request is answered; nil is a success each time.
	// It is called from many goroutines. See [Sequence].
	Script func(Request) Reply
	// Keep bounds how many requests and query texts are remembered: 0 is
	// 100,000.
	Keep int
	// Fast is for benchmarks: every request gets the same bytes, nothing is
	// parsed or remembered, and Answer and Script are not asked (Answer once,
	// with an empty request). Counting goes on.
	Fast bool
}

// A Limit is a token bucket that the vendor enforces: a request that finds it
// empty is refused with 429.
type Limit struct {
	// PerSecond is the rate at which the bucket fills; 0 is no limit.
	PerSecond float64
	// Burst is its size; 0 is 1.
	Burst int
	// Headers tells limit, remaining and reset in the headers of every reply.
	Headers bool
	// RetryAfter puts the wait into the headers of a refusal.
	RetryAfter bool
}
