package wasm_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/core/wasm"
	"github.com/cortexlinux/cortex-host/sdk"
)

// Package wasm_test builds its guests from bytes; a program opens files:
// wasm.Open("bin/generators/package.wasm").
func ExampleRunner_Generate() {
	runner, err := wasm.NewRunner(wasm.Config{CacheDir: sharedCache})
	if err != nil {
		fmt.Println(err)
		return
	}
	module, err := wasm.Parse("hello.wasm", guest{data: []byte(goodQuery), bodies: [][]byte{write}}.build())
	if err != nil {
		fmt.Println(err)
		return
	}
	for query, err := range runner.Generate(context.Background(), module, wasm.Request{Items: wasm.Texts("nginx")}) {
		fmt.Println(query.ID, query.Messages[0].Text, err)
	}
	// Output: a ? <nil>
}

// numbered yields n items p0, p1, ...
func numbered(n int) func(yield func(wasm.Item, error) bool) {
	return func(yield func(wasm.Item, error) bool) {
		for i := range n {
			if !yield(wasm.Item{Text: "p" + strconv.Itoa(i)}, nil) {
				return
			}
		}
	}
}

func TestStoppingEarly(t *testing.T) {
	r := newRunner(t, wasm.Config{})
	start := time.Now()
	for _, err := range r.Generate(context.Background(), goGenerator(t, "package"), wasm.Request{Items: numbered(1_000_000_000)}) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("stopping took %v", took)
	}
	if left := childProcesses(t); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
}

func TestCancelling(t *testing.T) {
	r := newRunner(t, wasm.Config{})
	ctx, cancel := context.WithCancel(context.Background())
	var last error
	for _, err := range r.Generate(ctx, goGenerator(t, "package"), wasm.Request{Items: numbered(1_000_000_000)}) {
		if last = err; err == nil {
			cancel()
		}
	}
	cancel()
	if !errors.Is(last, context.Canceled) {
		t.Errorf("it ended with %v", last)
	}
}

// Time in which the guest waits for items, or the host's reader takes its own,
// is not the guest's.
func TestDeadlineCountsOnlyTheGuest(t *testing.T) {
	r := newRunner(t, wasm.Config{Limits: wasm.Limits{Timeout: 2100 * time.Millisecond, TimeoutPerItem: -1}})
	m := goGenerator(t, "package")
	if err := r.Compile(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	items := func(yield func(wasm.Item, error) bool) {
		for i := range 3 {
			time.Sleep(1200 * time.Millisecond)
			if !yield(wasm.Item{Text: fmt.Sprint("p", i)}, nil) {
				return
			}
		}
	}
	n := 0
	for _, err := range r.Generate(context.Background(), m, wasm.Request{Items: items}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		time.Sleep(900 * time.Millisecond)
	}
	if n != 3 {
		t.Errorf("%d queries", n)
	}
}

func TestErrorsAmongItems(t *testing.T) {
	r := newRunner(t, wasm.Config{})
	broken := errors.New("the disk is gone")
	items := func(yield func(wasm.Item, error) bool) {
		_ = yield(wasm.Item{Text: "one"}, nil) &&
			yield(wasm.Item{}, &sdk.ItemError{ID: "line 2", Err: sdk.Errorf(sdk.InvalidRequest, "no JSON")}) &&
			yield(wasm.Item{Text: "three"}, nil) &&
			yield(wasm.Item{}, broken)
	}
	queries, failed, err := collect(r, goGenerator(t, "package"), wasm.Request{Items: items})
	if len(queries) != 2 || len(failed) != 1 || !errors.Is(err, broken) {
		t.Errorf("%d queries, %d failed items, %v", len(queries), len(failed), err)
	}
}

func TestNoItemsNeedNoGuest(t *testing.T) {
	r := newRunner(t, wasm.Config{Command: []string{"/no/such/program"}})
	queries, _, err := collect(r, harmless(t), wasm.Request{Items: wasm.Texts()})
	if len(queries) != 0 || err != nil {
		t.Errorf("%v, %v", queries, err)
	}
	_, _, err = collect(r, harmless(t), wasm.Request{Items: wasm.Texts("one")})
	if err == nil {
		t.Error("a child that cannot be started was started")
	}
}

// Facts that a module does not ask for, or that the operator holds back, stay.
func TestFactsAreGivenSparingly(t *testing.T) {
	m := goGenerator(t, "package")
	for _, c := range []struct {
		allow []string
		want  string
	}{
		{nil, "Installed version: 5.2.15-2+b7"},
		{[]string{"os"}, "Installed version: not known"},
		{[]string{}, "System: not known"},
	} {
		r := newRunner(t, wasm.Config{Facts: vectorFacts{}, Allow: wasm.Allow{Facts: c.allow}})
		queries, _, err := collect(r, m, wasm.Request{Items: wasm.Texts("bash")})
		if err != nil || len(queries) != 1 {
			t.Fatal(err)
		}
		if text := queries[0].Messages[1].Text; !strings.Contains(text, c.want) {
			t.Errorf("allowed %v: %s", c.allow, text)
		}
	}
}

// An item that no guest can be given is a failed one, and the others go on.
func TestItemsThatNoGuestCanBeGiven(t *testing.T) {
	m, r := goGenerator(t, "package"), newRunner(t, wasm.Config{})
	for name, bad := range map[string]wasm.Item{"large": {Text: strings.Repeat("x", 2<<20)}, "array": {JSON: []byte(`[1]`)}, "broken": {JSON: []byte(`{"a":`)}} {
		for _, good := range []bool{true, false} {
			queries, items, err := collect(r, m, wasm.Request{Items: func(yield func(wasm.Item, error) bool) {
				_ = (!good || yield(wasm.Item{Text: "nginx"}, nil)) && yield(bad, nil) && good && yield(wasm.Item{Text: "redis"}, nil)
			}})
			wantID, wantQueries := "item_1", 0
			if good {
				wantID, wantQueries = "item_2", 2
			}
			if err != nil || len(queries) != wantQueries || len(items) != 1 || items[0].ID != wantID || !errors.Is(items[0], wasm.InvalidItem) {
				t.Errorf("%s: %d queries, %+v, %v", name, len(queries), items, err)
			}
		}
	}
}

// They come after all else, so that each has the same place in every run; and a
// file that has nothing else is soon given up.
func TestUnfitItemsHaveAPlace(t *testing.T) {
	m, r := goGenerator(t, "package"), newRunner(t, wasm.Config{})
	bad := wasm.Item{JSON: []byte(`[1]`)}
	var order []string
	for q, err := range r.Generate(t.Context(), m, wasm.Request{Items: func(yield func(wasm.Item, error) bool) {
		_ = yield(bad, nil) && yield(wasm.Item{Text: "a"}, nil) && yield(bad, nil) && yield(wasm.Item{Text: "b"}, nil)
	}}) {
		var item *sdk.ItemError
		if errors.As(err, &item) {
			q.ID = item.ID
		}
		order = append(order, q.ID)
	}
	if got := strings.Join(order, " "); got != "pkg_a pkg_b item_1 item_3" {
		t.Error(got)
	}
	_, _, err := collect(r, m, wasm.Request{Items: func(yield func(wasm.Item, error) bool) {
		for yield(bad, nil) {
		}
	}})
	if !errors.Is(err, wasm.InvalidItem) || !strings.HasPrefix(err.Error(), "generator package: more than 1000 items") {
		t.Error(err)
	}
}
