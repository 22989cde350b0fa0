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
	var used time.Duration // of processor time, at the last sign of life
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
			seen, used = alive, i.processorTime()
		}
		silent := time.Since(epoch) - time.Duration(seen)
		idle := i.processorTime()-used < silent/50
		if silent > i.cfg.HangTimeout || idle && silent > i.cfg.HangTimeout/idlePart {
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
