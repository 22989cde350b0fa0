//go:build !linux

package process

import "time"

// processorTime is not known on this system: a plugin that does not answer
// counts as idle.
func (i *instance) processorTime() time.Duration { return 0 }

// waits are not known either.
func (i *instance) waits() waits { return waits{} }
