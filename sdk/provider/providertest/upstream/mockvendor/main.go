// Command mockvendor is the mock vendor of package upstream as a program: an
// OpenAI-compatible server on a loopback address for benchmarks and for trying
// things out.
//
//	mockvendor -latency 5ms -fast
//	http://127.0.0.1:41231
//
// It prints its URL on the first line of its output, runs until it is
// interrupted or its standard input ends (-stdin), and prints what it saw as JSON.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var (
		cfg         upstream.Config
		answerBytes int
		caFile      string
		untilEOF    bool
	)
	flags := flag.NewFlagSet("mockvendor", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&cfg.Addr, "addr", "127.0.0.1:0", "address to listen on")
	flags.BoolVar(&cfg.TLS, "tls", false, "serve https with a CA of its own; see -ca")
	flags.StringVar(&caFile, "ca", "", "write the CA's certificate (PEM) to this file")
	flags.DurationVar(&cfg.Latency, "latency", 0, "time before each reply; the median with -sigma")
	flags.Float64Var(&cfg.Sigma, "sigma", 0, "shape of the lognormal latency; 0 is a fixed one")
	flags.Uint64Var(&cfg.Seed, "seed", 1, "seed of the latencies")
	flags.Float64Var(&cfg.Limit.PerSecond, "rate", 0, "requests a second; more get a 429; 0 is no limit")
	flags.IntVar(&cfg.Limit.Burst, "burst", 1, "size of the rate limit's bucket")
	flags.BoolVar(&cfg.Limit.Headers, "rate-headers", true, "tell of the rate limit in headers")
	flags.BoolVar(&cfg.Limit.RetryAfter, "retry-after", true, "send Retry-After with a 429")
	flags.StringVar(&cfg.Key, "key", "", "the only key that is let in; empty lets all in")
	flags.IntVar(&answerBytes, "answer-bytes", 0, "length of every answer; 0 repeats the question")
	flags.BoolVar(&cfg.Fast, "fast", false, "send the same bytes to everybody, parse nothing")
	flags.BoolVar(&untilEOF, "stdin", false, "run until standard input ends")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	cfg.Keep = 1
	if answerBytes > 0 {
		answer := strings.Repeat("Everything is fine. ", answerBytes/20+1)[:answerBytes]
		cfg.Answer = func(upstream.Request) string { return answer }
	}
	server, err := upstream.Start(cfg)
	if err != nil {
		fmt.Fprintln(stderr, "error:", err)
		return 1
	}
	defer server.Close()
	if caFile != "" {
		if err := os.WriteFile(caFile, server.CA(), 0o644); err != nil {
			fmt.Fprintln(stderr, "error:", err)
			return 1
		}
	}
	fmt.Fprintln(stdout, server.URL())

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if untilEOF {
		go func() {
			_, _ = io.Copy(io.Discard, stdin)
			stop()
		}()
	}
	<-ctx.Done()
	stats := server.Stats()
	stats.PerQuery = nil
	if err := json.NewEncoder(stdout).Encode(stats); err != nil {
		fmt.Fprintln(stderr, "error:", err)
		return 1
	}
	return 0
}
