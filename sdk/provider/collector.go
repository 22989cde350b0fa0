package provider

import (
	"os"
	"runtime/debug"
)

// How often a plugin's memory is collected. What it keeps is small, so at Go's
// own 100 percent the collector runs forty times a second and looks through the
// stacks of all calls each time. With thousands of calls the stacks, which count
// too, make it seldom enough. RATIONALE.md has the numbers.
const (
	seldom     = 200
	ordinary   = 100
	manyCalls  = 1024 // at once
	gcVariable = "GOGC"
)

// collect sets how often; whoever has set it in the environment knows better.
func collect(percent int) {
	if os.Getenv(gcVariable) == "" {
		debug.SetGCPercent(percent)
	}
}
