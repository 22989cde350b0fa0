package executor

import (
	"container/heap"
	"time"

	"github.com/cortexlinux/cortex-host/core/limiter"
	"github.com/cortexlinux/cortex-host/core/price"
	"github.com/cortexlinux/cortex-host/core/retry"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

// A task is a query on its way. The executor's lock guards it, except while it
// is in flight: then it belongs to the worker that has it.
type task struct {
	query sdk.Query
	index int64
	run   *run

	path    [][]int // its stops: see [route.Path]
	stop    int     // position in path of the lane that it is at
	lane    *lane
	visited route.Visited
	record  retry.Record // on the present lane

	attempts int
	started  time.Time     // of the first attempt
	rejected *sdk.Response // by the Checker; the query asks for a better one
	billed   bool          // an attempt failed that may have been paid for
	ended    bool          // its result is out, whatever a call still brings

	// While it is in flight.
	worker *worker
	flight int // position in Executor.flying
	pass   limiter.Pass
	hold   price.Hold
	watch  route.Call // the breaker's

	// While it waits.
	seq       uint64    // order of arrival
	arrived   time.Time // in a queue, for the first time
	notBefore time.Time
	position  int // in the heap
	older     *task
	newer     *task
}

// keepSpare keeps the memory of a task for a later one, if nobody looks at it any
// more: its query has ended, and so has its call. The lock is held.
func (e *Executor) keepSpare(t *task) {
	if t.ended {
		*t = task{newer: e.spare}
		e.spare = t
	}
}

// takeSpare returns the memory of a task that has ended, or nil. The lock is held.
func (e *Executor) takeSpare() *task {
	t := e.spare
	if t != nil {
		e.spare = t.newer
	}
	return t
}

// agedTurns is how many queries in a row may overtake one that has waited too
// long.
const agedTurns = 3

// A queue orders the tasks of a lane that could be sent now: by priority, then
// by arrival. A task that has been overtaken for too long gets every fourth
// turn, so that a stream of urgent queries starves nobody.
type queue struct {
	ageAfter       time.Duration
	byPriority     priorityHeap
	oldest, newest *task
	overtaken      int // sends in a row that were not the oldest task
}

func (q *queue) len() int { return len(q.byPriority) }

// next returns the task whose turn it is, nil if there is none.
func (q *queue) next(now time.Time) *task {
	if len(q.byPriority) == 0 {
		return nil
	}
	if q.overtaken >= agedTurns && now.Sub(q.oldest.arrived) >= q.ageAfter {
		return q.oldest
	}
	return q.byPriority[0]
}

// push adds a task. One that comes back for another attempt gets its old place
// in the order of arrival.
func (q *queue) push(t *task) {
	heap.Push(&q.byPriority, t)
	t.older = q.newest
	if t.attempts > 0 { // it is among the oldest, so look there
		t.older = nil
		for x := q.oldest; x != nil && x.seq < t.seq; x = x.newer {
			t.older = x
		}
	}
	if t.older == nil {
		t.newer, q.oldest = q.oldest, t
	} else {
		t.newer, t.older.newer = t.older.newer, t
	}
	if t.newer == nil {
		q.newest = t
	} else {
		t.newer.older = t
	}
}

// send removes a task because it is sent.
func (q *queue) send(t *task) {
	if t == q.oldest {
		q.overtaken = 0
	} else {
		q.overtaken++
	}
	q.remove(t)
}

func (q *queue) remove(t *task) {
	heap.Remove(&q.byPriority, t.position)
	if t.older == nil {
		q.oldest = t.newer
	} else {
		t.older.newer = t.newer
	}
	if t.newer == nil {
		q.newest = t.older
	} else {
		t.newer.older = t.older
	}
	t.older, t.newer = nil, nil
}

type priorityHeap []*task

func (h priorityHeap) Len() int { return len(h) }
func (h priorityHeap) Less(i, j int) bool {
	if h[i].query.Priority != h[j].query.Priority {
		return h[i].query.Priority > h[j].query.Priority
	}
	return h[i].seq < h[j].seq
}
func (h priorityHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].position, h[j].position = i, j
}
func (h *priorityHeap) Push(x any) {
	t := x.(*task)
	t.position = len(*h)
	*h = append(*h, t)
}
func (h *priorityHeap) Pop() any { return pop((*[]*task)(h)) }

// sleepers are the tasks of a lane that wait for their next attempt, soonest
// first.
type sleepers []*task

func (s sleepers) Len() int           { return len(s) }
func (s sleepers) Less(i, j int) bool { return s[i].notBefore.Before(s[j].notBefore) }
func (s sleepers) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].position, s[j].position = i, j
}
func (s *sleepers) Push(x any) {
	t := x.(*task)
	t.position = len(*s)
	*s = append(*s, t)
}
func (s *sleepers) Pop() any { return pop((*[]*task)(s)) }

func pop(list *[]*task) *task {
	old := *list
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*list = old[:len(old)-1]
	return t
}
