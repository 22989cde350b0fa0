package journal

import (
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// Tokens count over all sessions: as used where that is known, as reserved for
// calls that a crash cut off or whose fate is not known.
func TestTokensCountAcrossCrashes(t *testing.T) {
	d := newSimDisk()
	cfg := Config{Dir: "/state/runs", Disk: d, Reserve: -1}
	must(t, d.MkdirAll("/data"))
	r := create(t, d, cfg)
	call := func(i int64, used *int64, kind sdk.Kind) {
		t.Helper()
		_, err := r.Admit(i, testQuery(i))
		must(t, err)
		a := sdk.Attempt{Index: i, QueryID: testQuery(i).ID, Number: 1, Started: time.Now(), ReservedTokens: 100}
		must(t, r.AttemptStarted(a))
		if kind == "cut off" {
			return
		}
		a.Tokens, a.Kind = used, kind
		must(t, r.AttemptEnded(a))
	}
	call(0, new(int64(30)), "")
	call(1, new(int64(0)), sdk.RateLimited)
	call(2, nil, sdk.InDoubt)
	call(3, nil, "cut off")
	must(t, r.log.sync())
	kill(r)
	r, err := Resume(t.Context(), cfg, r.ID(), testPlan(), all())
	must(t, err)
	defer kill(r)
	if got := r.Before().Tokens; got != 30+0+100+100 {
		t.Errorf("%d tokens before", got)
	}
}
