package process

import (
	"testing"
	"time"
)

// Whom the watch ends: those that are silent for too long, and sooner those that
// neither compute nor want to. A thread that has ended takes nothing away from
// what the others did.
func TestWhichPluginHangs(t *testing.T) {
	const most, part = 15 * time.Second, 15 * time.Second / idlePart
	type threads = map[string]time.Duration
	of := func(processor time.Duration, waited threads) effort {
		return effort{processor: processor, waits: waits{processor: waited}, known: true}
	}
	before := of(time.Second, threads{"1": time.Second, "2": 10 * time.Second})
	onDisk := before
	onDisk.waits.disk = true
	for _, c := range []struct {
		what     string
		was, now effort
		silent   time.Duration
		hung     bool
	}{
		{"it does nothing", before, before, part + 1, true},
		{"it does nothing, and not for long", before, before, part, false},
		{"it does next to nothing", before, of(time.Second+part/100, before.waits.processor), part + 1, true},
		{"it computes", before, of(2*time.Second, before.waits.processor), part + 1, false},
		{"it computes, and a thread has ended that had waited", before, of(2*time.Second, threads{"1": time.Second}), part + 1, false},
		{"it waits for a processor", before, of(time.Second, threads{"1": 3 * time.Second, "2": 10 * time.Second}), part + 1, false},
		{"it waits, and a thread has ended that had waited longer", before, of(time.Second, threads{"1": 3 * time.Second}), part + 1, false},
		{"a new thread waits", before, of(time.Second, threads{"1": time.Second, "3": time.Second}), part + 1, false},
		{"all that happened is that a thread ended", before, of(time.Second, threads{"1": time.Second}), part + 1, true},
		{"it waits for a disk", before, onDisk, part + 1, false},
		{"what it used cannot be read", before, of(0, nil), part + 1, false},
		{"nobody has looked before", effort{processor: time.Second}, before, part + 1, false},
		{"it computes for ever", before, of(time.Hour, nil), most + 1, true},
	} {
		if got := hung(c.was, c.now, c.silent, most); got != c.hung {
			t.Errorf("%s, silent for %v: hung is %v", c.what, c.silent, got)
		}
	}
}
