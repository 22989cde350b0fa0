package providertest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/sdk/provider"
)

// ErrNoCA is what a door returns that can't make one instance trust a CA.
var ErrNoCA = errors.New("this door can't make an instance trust a certificate authority")

// Run checks a plugin in a test, one subtest a check.
func Run(t *testing.T, newPlugin func() provider.Plugin, f Fixture) {
	t.Helper()
	c, err := newChecker(Direct(newPlugin), f)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	run := func(one check) bool {
		return t.Run(string(one.level)+"/"+one.name, func(t *testing.T) {
			var skip *skipped
			switch err := c.run(t.Context(), one); {
			case errors.As(err, &skip):
				t.Skip(skip.why)
			case err != nil:
				t.Errorf("%v\n-> %s", err, mendOf(one.name, err.Error()))
			}
		})
	}
	if !run(c.handshakeCheck()) {
		return // nothing can be asked
	}
	for _, one := range c.checks() {
		run(one)
	}
}

// Check checks a plugin through a door. Its error says that the kit itself
// could not work; what the plugin does wrong is in the report. progress, if not
// nil, is called after each check.
func Check(ctx context.Context, door Door, f Fixture, progress func(Finding)) (*Report, error) {
	c, err := newChecker(door, f)
	if err != nil {
		return nil, err
	}
	defer c.close()
	r := &Report{Claimed: Basic}
	find := func(one check) Status {
		finding := c.find(ctx, one)
		r.Findings = append(r.Findings, finding)
		if progress != nil {
			progress(finding)
		}
		return finding.Status
	}
	if find(c.handshakeCheck()) == Pass {
		r.Provider, r.Version, r.Claimed = c.about.Name, c.about.Version, c.claimed()
		for _, one := range c.checks() {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			find(one)
		}
	}
	r.settle()
	return r, ctx.Err()
}

func (c *checker) find(ctx context.Context, one check) Finding {
	start := time.Now()
	err := c.run(ctx, one)
	f := Finding{Name: one.name, Level: one.level, Status: Pass, Seconds: seconds(time.Since(start))}
	var skip *skipped
	switch {
	case errors.As(err, &skip):
		f.Status, f.Detail = Skip, skip.why
	case err != nil:
		f.Status, f.Detail, f.Mend = Fail, err.Error(), mendOf(one.name, err.Error())
	}
	return f
}
