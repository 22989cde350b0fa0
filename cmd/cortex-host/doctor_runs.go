package main

import (
	"context"
	"fmt"

	"github.com/cortexlinux/cortex-host/core/journal"
)

// examineRuns looks whether what is recorded can be read.
func (a *app) examineRuns(ctx context.Context) []diagnosis {
	cfg, err := a.journalConfig(defaultSync)
	if err != nil {
		return nil // the directories say so
	}
	var found []diagnosis
	runs, err := journal.List(ctx, cfg)
	if err != nil {
		found = append(found, diagnosis{"recorded runs", warning, err.Error(), "`cortex-host runs rm RUN` removes the record; the results stay"})
	}
	interrupted := 0
	for _, r := range runs {
		switch r.State {
		case journal.StateInterrupted:
			interrupted++
		case journal.StateUnreadable:
			found = append(found, diagnosis{"run " + r.ID, warning, fmt.Sprintf("writes to %s: %s", r.Plan.Output.Path, r.Reason),
				"copy what is left of its answers, then `cortex-host runs rm " + r.ID + "`"})
		}
	}
	if len(found) > 0 {
		return found
	}
	return []diagnosis{{"recorded runs", healthy, fmt.Sprintf("%d, of which %d can be resumed", len(runs), interrupted), ""}}
}
