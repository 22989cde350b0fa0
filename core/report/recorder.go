package report

import (
	"iter"
	"sync"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// The defaults of [Config].
const (
	DefaultAnswers     = 2000
	DefaultAnswerBytes = 4 << 20
	DefaultSlowest     = 15
)

// Config bounds what a [Recorder] keeps. Its zero value is the default.
type Config struct {
	// Started is where the time axis begins. Zero: with the first query.
	Started time.Time
	// Answers bounds how many answers are kept for the page, AnswerBytes their
	// text. 0 is the default, a negative number keeps none.
	Answers     int
	AnswerBytes int
	// Slowest is how many of the slowest queries are listed.
	Slowest int
}

// A Recorder observes the results of a run as they complete. It is safe for
// concurrent use.
type Recorder struct {
	mu       sync.Mutex
	totals   Totals
	timeline timeline
	untimed  int64     // results without a time
	latency  histogram // of answered queries, over all attempts
	calls    histogram // of the calls that were answered
	lanes    lanes
	failures failures
	slowest  slowest
	answers  answers
}

// New returns a recorder.
func New(cfg Config) *Recorder {
	return &Recorder{
		timeline: timeline{origin: cfg.Started},
		slowest:  slowest{limit: orDefault(cfg.Slowest, DefaultSlowest)},
		answers: answers{
			limit: orDefault(cfg.Answers, DefaultAnswers),
			room:  orDefault(cfg.AnswerBytes, DefaultAnswerBytes),
		},
	}
}

func orDefault(n, def int) int {
	if n == 0 {
		return def
	}
	return max(n, 0)
}

// Observe takes in one result that completed at the given time; the zero time
// is a time that is not known. It keeps no reference to r.
func (rec *Recorder) Observe(r *sdk.Result, completed time.Time) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.totals.add(r)
	rec.lanes.add(r)
	if completed.IsZero() {
		rec.untimed++
	} else {
		rec.timeline.add(completed.Add(-r.ExecutionTime), completed, r.Success())
	}
	if r.Success() {
		rec.latency.add(r.ExecutionTime)
		rec.calls.add(r.Response.Latency)
	} else {
		rec.failures.add(r)
	}
	rec.slowest.add(r)
	rec.answers.add(r)
}

// ObserveAll takes in stored results. It ends with the first error of the
// sequence and returns it.
func (rec *Recorder) ObserveAll(results iter.Seq2[sdk.Result, error]) error {
	for r, err := range results {
		if err != nil {
			return err
		}
		rec.Observe(&r, time.Time{})
	}
	return nil
}

// Totals returns the counts of the results that were observed.
func (rec *Recorder) Totals() Totals {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.totals
}
