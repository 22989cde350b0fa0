package report

import "time"

const (
	// maxSlots bounds the timeline. When it is full, neighbours are merged.
	maxSlots  = 512
	firstSlot = 5 * time.Millisecond
)

// A timeline counts what happened in slots of equal width since its origin.
type timeline struct {
	origin time.Time // zero: not begun
	width  time.Duration
	end    time.Duration // of the latest result, since origin
	slots  []slot
}

// A slot is what happened in one stretch of time.
type slot struct {
	answered, failed int64
	// busy is the time that queries were under way, added up.
	busy time.Duration
}

func (s slot) plus(o slot) slot {
	return slot{s.answered + o.answered, s.failed + o.failed, s.busy + o.busy}
}

// add takes in a query that was under way from started to done.
func (t *timeline) add(started, done time.Time, answered bool) {
	if t.origin.IsZero() {
		t.origin = started
	}
	if t.width == 0 {
		t.width = firstSlot
	}
	if started.Before(t.origin) {
		t.beginEarlier(t.origin.Sub(started))
	}
	from, to := started.Sub(t.origin), max(done.Sub(t.origin), 0)
	t.end = max(t.end, to)
	for int(to/t.width) >= maxSlots {
		t.fold()
	}
	last := int(to / t.width)
	for len(t.slots) <= last {
		t.slots = append(t.slots, slot{})
	}
	if answered {
		t.slots[last].answered++
	} else {
		t.slots[last].failed++
	}
	for i := int(from / t.width); i <= last; i++ {
		begin := time.Duration(i) * t.width
		t.slots[i].busy += min(to, begin+t.width) - max(from, begin)
	}
}

// beginEarlier moves the origin back by d or a little more.
func (t *timeline) beginEarlier(d time.Duration) {
	for int((d+t.end)/t.width)+2 >= maxSlots {
		t.fold()
	}
	n := int((d + t.width - 1) / t.width)
	t.slots = append(make([]slot, n, n+len(t.slots)), t.slots...)
	shift := time.Duration(n) * t.width
	t.origin, t.end = t.origin.Add(-shift), t.end+shift
}

// fold merges each slot with its neighbour.
func (t *timeline) fold() {
	half := t.slots[:0]
	for i := 0; i < len(t.slots); i += 2 {
		s := t.slots[i]
		if i+1 < len(t.slots) {
			s = s.plus(t.slots[i+1])
		}
		half = append(half, s)
	}
	t.slots, t.width = half, 2*t.width
}

// A bar is a stretch of time as a chart shows it.
type bar struct {
	slot
	from, to time.Duration
}

// bars returns the timeline in at most n bars. A stretch at the end that is
// less than half a bar long joins the one before it, since a rate over next to
// no time means nothing.
func (t *timeline) bars(n int) []bar {
	per := (len(t.slots) + n - 1) / n
	var bars []bar
	for i := 0; i < len(t.slots); i += per {
		b := bar{from: time.Duration(i) * t.width, to: min(time.Duration(i+per)*t.width, t.end)}
		for _, s := range t.slots[i:min(i+per, len(t.slots))] {
			b.slot = b.plus(s)
		}
		bars = append(bars, b)
	}
	if last := len(bars) - 1; last > 0 && bars[last].to-bars[last].from < time.Duration(per)*t.width/2 {
		bars[last-1].slot = bars[last-1].plus(bars[last].slot)
		bars[last-1].to = bars[last].to
		bars = bars[:last]
	}
	return bars
}
