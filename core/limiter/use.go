package limiter

import "time"

// A Use is how much of a limit was used, and how much of it there was to use:
// in sends or tokens, while the lane had something to send or under way.
type Use struct{ Used, Allowed float64 }

// Part returns the used part of a limit, false if there was none.
func (u Use) Part() (part float64, ok bool) {
	if u.Allowed <= 0 {
		return 0, false
	}
	return u.Used / u.Allowed, true
}

// Uses are the uses of a limiter's limits since it was made.
type Uses struct {
	Requests, Tokens, PromptTokens, CompletionTokens Use
}

// A clock measures the time in which a limiter had something to do.
type clock struct {
	at      time.Time
	flying  int  // passes that were not given back
	waiting bool // somebody asked in vain
}

// tick returns the seconds since the last tick, 0 if nothing was to be done.
func (c *clock) tick(now time.Time) float64 {
	seconds := 0.0
	if c.flying > 0 || c.waiting {
		seconds = max(0, now.Sub(c.at).Seconds())
	}
	c.at = now
	return seconds
}

// Uses returns how much of the limits was used.
func (l *Limiter) Uses() Uses {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Uses{l.sends, l.tokens[0].use, l.tokens[1].use, l.tokens[2].use}
}

// allow counts what the limits allow until now. It requires that l.mu is held.
func (l *Limiter) allow(now time.Time) {
	seconds := l.clock.tick(now)
	l.sends.allow(seconds, l.requests.rate(), l.requests.burst())
	for i := range l.tokens {
		g := &l.tokens[i]
		g.use.allow(seconds, g.rate(), g.capacity())
	}
}

// allow adds what a rate allows in some seconds. What is there at the start
// comes on top.
func (u *Use) allow(seconds, rate, atStart float64) {
	if rate > 0 && u.Allowed == 0 {
		u.Allowed = atStart
	}
	u.Allowed += seconds * rate
}
