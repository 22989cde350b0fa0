package route_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

var nobody = sdk.ProviderFunc(nil)

func lanes(names ...string) []route.Lane {
	var list []route.Lane
	for _, name := range names {
		l := route.Lane{Name: name, Provider: nobody}
		if instance, _, ok := strings.Cut(name, "/"); ok {
			l.Instance = instance
		}
		list = append(list, l)
	}
	return list
}

func TestPaths(t *testing.T) {
	table := route.Table{
		sdk.UserChat:        {"chat", "system"},
		sdk.SystemOperation: {"system", "chat"},
		route.AnyTask:       {"keys/2"},
	}
	r, err := route.New(lanes("chat", "system", "keys/1", "keys/2"), table)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		q    sdk.Query
		want [][]int
	}{
		{sdk.Query{}, [][]int{{0}, {1}}},
		{sdk.Query{TaskType: sdk.SystemOperation}, [][]int{{1}, {0}}},
		{sdk.Query{TaskType: sdk.CodeGeneration}, [][]int{{3}}},
		{sdk.Query{Provider: "system"}, [][]int{{1}}},
		{sdk.Query{Provider: "keys"}, [][]int{{2, 3}}},
		{sdk.Query{Provider: "keys/1"}, [][]int{{2}}},
	} {
		p, err := r.Path(&c.q)
		if err != nil || !reflect.DeepEqual(p.Stops, c.want) || p.Forced != (c.q.Provider != "") {
			t.Errorf("%+v: path %+v, error %v, want %v", c.q, p, err, c.want)
		}
	}
	if _, err := r.Path(&sdk.Query{Provider: "nope"}); err == nil || err.Kind != sdk.InvalidRequest || !strings.Contains(err.Message, "chat, keys, keys/1, keys/2, system") {
		t.Errorf("unknown provider: %v", err)
	}
}

func TestWithoutATableEverythingGoesToTheFirstLane(t *testing.T) {
	r, err := route.New(lanes("local", "remote"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range sdk.TaskTypes() {
		if p, _ := r.Path(&sdk.Query{TaskType: task}); !reflect.DeepEqual(p.Stops, [][]int{{0}}) {
			t.Errorf("%s: %v", task, p.Stops)
		}
	}
}

func TestWrongConfiguration(t *testing.T) {
	for _, c := range []struct {
		lanes []route.Lane
		table route.Table
		want  string
	}{
		{nil, nil, "no lane"},
		{lanes("a", "a"), nil, `two lanes are named "a"`},
		{[]route.Lane{{Name: "a"}}, nil, `lane "a" has no provider`},
		{[]route.Lane{{Provider: nobody}}, nil, "has no name"},
		{lanes("a"), route.Table{sdk.UserChat: {"b"}}, `there is no lane "b"; one of a`},
		{lanes("a"), route.Table{sdk.UserChat: {"a", "a"}}, `names "a" twice`},
		{lanes("a"), route.Table{sdk.UserChat: {}}, "names no lane"},
		{lanes("a"), route.Table{"gardening": {"a"}}, "no such task type"},
		{append(lanes("k/1"), route.Lane{Name: "k", Instance: "other", Provider: nobody}), nil, `"k" is the name of a lane and of another lane's instance`},
		{make([]route.Lane, 65), nil, "at most 64"},
	} {
		if _, err := route.New(c.lanes, c.table); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

func TestVisited(t *testing.T) {
	var v route.Visited
	for _, i := range []int{0, 7, 63} {
		v.Add(i)
	}
	for i := range route.MaxLanes {
		if v.Has(i) != (i == 0 || i == 7 || i == 63) {
			t.Errorf("Has(%d) = %v", i, v.Has(i))
		}
	}
}

func TestBreakerProbesAtGrowingIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := route.NewBreaker()
		for range 5 {
			if ok, _ := b.Ready(time.Now()); !ok || b.Open() {
				t.Fatal("open too soon")
			}
			b.Start().Done(time.Now(), route.Broken)
		}
		if !b.Open() {
			t.Fatal("five failures in a row did not open it")
		}
		var gaps []time.Duration
		for range 8 {
			ok, at := b.Ready(time.Now())
			if ok {
				t.Fatal("ready at once after a failure")
			}
			gaps = append(gaps, time.Until(at).Round(time.Millisecond))
			time.Sleep(time.Until(at))
			if ok, _ := b.Ready(time.Now()); !ok {
				t.Fatal("not ready when it said")
			}
			probe := b.Start()
			if ok, at := b.Ready(time.Now()); ok || !at.IsZero() {
				t.Fatal("a second probe beside the first")
			}
			probe.Done(time.Now(), route.Broken)
		}
		if s := fmt.Sprint(gaps); s != "[500ms 1s 2s 4s 8s 15s 15s 15s]" {
			t.Errorf("probes after %s", s)
		}
		if !b.Hopeless() {
			t.Error("a lane that never answered should be given up")
		}
		_, at := b.Ready(time.Now())
		time.Sleep(time.Until(at))
		b.Start().Done(time.Now(), route.Healthy)
		if ok, _ := b.Ready(time.Now()); !ok || b.Open() || b.Hopeless() {
			t.Error("a probe that was answered should close it")
		}
		for range 5 {
			b.Start().Done(time.Now(), route.Broken)
		}
		for range 20 {
			_, at := b.Ready(time.Now())
			time.Sleep(time.Until(at))
			b.Start().Done(time.Now(), route.Broken)
		}
		if !b.Open() || b.Hopeless() {
			t.Error("a lane that has answered before is not hopeless")
		}
	})
}

func TestBreakerIgnoresNeutralCalls(t *testing.T) {
	b := route.NewBreaker()
	for range 4 {
		b.Start().Done(time.Now(), route.Broken)
	}
	b.Start().Done(time.Now(), route.Neutral)
	if b.Open() {
		t.Fatal("a neutral call counted as a failure")
	}
	b.Start().Done(time.Now(), route.Broken)
	if !b.Open() {
		t.Error("a neutral call counted as a success")
	}
}

func TestBreakerForgetsCallsOfAnotherTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := route.NewBreaker()
		late := b.Start()
		fail := func(n int) {
			for range n {
				b.Start().Done(time.Now(), route.Broken)
			}
		}
		fail(5)
		_, at := b.Ready(time.Now())
		time.Sleep(time.Until(at))
		b.Start().Done(time.Now(), route.Healthy)
		late.Done(time.Now(), route.Broken)
		fail(4)
		if b.Open() {
			t.Fatal("a call sent before the outage counted after it")
		}
		b.Start().Done(time.Now(), route.Healthy)
		fail(4)
		if b.Open() {
			t.Fatal("failures are not in a row with an answer between them")
		}
		fail(1)
		if !b.Open() {
			t.Error("five failures in a row did not open it again")
		}
	})
}

// A chat lane and a system lane, each the other's fallback.
func ExampleTable() {
	r, err := route.New([]route.Lane{
		{Name: "chat", Provider: nobody},
		{Name: "system", Provider: nobody, Local: true},
	}, route.Table{
		sdk.UserChat:        {"chat", "system"},
		sdk.SystemOperation: {"system", "chat"},
	})
	if err != nil {
		panic(err)
	}
	chat, _ := r.Path(&sdk.Query{TaskType: sdk.UserChat})
	system, _ := r.Path(&sdk.Query{TaskType: sdk.SystemOperation})
	fmt.Println(chat.Stops, system.Stops)
	// Output: [[0] [1]] [[1] [0]]
}
