package process

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// UnderRaceDetector says that this program was built with the race detector.
var UnderRaceDetector = len(childEnv) > 0

// SetLandlock makes a configuration act as on a kernel with an older Landlock.
func (c *Config) SetLandlock(abi int) { c.landlock = abi }

// Waited returns how long the plugin that runs has waited for processors.
func Waited(p *Provider) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	var sum time.Duration
	for _, waited := range p.current.waits().processor {
		sum += waited
	}
	return sum
}

// Hide returns a text as a plugin's log and errors show it once the plugin has
// been given these keys, one after another.
func Hide(text string, keys []string) string {
	var s secrets
	for _, key := range keys {
		s.hide(sdk.Settings{"key": json.RawMessage(strconv.Quote(key))}, []string{"key"})
	}
	return s.clean(text)
}

// Target makes what hostile plugins try to reach, as text.
func Target(other int, file string) (text string, done func(), err error) {
	t, done, err := newTarget()
	if err != nil {
		return "", nil, err
	}
	t.Other = other
	if file != "" {
		t.File = file
	}
	raw, err := json.Marshal(t)
	return string(raw), done, err
}

// Try attempts everything on a target, and returns the results and the daemon
// that it left, as text.
func Try(text string) (string, error) {
	var t target
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return "", err
	}
	raw, err := json.Marshal(t.try())
	return string(raw), err
}

// Tried reads what Try returned.
func Tried(text string) (results []ProbeResult, daemon func() ProbeResult, err error) {
	var a attempts
	err = json.Unmarshal([]byte(text), &a)
	return a.Results, a.daemonEnded, err
}
