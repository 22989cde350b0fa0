package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// A tillRoll is a vendor's view of what it has to be paid for: whatever it
// answered, also if nobody got the answer.
type tillRoll struct{ tokens atomic.Int64 }

// promptTokens and replyTokens are what the mock vendor counts for a call.
const promptTokens, replyTokens = 12, 40

// script answers all questions at length, and loses a third of the answers.
func (m *tillRoll) script(r upstream.Request) upstream.Reply {
	m.tokens.Add(promptTokens + replyTokens)
	body := `{"id":"x","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"yes"},"finish_reason":"stop"}],` +
		`"usage":{"prompt_tokens":12,"completion_tokens":40,"total_tokens":52}}`
	reply := upstream.Reply{Status: 200, Body: []byte(body), Delay: time.Duration(r.Number%7) * 5 * time.Millisecond}
	switch r.Number % 6 {
	case 1:
		reply.Status, reply.Body = 500, nil
	case 4:
		reply.Fault = upstream.ResetInside
	}
	return reply
}

// A budget holds across resumes and crashes, and under every kind of loss: what
// the vendor counts is never more.
func TestBudgetHoldsAcrossResumesAndCrashes(t *testing.T) {
	for name, c := range map[string]struct {
		flags []string
		most  int64 // tokens; at a dollar per million, microdollars
	}{
		"money":  {[]string{"--max-cost", "0.02", "--price", "1,1"}, 20_000},
		"tokens": {[]string{"--max-total-tokens", "20000"}, 20_000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var m tillRoll
			s := startVendor(t, upstream.Config{Script: m.script})
			home, queries := t.TempDir(), queryFile(t, 400)
			args := append([]string{"batch", queries, "-o", filepath.Join(home, "out.ndjson"), "--model", "m", "--max-tokens", "50", "-j", "8",
				"--requests-per-second", "off", "--yes"}, c.flags...)
			code := 0
			for session := range 8 {
				cmd := hostCommand(t, s, args...)
				cmd.Dir, cmd.Env = home, append(cleanEnv(home), "OPENAI_API_KEY=sk-1")
				if session == 0 {
					args = append(args, "--resume")
				}
				if session < 5 {
					var errs lockedBuffer
					cmd.Stderr = &errs
					if err := cmd.Start(); err != nil {
						t.Fatal(err)
					}
					before := s.Stats().Requests
					for deadline := time.Now().Add(20 * time.Second); s.Stats().Requests < before+30 && time.Now().Before(deadline); {
						time.Sleep(5 * time.Millisecond)
					}
					cmd.Process.Kill()
					cmd.Wait()
					continue
				}
				var out string
				_, out, _, code = timed(t, cmd)
				if code != exitEarly || !strings.Contains(out, "budget") {
					t.Fatalf("session %d: exit %d\n%s", session, code, out)
				}
			}
			if used := m.tokens.Load(); used > c.most || used < c.most/4 {
				t.Errorf("the vendor counted %d tokens of %d", used, c.most)
			} else {
				t.Logf("the vendor counted %d tokens of %d", used, c.most)
			}
		})
	}
}

// What --dry-run says is what the summary lays beside the outcome.
func TestSummaryShowsThePrediction(t *testing.T) {
	s := startVendor(t, upstream.Config{})
	queries, sum := queryFile(t, 20), filepath.Join(t.TempDir(), "sum.json")
	flags := []string{"batch", queries, "--model", "m", "--price", "1,2,0.5", "--max-tokens", "100", "--requests-per-second", "50"}
	planned, errs, _, code := timed(t, hostCommand(t, s, append(flags, "--dry-run")...))
	if code != 0 || s.Stats().Requests != 0 {
		t.Fatalf("exit %d, %d requests\n%s", code, s.Stats().Requests, errs)
	}
	_, errs, _, code = timed(t, hostCommand(t, s, append(flags, "--summary", sum)...))
	if code != 0 {
		t.Fatalf("exit %d\n%s", code, errs)
	}
	data, err := os.ReadFile(sum)
	if err != nil {
		t.Fatal(err)
	}
	var plan, summary struct {
		Predicted json.RawMessage
		Queries   int64
		Cost      float64
		MaxCost   float64 `json:"max_cost"`
		TotalCost float64 `json:"total_cost"`
		Duration  float64
		Limit     string
	}
	if err := json.Unmarshal([]byte(planned), &plan); err != nil {
		t.Fatalf("%v\n%s", err, planned)
	}
	if err := json.Unmarshal(data, &summary); err != nil {
		t.Fatal(err)
	}
	if plan.Queries != 20 || plan.Cost <= 0 || plan.MaxCost < plan.Cost || plan.Duration < 0.38 || plan.Limit == "" {
		t.Errorf("plan %s", planned)
	}
	var a, b any
	if json.Unmarshal([]byte(planned), &a) != nil || json.Unmarshal(summary.Predicted, &b) != nil {
		t.Fatal("not JSON")
	}
	one, _ := json.Marshal(a)
	other, _ := json.Marshal(b)
	if string(one) != string(other) {
		t.Errorf("planned   %s\npredicted %s", one, other)
	}
	if summary.TotalCost <= 0 || summary.TotalCost > plan.MaxCost || !strings.Contains(errs, "predicted: ") {
		t.Errorf("cost %v, at most %v\n%s", summary.TotalCost, plan.MaxCost, errs)
	}
}

// A cost that nobody knows is not zero: many such queries are asked about too.
func TestLargeRunsOfUnknownCostAsk(t *testing.T) {
	t.Parallel()
	s := startVendor(t, upstream.Config{})
	key := []string{"OPENAI_API_KEY=sk-1"}
	args := []string{"batch", "queries.ndjson", "--provider", "openai", "--base-url", s.URL() + "/v1", "--model", "m"}
	screen := onTerminal(t, queryDir(t, manyUnpriced), 120, key, args...)
	screen.sees(`100 queries, cost not known, about .*Ask them\? \[y/N\]`)
	screen.typed("\n")
	screen.ends(exitUsage)
	if n := s.Stats().Requests; n != 0 {
		t.Errorf("%d requests", n)
	}
	screen = onTerminal(t, queryDir(t, manyUnpriced), 120, key, append(args, "--limit", "3", "-o", "out.ndjson")...)
	screen.ends(exitOK)
	if strings.Contains(screen.text(), "[y/N]") {
		t.Errorf("asked about three queries:\n%s", screen.text())
	}
}
