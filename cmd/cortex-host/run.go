package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cortexlinux/cortex-host/core/config"
	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/core/journal"
)

// runSettings are the settings of commands that ask.
var runSettings = []string{
	"provider", "model", "base_url", "max_concurrent", "requests_per_second", "burst", "tokens_per_minute", "share",
	"retry_failed", "max_retries",
	"timeout", "deadline", "abort_after", "temperature", "max_tokens", "priority", "max_cost", "max_total_tokens", "price", "price_file",
	"fail_on", "progress", "log", "log_format", "log_content",
	"plugin_confinement", "plugin_memory_mb",
}

// runFlags are what run and batch have in common.
type runFlags struct {
	settings *settings
	output   *outputFlags
	limit    int64
	drain    time.Duration
	metrics  string
	control  string
	dryRun   bool
	yes      bool
}

func addRunFlags(a *app, cmd *cobra.Command, further ...string) *runFlags {
	r := &runFlags{settings: settingFlags(a, cmd, append(further, runSettings...)...), output: addOutputFlags(cmd)}
	cmd.Flags().Var(limitFlag{&r.limit}, "limit", "ask only the first `N` queries")
	cmd.Flags().StringVar(&r.metrics, "metrics", "", "serve statistics for Prometheus at `ADDRESS`, such as 127.0.0.1:9090")
	cmd.Flags().StringVar(&r.control, "control", "", "let \"cortex-host control\" pause and change the run through this Unix `SOCKET` (default: one by the run's id, with -o)")
	cmd.Flags().BoolVar(&r.dryRun, "dry-run", false, "show what the run would be like, and ask nobody")
	cmd.Flags().BoolVar(&r.yes, "yes", false, "do not ask before a large paid run")
	r.drain = defaultDrain
	cmd.Flags().Var(waitFlag{&r.drain}, "drain", "when the run ends early, wait so long for calls under way")
	return r
}

func newRunCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "run GENERATOR [ITEM...]", Short: "Make queries with a generator and ask them",
		Long: `Make a query about each item with a generator, ask them all in parallel, and
print each answer as it completes.

Without --provider the configured default is asked, else the one provider whose
key is in the environment, else a running Ollama, else "offline", which reports
what this machine knows, without a model. Which one and why is said on stderr.

"cortex-host help exit-codes" tells what scripts may rely on.`,
		Example: `  cortex-host run package nginx redis
  cortex-host run hardware --provider openai --model gpt-4o-mini
  journalctl -p err -n 20 -o cat | cortex-host run error --input -
  cortex-host run package --input packages.txt -o answers.ndjson -j 16`,
		GroupID: groupRun, Args: wantGenerator,
	}
	flags := addRunFlags(a, cmd, runnerKeys...)
	guestFlags := addGuestFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.runGenerator(cmd.Context(), flags, guestFlags, args)
	}
	return cmd
}

func (a *app) runGenerator(ctx context.Context, flags *runFlags, guestFlags *guestFlags, args []string) error {
	c, err := flags.settings.load()
	if err != nil {
		return err
	}
	g, err := a.openGuest(c, guestFlags, args[0], args[1:])
	if err != nil {
		return err
	}
	defer g.close()
	house, err := a.openHouse(ctx, c, a.chooseProvider)
	if err != nil {
		return err
	}
	defer house.close()
	plan := a.plan(c, house, flags)
	plan.Origin.Generator, plan.Origin.SHA256 = g.module.Name(), g.module.SHA256
	if flags.output.path != "" {
		fields, err := g.fields(guestFlags, args[1:])
		if err != nil {
			return err
		}
		plan.Fixed = append(plan.Fixed, fields...)
	}
	plan.ByID = len(g.module.Manifest.Facts) > 0
	return a.start(ctx, c, house, flags, plan, job{source: guestFlags.input, queries: g.queries(ctx), total: g.request.Total, repeatable: g.repeatable, generator: g.module.SHA256})
}

// start opens the sink and asks.
func (a *app) start(ctx context.Context, c *config.Config, h *house, flags *runFlags, plan journal.Plan, j job) error {
	if err := flags.output.record.check(); err != nil {
		return err
	}
	encoder, err := a.encoder(flags.output)
	if err != nil {
		return err
	}
	if err := checkFiles(flags.output, c.Log, j.source); err != nil {
		return err
	}
	onTerminal := flags.output.path == "" && isTerminal(a.stdout)
	j.progress = a.progressMode(c)
	if j.prices, err = prices(c, h.lanes); err != nil {
		return err
	}
	if err := checkBudget(c, h.lanes, j.prices, j.say); err != nil {
		return err
	}
	j.config, j.lanes, j.routes = c, h.lanes, h.routes
	j.command = "cortex-host " + commandLine(redactAll(a.args, h.secrets))
	if flags.output.path != "" {
		plan.Origin.Lanes = laneOrigins(c, h, j.prices)
	}
	if flags.limit > 0 && (j.total == 0 || flags.limit < j.total) {
		j.queries, j.total = cut(j.queries, flags.limit), flags.limit
	}
	if flags.dryRun {
		j.text = flags.output.format == formatText || isTerminal(a.stdout)
		return a.dryRun(ctx, j, flags.output, plan)
	}
	if j.repeatable && !flags.yes {
		if err := a.confirm(ctx, j, flags.output, plan); err != nil {
			return err
		}
	}
	if err := checkReplaceable("report", flags.output.report); err != nil {
		return err
	}
	if err := checkReplaceable("summary", flags.output.summary); err != nil {
		return err
	}
	if j.drain = flags.drain; j.drain == 0 {
		j.drain = -1 // the executor's zero is its default
	}
	j.metrics, j.page = flags.metrics, newPage(flags.output.report, j.command, c, h.secrets)
	if j.sink, err = a.openSink(ctx, flags.output, encoder, plan); err != nil {
		return err
	}
	if err := checkSpent(c, j.sink); err != nil {
		return errors.Join(err, j.sink.abandon("the budget could not be kept"))
	}
	id := cmp.Or(j.sink.id(), newRunID())
	j.page.named(id)
	if j.log, err = a.openLog(c, id); err != nil {
		return errors.Join(err, j.sink.abandon("the log could not be written"))
	}
	defer func() {
		if err := j.log.end(); err != nil {
			a.note("warning: the log is not complete: %v", err)
		}
	}()
	j.text = flags.output.format == formatText || onTerminal && flags.output.format == ""
	j.summary = flags.output.summary
	j.control, j.mustControl = flags.control, flags.control != ""
	if j.control == "" && j.sink.id() != "" {
		j.control = a.newControlPath(j.sink.id())
	}
	j.queries = h.warm(ctx, j.queries)
	return a.ask(ctx, j)
}

// openSink opens what takes the results.
func (a *app) openSink(ctx context.Context, o *outputFlags, encoder format.Encoder, plan journal.Plan) (sink, error) {
	switch {
	case isDir(o.path):
		return nil, usagef("name a file in it", "%s is a directory", o.path)
	case isDir(o.errorPath):
		return nil, usagef("name a file in it", "%s is a directory", o.errorPath)
	case isStream(o.path):
		return openStreamFile(o, encoder)
	case isStream(o.errorPath):
		return nil, usagef("name a file with --errors", "%s is no regular file: the rows of failed queries are kept until the run has ended", o.errorPath)
	case o.path != "":
		return a.openJournal(ctx, o, encoder, plan)
	case o.errorPath != "":
		return nil, usagef("name the file of the answers with -o", "--errors needs -o")
	case o.record.resume, o.record.newRun:
		return nil, usagef("name the file with -o; what goes to stdout alone is not recorded", "only a run with -o can be resumed")
	}
	if isClosed(a.stdout) {
		return nil, usagef("name a file with -o; -o /dev/null drops the answers", "stdout is closed: the answers would be lost")
	}
	return newStreamSink(a.stdout, encoder), nil
}

// fields are what of a generator may not change when the run is resumed.
func (g *guest) fields(flags *guestFlags, items []string) ([]journal.Field, error) {
	list := []journal.Field{{Name: "generator", Value: g.module.SHA256}}
	if flags.preset != "" {
		list = append(list, journal.Field{Name: "preset", Value: flags.preset})
	}
	for _, name := range sortedKeys(g.request.Params) {
		list = append(list, journal.Field{Name: "param " + name, Value: hashOf(string(g.request.Params[name]))})
	}
	if flags.seed != 0 {
		list = append(list, journal.Field{Name: "seed", Value: fmt.Sprint(flags.seed)})
	}
	if len(items) > 0 {
		list = append(list, journal.Field{Name: "items", Value: hashOf(strings.Join(items, "\x00"))})
	} else if flags.input != "" {
		identity, err := identityOf(flags.input)
		if err != nil {
			return nil, err
		}
		list = append(list, journal.Field{Name: "input", Value: identity})
	}
	return list, nil
}
