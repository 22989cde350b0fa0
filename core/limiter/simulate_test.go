package limiter_test

import (
	"container/heap"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"testing/synctest"
	"text/tabwriter"
	"time"

	"github.com/cortexlinux/cortex-host/core/limiter"
	"github.com/cortexlinux/cortex-host/sdk"
)

var full = flag.Bool("simulate", false, "simulate the whole grid, and print it")

// The simulation runs the limiter against vendors whose limits it does not
// know, in virtual time: there is always a query to send, each takes a
// lognormal time, and what counts is how much of the limit was used and how
// many sends were refused.

// A hidden is a limit that a vendor enforces.
type hidden struct {
	kind   string  // "1 s bucket", "60 s bucket" or "60 s window"
	rate   float64 // units a second
	level  float64 // of a bucket, or what is left of a window
	at     float64 // time of level, in seconds
	window float64 // number of the window
}

func (h *hidden) size() float64 {
	switch h.kind {
	case "0.1 s bucket":
		return h.rate / 10
	case "1 s bucket":
		return h.rate
	}
	return 60 * h.rate
}

func (h *hidden) advance(now float64) {
	if h.kind == "60 s window" {
		if w := math.Floor(now / 60); w != h.window {
			h.window, h.level = w, h.size()
		}
	} else {
		h.level = min(h.size(), h.level+(now-h.at)*h.rate)
	}
	h.at = now
}

// take uses n units, or returns how long it takes until they are there.
func (h *hidden) take(now, n float64) (ok bool, wait float64) {
	h.advance(now)
	if h.level >= n {
		h.level -= n
		return true, 0
	}
	if h.kind == "60 s window" {
		return false, (h.window+1)*60 - now
	}
	return false, (n - h.level) / h.rate
}

// headers say the limit as vendors do: per minute, whatever is enforced.
func (h *hidden) headers(now float64) sdk.Window {
	h.advance(now)
	used := h.size() - h.level
	reset := used / h.rate
	if h.kind == "0.1 s bucket" { // some say what they enforce
		return sdk.Window{
			Limit: new(int64(h.size())), Remaining: new(int64(h.level)),
			Reset: new(time.Duration(reset * float64(time.Second)).Round(time.Millisecond)),
		}
	}
	if h.kind == "60 s window" {
		reset = (h.window+1)*60 - now
	}
	return sdk.Window{
		Limit:     new(int64(math.Round(60 * h.rate))),
		Remaining: new(int64(max(0, 60*h.rate-used))),
		Reset:     new(time.Duration(reset * float64(time.Second)).Round(time.Millisecond)),
	}
}

// A scenario is what the vendor tells and what happens on the way.
type scenario struct {
	name               string
	headers, after     bool
	fast               bool    // answers take a millisecond, not a second
	slow               bool    // answers take half a minute
	steps              bool    // the limit halves after 400 s and doubles after 800 s
	from, until        float64 // seconds that count; until 0 is 20 minutes
	rival              float64 // the part of the limit that somebody else takes
	noise              float64 // the part of the calls that is refused at any rate
	least, mostRefused float64 // what must be reached, in percent
}

var scenarios = []scenario{
	{name: "headers", headers: true, after: true, least: 95, mostRefused: 0.5},
	{name: "limit changes", headers: true, after: true, steps: true, least: 93, mostRefused: 0.5},
	{name: "rival", headers: true, after: true, rival: 0.3, least: 85, mostRefused: 1.5},
	{name: "Retry-After", after: true, least: 90, mostRefused: 1},
	{name: "blind", least: 80, mostRefused: 2},
	{name: "blind, slow", slow: true, least: 70, mostRefused: 2},
	{name: "blind, limit changes", steps: true, least: 70, mostRefused: 2},
	{name: "blind, noise", noise: 0.01, least: 25, mostRefused: 3},
}

// A landing is a call that will end.
type landing struct {
	at   float64
	pass limiter.Pass
	out  limiter.Outcome
}

type landings []landing

func (l landings) Len() int           { return len(l) }
func (l landings) Less(i, j int) bool { return l[i].at < l[j].at }
func (l landings) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }
func (l *landings) Push(x any)        { *l = append(*l, x.(landing)) }
func (l *landings) Pop() any {
	old := *l
	x := old[len(old)-1]
	*l = old[:len(old)-1]
	return x
}

// tokensOf is the mean size of a query where tokens are limited.
const tokensOf = 1000.0

// simulate returns how much of the limit was used and how many of the sends
// were refused, in percent.
func simulate(t *testing.T, kind string, rate float64, seed uint64, s scenario, tokens bool) (used, refused float64) {
	synctest.Test(t, func(t *testing.T) { used, refused = simulateInBubble(t, kind, rate, seed, s, tokens) })
	return used, refused
}

func simulateInBubble(t *testing.T, kind string, rate float64, seed uint64, s scenario, tokens bool) (used, refused float64) {
	from, seconds := s.from, 1200.0
	if s.until > 0 {
		seconds = s.until
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	time.Sleep(time.Duration(rng.Float64() * 60 * float64(time.Second)))
	epoch := time.Now()
	unit := 1.0
	if tokens {
		unit = tokensOf
	}
	vendor := &hidden{kind: kind, rate: rate * unit, window: -1}
	vendor.level = vendor.size()
	lim, err := limiter.New(limiter.Config{RequestsPerSecond: 5, Burst: 5, Adaptive: true})
	if err != nil {
		t.Fatal(err)
	}
	var flying landings
	var offered, granted, sent, denied, rivalNext float64
	last := 0.0
	now := 0.0
	for now < seconds {
		// The vendor's limit and the rival move on.
		if s.steps {
			vendor.advance(now)
			before := vendor.rate
			vendor.rate = rate * unit
			if now >= 400 && now < 800 {
				vendor.rate /= 2
			}
			if vendor.rate != before {
				vendor.level *= vendor.rate / before
			}
		}
		for s.rival > 0 && rivalNext <= now {
			vendor.take(rivalNext, unit)
			rivalNext += rng.ExpFloat64() / (s.rival * rate)
		}
		offered += (now - last) * vendor.rate * (1 - s.rival)
		last = now
		if now < from {
			offered, granted, sent, denied = 0, 0, 0, 0
		}

		for len(flying) > 0 && flying[0].at <= now {
			l := heap.Pop(&flying).(landing)
			lim.Settle(time.Now(), l.pass, l.out)
		}
		need := limiter.Need{}
		size := 1.0
		if tokens {
			size = tokensOf * math.Exp(0.5*rng.NormFloat64()-0.125)
			need = limiter.Need{Input: int64(tokensOf / 2), Output: int64(tokensOf / 2)}
		}
		pass, wait := lim.Take(time.Now(), need)
		if wait.Cause != "" {
			next := math.Inf(1)
			if len(flying) > 0 {
				next = flying[0].at
			}
			if !wait.Until.IsZero() {
				next = min(next, wait.Until.Sub(epoch).Seconds()+1e-6)
			}
			if s.rival > 0 {
				next = min(next, rivalNext)
			}
			if math.IsInf(next, 1) || next <= now {
				next = now + 1e-3
			}
			next = min(next, seconds)
			time.Sleep(time.Duration(math.Ceil((next - now) * float64(time.Second))))
			now = time.Since(epoch).Seconds()
			continue
		}
		sent++
		out := limiter.Outcome{}
		latency := 0.8 * math.Exp(0.5*rng.NormFloat64())
		if s.fast {
			latency /= 1000
		}
		if s.slow {
			latency *= 30
		}
		ok, after := vendor.take(now, size)
		if ok = ok && (s.noise == 0 || rng.Float64() >= s.noise); ok {
			granted += size
			if tokens {
				out.Usage = &sdk.Usage{PromptTokens: int64(size / 2), CompletionTokens: int64(size / 2)}
			}
		} else {
			denied++
			latency = 0.1
			out.Kind = sdk.RateLimited
			if s.after {
				out.RetryAfter = new(time.Duration(math.Ceil(after)) * time.Second)
				if kind == "0.1 s bucket" {
					out.RetryAfter = new(time.Duration(after * float64(time.Second)))
				}
			}
		}
		if s.headers {
			out.RateLimit = &sdk.RateLimit{}
			if tokens {
				out.RateLimit.Tokens = vendor.headers(now)
			} else {
				out.RateLimit.Requests = vendor.headers(now)
			}
		}
		heap.Push(&flying, landing{now + latency, pass, out})
	}
	return 100 * granted / offered, 100 * denied / sent
}

func TestSimulation(t *testing.T) {
	rates, seeds := []float64{10}, uint64(2)
	if raceEnabled {
		seeds = 1 // there is one goroutine, and it takes long
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	if *full {
		rates, seeds = []float64{10, 50}, 8
		fmt.Fprintln(table, "limit\tscenario\thidden limiter\tused, worst\tmust\trefused, worst\tmust\t")
	}
	for _, tokens := range []bool{false, true} {
		for _, s := range scenarios {
			for _, kind := range []string{"1 s bucket", "60 s bucket", "60 s window"} {
				for _, rate := range rates {
					used, refused := math.Inf(1), 0.0
					for seed := range seeds {
						u, r := simulate(t, kind, rate, seed, s, tokens)
						used, refused = min(used, u), max(refused, r)
					}
					unit := "requests"
					if tokens {
						unit = "tokens"
					}
					if *full {
						fmt.Fprintf(table, "%v/s %s\t%s\t%s\t%.1f %%\t%v %%\t%.2f %%\t%v %%\t\n", rate, unit, s.name, kind, used, s.least, refused, s.mostRefused)
					}
					if used < s.least || refused > s.mostRefused {
						t.Errorf("%v/s %s, %s, %s: %.1f %% used (at least %v), %.2f %% refused (at most %v)", rate, unit, s.name, kind, used, s.least, refused, s.mostRefused)
					}
				}
			}
		}
	}
	if *full {
		_ = table.Flush()
	}
}
