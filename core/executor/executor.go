package executor

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/cortexlinux/cortex-host/core/price"
	"github.com/cortexlinux/cortex-host/core/retry"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

// An Executor sends queries through its lanes. Make it with [New].
type Executor struct {
	cfg    Config
	born   time.Time // see now
	policy retry.Policy
	router *route.Router
	budget *price.Budget

	// mu guards everything below, and every lane and task.
	mu     sync.Mutex
	lanes  []*lane           // as configured, first by model, then those that queries add
	byName map[laneKey]*lane // the same
	runs   map[*run]struct{} // under way, one for each submitted query too
	seq    uint64            // of the last arrival
	turn   int               // of the lanes, for fairness
	flying []*task           // calls under way
	spare  *task             // those that have ended, by newer: for the next queries
	slots  int               // how many there may be
	// undelivered counts the results of calls that no sink has taken yet. They
	// hold their slots: a crash must not lose more answers than that.
	undelivered int
	settling    *run          // of the worker that is about to deliver
	auto        *concurrency  // finds slots; nil if they are fixed
	paused      bool          // by [Executor.Pause]
	crew        crew          // the workers
	timer       *time.Timer   // wakes a worker at alarm
	alarm       time.Time     // zero: the timer is not set
	lead        time.Duration // how late timers are
	watch       time.Time     // no call is overdue before; zero: not known
}

// New checks the configuration and returns an executor.
func New(cfg Config) (*Executor, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	router, err := route.New(cfg.Lanes, cfg.Routes)
	if err != nil {
		return nil, err
	}
	budget, err := price.NewBudget(cfg.Budget)
	if err != nil {
		return nil, err
	}
	e := &Executor{
		cfg:    cfg,
		born:   time.Now(),
		policy: retry.Policy{RetryFailed: *cfg.RetryFailed, MaxRetries: *cfg.MaxRetries},
		router: router,
		budget: budget,
		byName: make(map[laneKey]*lane),
		runs:   make(map[*run]struct{}),
		slots:  cfg.MaxConcurrent,
	}
	if cfg.AutoConcurrent {
		e.auto = &concurrency{slots: min(DefaultMaxConcurrent, cfg.MaxConcurrent), most: cfg.MaxConcurrent, timeout: cfg.QueryTimeout}
		e.slots = e.auto.slots
	}
	e.crew.waking.L, e.crew.left.L = &e.mu, &e.mu
	for i := range cfg.Lanes {
		if _, err := e.openLane(i, cfg.Lanes[i].Model); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// now is time.Now as far as differences are concerned, at half its price: it
// does not look at the wall clock. Each query asks for it several times.
func (e *Executor) now() time.Time { return e.born.Add(time.Since(e.born)) }

// Run asks all queries and hands each result to sink, in the order in which
// they complete. The sink is called from one goroutine at a time, not always
// the same; while it blocks, no more is sent than there are slots. A nil sink
// drops the results.
//
// An [*sdk.ItemError] in the sequence becomes a failed result. Any other error
// ends the input: what was read is finished, then Run returns that error. It
// also returns the sink's error, the cause of a ctx that is done, and an error
// of kind BudgetExhausted or DeadlineExceeded, an [*AbortError] or a
// [*LanesStoppedError], if the run stopped early. The summary is valid in every
// case.
func (e *Executor) Run(ctx context.Context, queries iter.Seq2[sdk.Query, error], sink func(sdk.Result) error) (Summary, error) {
	s, _, err := e.run(ctx, queries, sink)
	return s, err
}

// run is Run. It also returns the kind of error of queries that were not sent.
func (e *Executor) run(ctx context.Context, queries iter.Seq2[sdk.Query, error], sink func(sdk.Result) error) (Summary, sdk.Kind, error) {
	r := e.begin(ctx, e.cfg.LookAhead+e.cfg.MaxConcurrent, sink)
	r.input = make(chan struct{})
	go r.feed(queries)
	defer e.finish(r) // also if the sink panics
	r.awaitEnd()
	return r.summary(), r.unsent(), r.verdict()
}

// Submit asks one query and returns its result. It may be called at any time,
// also while a run is under way, and shares the run's limits; its priority
// decides how soon it is sent. Do not call it from a sink or from OnResult: a
// result that is being delivered still holds its slot.
func (e *Executor) Submit(ctx context.Context, q sdk.Query) sdk.Result {
	result := sdk.Result{QueryID: q.ID, Metadata: q.Metadata, Error: &sdk.Error{Kind: sdk.Canceled, Message: "not sent"}}
	r := e.begin(ctx, 1, func(got sdk.Result) error {
		result = got
		return nil
	})
	defer e.finish(r)
	a, _ := r.receive(q, nil)
	e.mu.Lock()
	r.admit(a)
	r.endInput()
	e.mu.Unlock()
	r.awaitEnd()
	return result
}

// Batch is the outcome of [Executor.ExecuteBatch].
type Batch struct {
	// Results are in the order of the queries.
	Results []sdk.Result
	Summary
	byID map[string]int
}

// ExecuteBatch asks all queries and returns their results in the same order. A
// batch is complete even if the error is not nil: queries that were not
// answered have a result that says why.
func (e *Executor) ExecuteBatch(ctx context.Context, queries []sdk.Query) (*Batch, error) {
	b := &Batch{Results: make([]sdk.Result, len(queries)), byID: make(map[string]int, len(queries))}
	for i := range queries {
		b.byID[queries[i].ID] = i
	}
	input := func(yield func(sdk.Query, error) bool) {
		for i := range queries {
			if !yield(queries[i], nil) {
				return
			}
		}
	}
	var err error
	var unsent sdk.Kind
	b.Summary, unsent, err = e.run(ctx, input, func(r sdk.Result) error {
		b.Results[r.Index] = r
		return nil
	})
	for i := range queries {
		if r := &b.Results[i]; r.Response == nil && r.Error == nil {
			*r = sdk.Result{QueryID: queries[i].ID, Index: int64(i), Metadata: queries[i].Metadata,
				Error: sdk.Errorf(unsent, "the run ended before this query was sent")}
		}
	}
	b.FailureCount = len(queries) - b.SuccessCount
	return b, err
}

// Result returns the result of the query with this id, false without one.
func (b *Batch) Result(id string) (sdk.Result, bool) {
	i, ok := b.byID[id]
	if !ok {
		return sdk.Result{}, false
	}
	return b.Results[i], true
}

// SuccessfulResponses returns the responses of the queries that were answered
// in full, in input order.
func (b *Batch) SuccessfulResponses() []*sdk.Response {
	var list []*sdk.Response
	for i := range b.Results {
		if b.Results[i].Success() {
			list = append(list, b.Results[i].Response)
		}
	}
	return list
}
