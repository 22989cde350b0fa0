package executor

import (
	"container/heap"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cortexlinux/cortex-host/core/limiter"
	"github.com/cortexlinux/cortex-host/core/price"
	"github.com/cortexlinux/cortex-host/core/retry"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

// maxModels bounds the lanes that queries can open by naming models.
const maxModels = 1000

// A laneKey tells lanes apart: a configured lane, by index, and a model.
type laneKey struct {
	index int
	model string
}

// A lane is a configured lane for one model: a queue, and all that decides
// when its next task is sent. The executor's lock guards it.
type lane struct {
	*route.Lane
	key laneKey

	queue  queue
	asleep sleepers // those with a not-before time
	flying int      // calls under way
	asked  bool     // in the present round of pick

	passedOver int // sends of other lanes while tasks waited here

	firstSend time.Time
	scouted   bool // a call has ended

	limiter *limiter.Limiter
	breaker *route.Breaker
	retries retry.Budget
	stopped *sdk.Error // why nothing is sent any more
	lastErr *sdk.Error // of the latest failure, for those that wait in vain
	down    time.Time  // since when the breaker is open
	refuses refusals

	price  price.Price
	priced bool
	// servedPrices are those of models served (string to *price.Price), where
	// none was asked for: the first maxServed. They need no lock.
	servedPrices sync.Map
	servedKnown  atomic.Int32
	sizes        sizes
	stats        laneStats
}

// openLane returns the lane of a configured lane and model, and makes it if
// there is none. The lock is held, or the executor is not yet in use.
func (e *Executor) openLane(index int, model string) (*lane, error) {
	key := laneKey{index, model}
	if l, ok := e.byName[key]; ok {
		return l, nil
	}
	if len(e.lanes) >= len(e.cfg.Lanes)+maxModels {
		return nil, sdk.Errorf(sdk.InvalidRequest, "model %.64q: the run's queries already name %d different models, which is the most there can be", model, maxModels)
	}
	cfg := &e.cfg.Lanes[index]
	lim, err := limiter.New(e.cfg.limits(cfg))
	if err != nil {
		return nil, err
	}
	l := &lane{Lane: cfg, key: key, limiter: lim, breaker: route.NewBreaker(), queue: queue{ageAfter: e.cfg.AgeAfter}}
	l.stats.init()
	l.price, l.priced = PriceOf(e.cfg.Prices, cfg, model)
	e.byName[key] = l
	e.lanes = append(e.lanes, l)
	return l, nil
}

// limits returns the limits of a lane: what the run asks for, or the rule for
// lanes of its sort, lowered to what the provider declares.
func (c *Config) limits(l *route.Lane) limiter.Config {
	share := c.Share
	setDefault(&share, 1)
	out := limiter.Config{Share: share, Burst: c.Burst}
	declared := share * l.Limits.RequestsPerSecond
	switch {
	case c.RequestsPerSecond != nil:
		out.RequestsPerSecond, out.Adaptive = *c.RequestsPerSecond, c.AutoRate && *c.RequestsPerSecond > 0
	case c.AutoRate, !l.Local && declared == 0:
		out.RequestsPerSecond, out.Adaptive = DefaultRequestsPerSecond, true
		setDefault(&out.Burst, DefaultBurst)
	}
	if declared > 0 && (out.RequestsPerSecond == 0 || declared < out.RequestsPerSecond) {
		out.RequestsPerSecond, out.Burst, out.Adaptive = declared, c.Burst, false
	}
	out.Tokens.Total = int64(share * float64(l.Limits.TokensPerMinute))
	if own := c.TokensPerMinute; own != nil {
		out.IgnoreTokenHeaders = *own == 0
		if *own > 0 && (out.Tokens.Total == 0 || *own < out.Tokens.Total) {
			out.Tokens.Total = *own
		}
	}
	return out
}

// slotsOf returns how many calls of a lane may be under way.
func (e *Executor) slotsOf(l *lane) int {
	if own := l.Limits.MaxConcurrent; own > 0 {
		return min(own, e.slots)
	}
	return e.slots
}

// full reports whether the provider's own limit of concurrent calls is
// reached.
func (l *lane) full() bool { return l.Limits.MaxConcurrent > 0 && l.flying >= l.Limits.MaxConcurrent }

// up reports whether a task that is put into the queue now can expect to be
// sent soon. A lane that is down, or refuses everything, counts as up for one
// task, when it is time to probe it.
func (l *lane) up(now time.Time) bool {
	closed := l.limiter.PausedUntil()
	if l.stopped != nil || closed.After(now.Add(parkAfter)) {
		return false
	}
	ready, _ := l.breaker.Ready(now)
	if l.refuses.tooLong {
		ready = ready && !closed.After(now)
	}
	return ready && (!l.breaker.Open() && !l.refuses.tooLong || l.load() == 0)
}

// parkAfter is how long a vendor may ask a lane to wait before its queries go
// elsewhere, if they may.
const parkAfter = 2 * time.Minute

// refusals are those in a row that a vendor has answered with, and nothing else.
type refusals struct {
	since   time.Time // the first; zero: the last answer was none
	tooLong bool
}

// patience is for how long a lane may refuse everything before its queries go
// elsewhere, if they may.
const patience = 30 * time.Second

// observe takes the end of a call into account.
func (r *refusals) observe(err *sdk.Error, now time.Time) {
	switch {
	case err == nil:
		*r = refusals{}
	case err.Kind != sdk.RateLimited && err.Kind != sdk.Overloaded:
	case r.since.IsZero():
		r.since = now
	default:
		r.tooLong = r.tooLong || now.Sub(r.since) > patience
	}
}

// usable reports whether a task may wait in this lane at all.
func (l *lane) usable(now time.Time) bool {
	if l.stopped != nil {
		return false
	}
	if l.breaker.Hopeless() {
		ok, _ := l.breaker.Ready(now)
		return ok
	}
	return true
}

// load is the number of tasks that a new one would have to share the lane
// with.
func (l *lane) load() int { return l.queue.len() + len(l.asleep) + l.flying }

// waiting returns all tasks that are not under way, in no order.
func (l *lane) waiting() []*task {
	list := make([]*task, 0, l.queue.len()+len(l.asleep))
	return append(append(list, l.queue.byPriority...), l.asleep...)
}

// add lets a task wait, until its not-before time if it has one.
func (l *lane) add(t *task, now time.Time) {
	t.lane = l
	if t.notBefore.After(now) {
		heap.Push(&l.asleep, t)
	} else {
		l.queue.push(t)
	}
}

// forget takes a waiting task out.
func (l *lane) forget(t *task) {
	if t.position < len(l.asleep) && l.asleep[t.position] == t {
		heap.Remove(&l.asleep, t.position)
	} else {
		l.queue.remove(t)
	}
}

// awaken moves the tasks whose time has come into the queue.
func (l *lane) awaken(now time.Time) {
	for len(l.asleep) > 0 && !l.asleep[0].notBefore.After(now) {
		l.queue.push(heap.Pop(&l.asleep).(*task))
	}
}
