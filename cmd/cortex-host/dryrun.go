package main

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/core/journal"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

// foretell goes through the queries of a job and says what asking them would
// be like: of a run that is resumed, asking those that are left.
func (a *app) foretell(ctx context.Context, j job, o *outputFlags, record journal.Plan) (executor.Plan, error) {
	past, err := a.openPast(ctx, o, record)
	if err != nil {
		return executor.Plan{}, err
	}
	j.sink = past
	if err := checkSpent(j.config, j.sink); err != nil {
		return executor.Plan{}, err
	}
	exec, err := executor.New(j.executorConfig())
	if err != nil {
		return executor.Plan{}, asUsage(err)
	}
	plan, err := exec.Plan(ctx, withDefaults(j.queries, j.config))
	j.nameSources(&plan)
	return plan, err
}

// dryRun shows what the run would be like, and asks nobody.
func (a *app) dryRun(ctx context.Context, j job, o *outputFlags, record journal.Plan) error {
	plan, err := a.foretell(ctx, j, o, record)
	if err != nil {
		return err
	}
	if j.text {
		return a.describePlan(plan)
	}
	return a.printJSON(plan)
}

func (a *app) describePlan(p executor.Plan) error {
	w := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', 0)
	line := func(name, message string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", name, format.Inline(fmt.Sprintf(message, args...)))
	}
	line("queries", "%d", p.Queries)
	if p.Skipped > 0 {
		line("", "%d have their answer", p.Skipped)
	}
	if p.Invalid > 0 {
		line("", "%d more would fail before they are sent", p.Invalid)
	}
	for _, name := range sortedKeys(p.Lanes) {
		line("", "%d to %s", p.Lanes[name], name)
	}
	line("tokens", "about %d in prompts, %d in replies", p.PromptTokens, p.CompletionTokens)
	line("cost", "%s", costText(p))
	if p.Prices != "" {
		line("", "prices: %s", p.Prices)
	}
	limit := p.Limit
	if p.RateIsFound && limit == "requests" {
		limit = "the rate that a run begins with; it finds a higher one if there is"
	}
	line("time", "about %s, limited by %s", format.Seconds(p.Duration), limit)
	line("results", "about %d KB", (p.ResultBytes+1023)/1024)
	return outputError(w.Flush())
}

func costText(p executor.Plan) string {
	switch {
	case p.Cost == nil:
		return "not known; name the model with --model, or give its price with --price IN,OUT"
	case p.MaxCost == nil:
		return fmt.Sprintf("about %v; at most: not known without --max-tokens", p.Cost)
	}
	return fmt.Sprintf("about %v, at most %v", p.Cost, p.MaxCost)
}

// largeCost is from when on a run on a terminal is worth a question.
const largeCost = sdk.USD

// manyUnpriced is from how many queries on a run of which nobody knows the cost
// is worth a question.
const manyUnpriced = 100

// fewNamed is how many items one names by hand: not worth a question, whatever
// they cost.
const fewNamed = 10

// worthAQuestion reports whether a run may turn out to be large, as far as that
// can be told without looking at its queries.
func (j *job) worthAQuestion() bool {
	if j.config.MaxCost != nil || j.generator != "" && j.total > 0 && j.total <= fewNamed {
		return false
	}
	return slices.ContainsFunc(j.lanes, func(l route.Lane) bool { return !l.Free })
}

// large reports whether a run costs enough, or may, to be asked about.
func large(p executor.Plan) bool {
	if p.Cost == nil {
		return p.Queries >= manyUnpriced
	}
	return *p.Cost >= largeCost
}

// confirm shows the estimate of a large paid run on a terminal and asks. The
// job's queries are gone through once more for it.
func (a *app) confirm(ctx context.Context, j job, o *outputFlags, record journal.Plan) error {
	if !j.worthAQuestion() || !isTerminal(a.stdin) || !isTerminal(a.stderr) {
		return nil
	}
	plan, err := a.foretell(ctx, j, o, record)
	if err != nil {
		return err
	}
	if !large(plan) {
		return nil
	}
	cost := "cost not known"
	if plan.Cost != nil {
		cost = costText(plan)
	}
	a.note("%d queries, %s, about %s. Ask them? [y/N]", plan.Queries, cost, format.Seconds(plan.Duration))
	answer, err := readLine(ctx, bufio.NewReader(a.stdin))
	if err == nil && strings.HasPrefix(strings.ToLower(strings.TrimSpace(answer)), "y") {
		return nil
	}
	return usagef("--yes asks without a question, --max-cost USD sets a limit", "nothing was asked")
}
