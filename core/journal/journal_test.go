package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cortexlinux/cortex-host/sdk"
)

func TestMain(m *testing.M) {
	if helperMain() {
		return
	}
	goleak.VerifyTestMain(m)
}

const output = "/data/out.ndjson"

// testQuery is the i-th query of the test input.
func testQuery(i int64) *sdk.Query {
	return &sdk.Query{ID: fmt.Sprintf("q%d", i), Messages: []sdk.Message{{Role: sdk.User, Text: fmt.Sprint("question ", i)}}}
}

func testPlan() Plan {
	return Plan{Fixed: []Field{{"model", "m-1"}}, Output: Output{Path: output}}
}

func all() Again { return Again{Failed: true, Pending: true} }

// testResult settles query i as the class says, with a row that tells which
// session wrote it.
func testResult(i int64, session int, how string) (*sdk.Result, []byte) {
	res := &sdk.Result{QueryID: fmt.Sprintf("q%d", i), Index: i, Attempts: 1}
	switch how {
	case "answered", "degraded":
		res.Response = &sdk.Response{Content: "yes", Usage: &sdk.Usage{PromptTokens: 10, CompletionTokens: 5}}
		res.Degraded = how == "degraded"
	case "failed":
		res.Error = sdk.Errorf(sdk.InvalidRequest, "no")
	case "canceled":
		res.Error = sdk.Errorf(sdk.Canceled, "stopped")
	}
	row := fmt.Sprintf(`{"i":%d,"how":%q,"session":%d,"pad":%q}`+"\n", i, how, session, strings.Repeat("x", int(i*37%200)))
	return res, []byte(row)
}

// ask sends one query and settles it, as the executor and the command do.
func ask(r *Run, i int64, session int, how string) (asked bool, err error) {
	q := testQuery(i)
	if asked, err = r.Admit(i, q); err != nil || !asked {
		return asked, err
	}
	if err := start(r, i); err != nil {
		return true, err
	}
	return true, end(r, i, session, how)
}

func start(r *Run, i int64) error {
	bound := sdk.USD
	return r.AttemptStarted(sdk.Attempt{Index: i, QueryID: fmt.Sprintf("q%d", i), Number: 1, Lane: "lane", Model: "m-1", Started: time.Now(), Reserved: &bound, ReservedTokens: 100})
}

func end(r *Run, i int64, session int, how string) error {
	cost, tokens := sdk.USD/4, int64(15)
	res, row := testResult(i, session, how)
	a := sdk.Attempt{Index: i, Number: 1, Duration: time.Millisecond, Cost: &cost, Tokens: &tokens, ModelServed: "m-1-large", RequestID: "req"}
	if res.Error != nil {
		a.Kind = res.Error.Kind
	}
	if err := r.AttemptEnded(a); err != nil {
		return err
	}
	return r.Settle(res, row)
}

func content(t testing.TB, d Disk, path string) string {
	t.Helper()
	f, err := d.Open(path, OpenRead)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(io.NewSectionReader(f, 0, size))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

type testRow struct {
	I       int64
	How     string
	Session int
}

// rowsOf decodes rows and refuses a torn one and a second one of a query.
func rowsOf(t testing.TB, text string) map[int64]testRow {
	t.Helper()
	rows := map[int64]testRow{}
	for line := range strings.Lines(text) {
		var row testRow
		if err := json.Unmarshal([]byte(line), &row); err != nil || !strings.HasSuffix(line, "\n") {
			t.Fatalf("torn row %q: %v", line, err)
		}
		if _, twice := rows[row.I]; twice {
			t.Fatalf("query %d has two rows in\n%s", row.I, text)
		}
		rows[row.I] = row
	}
	return rows
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func create(t testing.TB, d Disk, cfg Config) *Run {
	t.Helper()
	cfg.Dir, cfg.Disk = "/state/runs", d
	must(t, d.MkdirAll("/data"))
	r, err := Create(t.Context(), cfg, testPlan())
	must(t, err)
	return r
}

func TestRunFromStartToEnd(t *testing.T) {
	d := newSimDisk()
	r := create(t, d, Config{})
	for i, how := range []string{"answered", "failed", "answered", "degraded"} {
		if asked, err := ask(r, int64(i), 0, how); err != nil || !asked {
			t.Fatal(asked, err)
		}
	}
	out, err := r.Finish(t.Context())
	must(t, err)
	rows := rowsOf(t, content(t, d, output))
	if len(rows) != 4 || rows[1].How != "failed" {
		t.Errorf("rows: %v", rows)
	}
	want := Totals{Answered: 2, Degraded: 1, Failed: 1, ByKind: map[sdk.Kind]int64{sdk.InvalidRequest: 1}, Attempts: 4,
		Usage: sdk.Usage{PromptTokens: 30, CompletionTokens: 15}, Spent: sdk.USD, Tokens: 60}
	if fmt.Sprint(out.Totals) != fmt.Sprint(want) {
		t.Errorf("totals %+v\nwant   %+v", out.Totals, want)
	}
	if _, err := d.Open(output+".partial", OpenRead); err == nil {
		t.Error("the partial file is still there")
	}
	info, err := Show(t.Context(), r.cfg, r.ID())
	if err != nil || info.State != StateFinished || fmt.Sprint(info.Totals) != fmt.Sprint(want) || len(info.Open) != 0 {
		t.Errorf("Show: %+v %v", info, err)
	}
}

// Interrupted, resumed, finished with failures, and resumed once more: each
// query is asked exactly when it has to be.
func TestResume(t *testing.T) {
	d := newSimDisk()
	r := create(t, d, Config{})
	for i, how := range []string{"answered", "failed", "canceled", "degraded"} {
		_, err := ask(r, int64(i), 0, how)
		must(t, err)
	}
	if _, err := r.Finish(t.Context()); !errors.Is(err, ErrIncomplete) {
		t.Fatalf("Finish of an incomplete run: %v", err)
	}
	must(t, r.Close("interrupted"))

	steps := []struct {
		again  Again
		asked  string // ordinals
		how    string
		finish bool
	}{
		{Again{Failed: true}, "1", "failed", false},
		{Again{Pending: true}, "2", "answered", true},
		{Again{Failed: true, Pending: true}, "1", "failed", true},
		{Again{Failed: true, Degraded: true, Pending: true}, "13", "answered", true},
	}
	for n, step := range steps {
		r, err := Resume(t.Context(), r.cfg, r.ID(), testPlan(), step.again)
		must(t, err)
		asked := ""
		for i := range int64(4) {
			was, err := ask(r, i, n+1, step.how)
			must(t, err)
			if was {
				asked += fmt.Sprint(i)
			}
		}
		if asked != step.asked {
			t.Errorf("step %d asked %s, want %s", n, asked, step.asked)
		}
		if !step.finish {
			must(t, r.Close(""))
			continue
		}
		_, err = r.Finish(t.Context())
		must(t, err)
		if rows := rowsOf(t, content(t, d, output)); len(rows) != 4 {
			t.Errorf("step %d: %v", n, rows)
		}
	}
	rows := rowsOf(t, content(t, d, output))
	if rows[0].Session != 0 || rows[1].Session != 4 || rows[2].Session != 2 || rows[3].Session != 4 {
		t.Errorf("rows come from the wrong sessions: %v", rows)
	}
	if _, err := Resume(t.Context(), r.cfg, r.ID(), testPlan(), all()); !errors.Is(err, ErrComplete) {
		t.Errorf("Resume of a complete run: %v", err)
	}
}

func TestResumeExplainsChanges(t *testing.T) {
	d := newSimDisk()
	r := create(t, d, Config{})
	_, err := ask(r, 0, 0, "answered")
	must(t, err)
	must(t, r.Close("interrupted"))

	plan := testPlan()
	plan.Fixed = []Field{{"model", "m-2"}, {"temperature", "0.7"}}
	plan.Free = []Field{{"max-concurrent", "9"}}
	var changed *ChangedError
	if _, err := Resume(t.Context(), r.cfg, r.ID(), plan, all()); !errors.As(err, &changed) || len(changed.Differences) != 2 ||
		!strings.Contains(err.Error(), `model was "m-1", is now "m-2"`) || !strings.Contains(err.Error(), "temperature was not set") || !strings.Contains(err.Error(), "--new-run") {
		t.Errorf("changed model: %v", err)
	}
	plan = testPlan()
	plan.Free = []Field{{"max-concurrent", "9"}}
	again, err := Resume(t.Context(), r.cfg, r.ID(), plan, all())
	must(t, err)
	var input *InputError
	if _, err := again.Admit(0, testQuery(7)); !errors.As(err, &input) {
		t.Errorf("another query under an answered ordinal: %v", err)
	}
	if ask, err := again.Admit(0, testQuery(0)); ask || err != nil {
		t.Errorf("an answered query: %v %v", ask, err)
	}
	if _, err := Resume(t.Context(), r.cfg, r.ID(), plan, all()); !errors.Is(err, ErrLocked) {
		t.Errorf("a second writer: %v", err)
	}
	must(t, again.Close(""))
}

func TestInFlightAtAKillIsListedAndPaid(t *testing.T) {
	d := newSimDisk()
	r := create(t, d, Config{})
	for i := range int64(3) {
		_, err := r.Admit(i, testQuery(i))
		must(t, err)
		must(t, start(r, i))
	}
	must(t, end(r, 1, 0, "answered"))
	kill(r)

	again, err := Resume(t.Context(), r.cfg, r.ID(), testPlan(), all())
	must(t, err)
	defer again.Close("")
	list := again.Resends()
	before := again.Before()
	if len(list) != 2 || list[0].ID != "q0" || list[1].ID != "q2" || before.Resent != 0 || before.Attempts != 3 {
		t.Errorf("re-sends %+v, before %+v", list, before)
	}
	for i := range int64(3) {
		_, err := ask(again, i, 1, "answered")
		must(t, err)
	}
	if n := again.Totals().Resent; n != 2 {
		t.Errorf("%d re-sends counted", n)
	}
	if want := 2*sdk.USD + sdk.USD/4; before.Spent != want || before.Tokens != 215 {
		t.Errorf("spent %v and %d tokens, want %v and 215: what was in flight counts at its bound", before.Spent, before.Tokens, want)
	}
	if notes := strings.Join(again.Notes(), "\n"); !strings.Contains(notes, `"q0", "q2"`) {
		t.Errorf("notes: %s", notes)
	}
}

// kill ends a run as SIGKILL would: what was flushed stays, the locks go.
func kill(r *Run) {
	_ = r.log.flush()
	r.log.fail(errors.New("killed"))
	_ = r.log.close()
	for _, l := range r.locks {
		l.Close()
	}
}

// A key must not get into the journal by any way. A word that stands for one,
// because the server looks at none, must not stop a run.
func TestSecretsAreRefused(t *testing.T) {
	for secret, refused := range map[string]bool{
		`sk-"123456`: true, "hunter2": true, "aVeryLongSecretOfLetters": true, "token-abc123": true,
		"x": false, "sk-1": false, "EMPTY": false, "ollama": false, "lm-studio": false, "not-needed": false,
	} {
		for place, plan := range map[string]Plan{
			"argument 3 of the command line": {Args: []string{"batch", "--param", "key=" + secret}},
			"the setting base_url":           {Free: []Field{{Name: "base_url", Value: "http://" + secret + "@host"}}},
			"what is to be recorded":         {Origin: Origin{Lanes: []Lane{{Settings: []Field{{Name: "header", Value: secret}}}}}},
		} {
			plan.Output, plan.Secrets = Output{Path: output}, []string{secret}
			d := newSimDisk()
			must(t, d.MkdirAll("/data"))
			r, err := Create(t.Context(), Config{Dir: "/state", Disk: d}, plan)
			if err == nil {
				must(t, r.Close(""))
			}
			if refused != (err != nil) {
				t.Errorf("%s: %s: %v", secret, place, err)
			} else if refused && (strings.Contains(err.Error(), secret) || !strings.Contains(err.Error(), place)) {
				t.Errorf("the error is %q; want it to name %s and not the secret", err, place)
			}
		}
	}
}
