package report

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cortexlinux/cortex-host/sdk"
)

func TestQuantilesAreNear(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.Int64Range(0, int64(time.Hour)), 1, 200).Draw(t, "durations")
		var h histogram
		for _, d := range list {
			h.add(time.Duration(d))
		}
		slices.Sort(list)
		for _, q := range []float64{0.5, 0.95, 0.99, 1} {
			want := float64(list[int(math.Ceil(q*float64(len(list))))-1])
			got := float64(h.quantile(q))
			if math.Abs(got-want) > 0.02*want+float64(time.Microsecond) {
				t.Errorf("quantile %v of %d durations is %v, want %v", q, len(list), time.Duration(got), time.Duration(want))
			}
		}
	})
}

func TestTimelineKeepsEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		origin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		var line timeline
		var n int64
		var busy time.Duration
		for range rapid.IntRange(1, 50).Draw(t, "queries") {
			from := time.Duration(rapid.Int64Range(0, int64(10*time.Hour)).Draw(t, "from"))
			took := time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "took"))
			line.add(origin.Add(from), origin.Add(from+took), true)
			n, busy = n+1, busy+took
		}
		if len(line.slots) > maxSlots {
			t.Fatalf("%d slots", len(line.slots))
		}
		for _, bars := range []int{1, 7, 80} {
			var gotN int64
			var gotBusy, last time.Duration
			list := line.bars(bars)
			if len(list) > bars {
				t.Fatalf("%d bars, want at most %d", len(list), bars)
			}
			for _, b := range list {
				if b.from != last || b.to < b.from {
					t.Fatalf("a bar from %v to %v after %v", b.from, b.to, last)
				}
				gotN, gotBusy, last = gotN+b.answered, gotBusy+b.busy, b.to
			}
			if gotN != n || gotBusy != busy {
				t.Fatalf("%d bars hold %d queries, %v busy; want %d, %v", len(list), gotN, gotBusy, n, busy)
			}
		}
	})
}

func TestAxes(t *testing.T) {
	for _, highest := range []float64{0, 0.003, 1, 4.2, 99, 1e3, 123456, 7e6} {
		ticks := valueAxis(highest, 4, false)
		if last := ticks[len(ticks)-1].at; last < highest || len(ticks) < 2 || len(ticks) > 6 {
			t.Errorf("values up to %v: %v", highest, ticks)
		}
	}
	for _, end := range []time.Duration{0, time.Millisecond, time.Second, 75 * time.Second, time.Hour, 30 * time.Hour, 100 * day} {
		if ticks := timeAxis(end, 6); len(ticks) > 7 || end > 0 && len(ticks) < 2 {
			t.Errorf("time up to %v: %v", end, ticks)
		}
	}
	for _, r := range [][2]time.Duration{{time.Microsecond, 6 * time.Microsecond}, {40 * time.Millisecond, 300 * time.Millisecond}, {time.Microsecond, 10 * time.Hour}} {
		if ticks := logAxis(r[0], r[1], 7); len(ticks) == 0 || len(ticks) > 12 {
			t.Errorf("from %v to %v: %v", r[0], r[1], ticks)
		}
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{count(0), "0"}, {count(999), "999"}, {count(1000), "1,000"}, {count(-1234567), "-1,234,567"},
		{percent(1, 1_000_000), "< 0.1 %"}, {percent(999_999, 1_000_000), "> 99.9 %"}, {percent(1, 4), "25 %"}, {percent(0, 0), "-"},
		{span(0), "0 s"}, {span(850 * time.Microsecond), "850 µs"}, {span(999900 * time.Microsecond), "1.00 s"}, {span(2410 * time.Millisecond), "2.41 s"},
		{span(200 * time.Second), "3 min 20 s"}, {span(90 * time.Minute), "1 h 30 min"},
		{decimal(0.0123), "0.012"}, {decimal(4.216), "4.22"}, {decimal(1310.4), "1,310"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"plain ü 日本\n\t": "plain ü 日本\n\t", "a\r\nb": "a\nb", "\x1b[2J": `\x1b[2J`, "\u202e": `\u202e`, "\xff": `\xff`,
		"\U000e0041": `\U000e0041`, "👩\u200d💻": "👩\u200d💻", "\ufeff": `\ufeff`, "\x00": `\x00`,
	} {
		if got := visible(in); got != want {
			t.Errorf("visible(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestALaneWithoutAModelHasThoseThatAnswered(t *testing.T) {
	rec := New(Config{})
	for i, model := range []string{"m-1", "m-2", "m-1"} {
		rec.Observe(&sdk.Result{QueryID: "q", ExecutionTime: time.Duration(i+1) * time.Second, Attempts: 1,
			Response: &sdk.Response{Provider: "p", Model: model, ModelServed: model}}, time.Time{})
	}
	rec.Observe(&sdk.Result{QueryID: "failed", Attempts: 1, Error: &sdk.Error{Kind: sdk.InvalidRequest, Provider: "p"}}, time.Time{})
	latency, served := rec.lanes.seen(laneKey{provider: "p"}, nil)
	if latency.n != 3 || latency.max != 3*time.Second || latency.min != time.Second || latency.sum != 6*time.Second || len(served) != 2 {
		t.Errorf("%+v, served %q", latency, served)
	}
	if latency, _ := rec.lanes.seen(laneKey{"p", "m-1"}, nil); latency.n != 2 {
		t.Errorf("%d of m-1", latency.n)
	}
	if latency, _ := rec.lanes.seen(laneKey{provider: "q"}, nil); latency.n != 0 {
		t.Errorf("%d of a stranger", latency.n)
	}
	if latency, _ := rec.lanes.seen(laneKey{provider: "p"}, []Lane{{Provider: "p"}, {Provider: "p", Model: "m-2"}}); latency.n != 2 {
		t.Errorf("%d beside a lane of m-2", latency.n)
	}
}
