package journal

import (
	"testing"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A call that its query did not wait for is paid with what it can cost, in this
// session and in those that come after it, and once: also if it still ends.
func TestACallThatOutlastsItsQueryIsPaid(t *testing.T) {
	for _, late := range []bool{false, true} {
		d := newSimDisk()
		r := create(t, d, Config{})
		asked, err := r.Admit(0, testQuery(0))
		if must(t, err); !asked {
			t.Fatal("the query is not asked")
		}
		must(t, start(r, 0))
		must(t, r.Settle(testResult(0, 0, "failed")))
		if late {
			cost, tokens := sdk.USD/4, int64(15)
			must(t, r.AttemptEnded(sdk.Attempt{Index: 0, Number: 1, Cost: &cost, Tokens: &tokens}))
		}
		if got := r.Totals(); got.Spent != sdk.USD || got.Tokens != 100 || got.Unpriced != 0 {
			t.Errorf("late %v: %v and %d tokens, %d unpriced", late, got.Spent, got.Tokens, got.Unpriced)
		}
		must(t, r.Close("test"))
		again, err := Resume(t.Context(), r.cfg, r.ID(), testPlan(), all())
		must(t, err)
		if got := again.Before(); got.Spent != sdk.USD || got.Tokens != 100 {
			t.Errorf("late %v, resumed: %v and %d tokens", late, got.Spent, got.Tokens)
		}
		must(t, again.Close("test"))
	}
}
