// Command bench measures what Cortex Host costs, beside what the same work
// costs by hand.
//
//	go run ./cmd/cortex-host/bench                       a short comparison
//	go run ./cmd/cortex-host/bench -workload standard    20,000 queries, 256 in flight
//	go run ./cmd/cortex-host/bench -workload scaling -transport http -json scaling.json
//
// It compares arms, each of them a process of its own:
//
//	floor     a tuned net/http loop that throws the replies away
//	loop      the same loop, requests encoded and replies parsed with
//	          encoding/json: what a careful programmer writes by hand, and
//	          the measure of all ratios
//	files     the loop, which also reads its queries from a file and writes a
//	          row for each answer: the whole job of a batch, by hand
//	executor  core/executor with limiter, retries and statistics, in the
//	          process, over the loop's own HTTP calls
//	batch     bin/cortex-host batch through the openai plugin, with journal,
//	          limits and confinement as in every run
//	run       bin/cortex-host run with the package generator, for a few queries
//
// Every arm asks the same queries of the same mock vendor on a loopback
// address, in turn (A B C A B C ...), over plain HTTP and over TLS. A run in
// which a query is not answered fails the benchmark.
//
// CPU time is that of all processes of an arm: it is started under a subreaper
// that waits for every descendant, however deep, and adds up what the kernel
// charged them. Memory is the highest sum of the processes' proportional
// shares (PSS) among samples. Ratios are taken within a round, to the loop of
// the same round; what is printed are medians, with the lowest and the highest
// value beside them.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// The bench starts itself in these roles, named by the first argument.
const (
	roleVendor  = "vendor"  // the mock vendor
	roleMeasure = "measure" // starts one arm and measures it
	roleArm     = "arm"     // an arm that is written here
)

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var err error
	switch {
	case len(args) == 2 && args[0] == roleVendor:
		err = runVendor(args[1], stdin, stdout)
	case len(args) > 2 && args[0] == roleMeasure:
		err = runMeasure(args[1:], stdout)
	case len(args) == 2 && args[0] == roleArm:
		err = runArm(ctx, args[1], stdout)
	default:
		err = runBench(ctx, args, stdout, stderr)
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "error:", err)
		return 1
	}
	return 0
}

// options are the command line.
type options struct {
	workload, arms, transports, bin, json, profiles string
	rounds, queries, inFlight, answerBytes          int
	latency                                         time.Duration
}

func runBench(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.workload, "workload", "quick", "what to ask, a list of: "+strings.Join(workloadNames(), ", "))
	flags.StringVar(&o.arms, "arms", strings.Join(armNames(), ","), "what to compare")
	flags.StringVar(&o.transports, "transport", "http,tls", "how to reach the vendor")
	flags.IntVar(&o.rounds, "rounds", 5, "runs of each arm")
	flags.IntVar(&o.queries, "queries", 0, "ask so many queries instead of the workload's number")
	flags.IntVar(&o.inFlight, "in-flight", 0, "keep so many in flight instead of the workload's number")
	flags.DurationVar(&o.latency, "latency", 0, "let the vendor take so long instead of the workload's latency")
	flags.IntVar(&o.answerBytes, "answer-bytes", 0, "get answers of so many bytes instead of the workload's length")
	flags.StringVar(&o.bin, "bin", "bin", "where make build puts the host")
	flags.StringVar(&o.json, "json", "", "write everything that was measured to this file")
	flags.StringVar(&o.profiles, "cpuprofile", "", "write CPU profiles of the arms in this program to this directory")
	if err := flags.Parse(args); err != nil {
		return err
	}
	cases, err := casesOf(o)
	if err != nil {
		return err
	}
	arms, err := armsOf(o)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "cortex-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := bench{options: o, arms: arms, dir: dir, log: stderr}
	report := Report{Time: time.Now().UTC(), Machine: thisMachine()}
	fmt.Fprintln(stdout, report.Machine)
	for _, c := range cases {
		result, err := b.compare(ctx, c)
		if err != nil {
			return fmt.Errorf("%s: %w", c, err)
		}
		report.Cases = append(report.Cases, result)
		result.print(stdout)
	}
	if o.json == "" {
		return nil
	}
	data, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(o.json, append(data, '\n'), 0o644)
}
