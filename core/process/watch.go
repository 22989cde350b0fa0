package process

import (
	"context"
	"fmt"
	"time"
)

// looks is how many looks at the plugin a HangTimeout has, and idlePart the
// part of it that a plugin has which does not even use the processor.
const (
	looks    = 30
	idlePart = 5
)

// watch waits for signs of life while calls wait for the plugin, and ends it if
// none comes: after a HangTimeout, or after a part of that if it does not use
// the processor, as one that was stopped. An answer to anything is a sign.
func (i *instance) watch() {
	if i.child == nil {
		return // under a debugger, which may hold it for as long as it likes
	}
	tick := time.NewTicker(i.cfg.HangTimeout / looks)
	defer tick.Stop()
	asked := make(chan struct{}, 1) // holds one entry while an answer is due
	var looked time.Time
	var used effort // at the last sign of life
	for seen := int64(0); ; {
		select {
		case <-i.stopping:
			return
		case <-i.child.done():
			return
		case <-tick.C:
		}
		if i.waiting.Load() == 0 || time.Since(looked) > i.cfg.HangTimeout/idlePart {
			// Nobody waits, or this program itself did not run for a while:
			// that nothing was heard proves nothing.
			i.sign()
		}
		looked = time.Now()
		if alive := i.alive.Load(); alive != seen {
			seen, used = alive, effort{processor: i.processorTime()}
		}
		silent := time.Since(epoch) - time.Duration(seen)
		if i.isHung(&used, silent) {
			i.hangs(silent)
			return
		}
		select {
		case asked <- struct{}{}:
			i.watching.Go(func() { i.askForSign(); <-asked })
		default:
		}
	}
}

// An effort is what a plugin has used of the machine, and wanted to use.
type effort struct {
	processor time.Duration
	// waits is known from the second half of the time on that an idle plugin
	// has: to find out costs more.
	waits waits
	known bool
}

// waits are what the threads of a plugin have waited for.
type waits struct {
	processor map[string]time.Duration // by thread, of those that live
	disk      bool                     // one waits for it now
}

// isHung reports whether a plugin that has been silent for so long is to be ended.
func (i *instance) isHung(since *effort, silent time.Duration) bool {
	if silent <= i.cfg.HangTimeout/idlePart/2 {
		return false
	}
	was, now := *since, effort{processor: i.processorTime(), waits: i.waits(), known: true}
	if !since.known {
		since.waits, since.known = now.waits, true
	}
	return hung(was, now, silent, i.cfg.HangTimeout)
}

// hung decides: whoever was silent for longer than most is hung, and so is one that
// was silent for the part of it that an idle plugin has and neither used a processor
// nor waited for one, or for a disk.
func hung(was, now effort, silent, most time.Duration) bool {
	switch {
	case silent > most:
		return true
	case silent <= most/idlePart, !was.known, now.waits.disk,
		now.processor < was.processor: // it could not be read
		return false
	}
	did := now.processor - was.processor
	for thread, waited := range now.waits.processor {
		did += max(0, waited-was.waits.processor[thread])
	}
	return did < silent/50
}

// epoch is from when on signs of life are counted: the monotonic clock goes on
// when somebody sets the time.
var epoch = time.Now()

// sign notes a sign of life.
func (i *instance) sign() { i.alive.Store(int64(time.Since(epoch))) }

// askForSign asks for a sign of life. That the plugin refuses is one, too.
func (i *instance) askForSign() {
	ctx, cancel := context.WithTimeout(context.Background(), i.cfg.HangTimeout)
	defer cancel()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-stop:
		case <-i.stopping:
		case <-i.child.done():
		}
		cancel()
	}()
	if _, err := i.client.Describe(ctx); err == nil || ctx.Err() == nil {
		i.sign()
	}
}

// hangs ends a plugin that does not answer.
func (i *instance) hangs(silent time.Duration) {
	fmt.Fprintf(&i.words, "no sign of life for %v: killed\n", silent.Round(time.Millisecond))
	i.cfg.Logger.Error("the plugin hangs; killing it", "plugin", i.cfg.Name)
	i.child.process.Kill()
}
