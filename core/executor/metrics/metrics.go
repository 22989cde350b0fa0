// Package metrics shows an executor's statistics to Prometheus.
//
//	registry.MustRegister(metrics.New(exec))
//
// A [Collector] keeps nothing itself: each scrape reads [executor.Executor.Stats].
package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/cortexlinux/cortex-host/core/executor"
)

// A Source is what a collector reads; [*executor.Executor] is one.
type Source interface {
	Stats() executor.Stats
}

// A Collector is a prometheus.Collector. It is safe for concurrent use.
type Collector struct{ source Source }

var _ prometheus.Collector = (*Collector)(nil)

// New returns a collector of a source.
func New(source Source) *Collector { return &Collector{source} }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("cortex_host_"+name, help, append([]string{"lane", "model"}, labels...), nil)
}

var (
	inFlight   = desc("in_flight", "Calls under way.")
	queued     = desc("queued", "Queries that wait.")
	results    = desc("results_total", "Queries with a result.", "outcome")
	attempts   = desc("attempts_total", "Calls to the provider.")
	failures   = desc("failed_attempts_total", "Calls that failed.", "kind")
	tokens     = desc("tokens_total", "Tokens that the provider reported.", "kind")
	cost       = desc("cost_dollars_total", "What the calls cost, as far as it is known.")
	unknown    = desc("unknown_costs_total", "Calls of which the cost is not known.")
	latency    = desc("latency_seconds", "How long calls took that were answered.")
	waits      = desc("wait_seconds_total", "How long the lane had queries to send and could not.", "cause")
	rate       = desc("rate", "Sends a second that the limiter allows; no value without a limit.")
	down       = desc("down", "1 if the circuit breaker is open.")
	utilised   = desc("utilisation", "The part of a limit that was used since the start.", "limit")
	restarts   = desc("restarts_total", "Times that the provider's process was started again.")
	streams    = desc("broken_streams_total", "Exchanges with the provider's process that broke.")
	served     = desc("served_total", "Answers by the model that gave them.", "served")
	stopped    = desc("stopped", "1 if the lane sends nothing any more.")
	concurrent = prometheus.NewDesc("cortex_host_max_concurrent", "How many calls may be under way.", nil, nil)
)

// Describe sends the descriptions of all metrics.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{inFlight, queued, results, attempts, failures, tokens, cost, unknown,
		latency, waits, rate, utilised, restarts, streams, served, down, stopped, concurrent} {
		ch <- d
	}
}

// Collect sends the present values.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	stats := c.source.Stats()
	ch <- prometheus.MustNewConstMetric(concurrent, prometheus.GaugeValue, float64(stats.MaxConcurrent))
	for i := range stats.Lanes {
		collectLane(ch, &stats.Lanes[i])
	}
}

func collectLane(ch chan<- prometheus.Metric, l *executor.LaneStats) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{l.Name, l.Model}, labels...)...)
	}
	counter := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, append([]string{l.Name, l.Model}, labels...)...)
	}
	gauge(inFlight, float64(l.InFlight))
	gauge(queued, float64(l.Queued))
	gauge(down, flag(l.Down))
	gauge(stopped, flag(l.Stopped != nil))
	if l.Rate > 0 {
		gauge(rate, l.Rate)
	}
	counter(results, float64(l.SuccessCount), "success")
	counter(results, float64(l.FailureCount), "failure")
	counter(results, float64(l.TruncatedCount), "truncated")
	counter(results, float64(l.DegradedCount), "degraded")
	counter(attempts, float64(l.Attempts))
	for kind, n := range l.Errors {
		counter(failures, float64(n), string(kind))
	}
	counter(tokens, float64(l.Tokens.PromptTokens), "prompt")
	counter(tokens, float64(l.Tokens.CompletionTokens), "completion")
	counter(tokens, float64(l.Tokens.CachedTokens), "cached")
	counter(tokens, float64(l.Tokens.CacheWriteTokens), "cache_write")
	counter(tokens, float64(l.Tokens.ReasoningTokens), "reasoning")
	counter(cost, l.Cost.USD())
	counter(unknown, float64(l.UnknownCosts))
	counter(restarts, float64(l.Restarts))
	counter(streams, float64(l.BrokenStreams))
	for limit, part := range l.Utilisation {
		gauge(utilised, part, string(limit))
	}
	for model, n := range l.Served {
		counter(served, float64(n), model)
	}
	for cause, d := range l.Waits {
		counter(waits, d.Seconds(), string(cause))
	}
	answered := uint64(l.Latency.Count)
	ch <- prometheus.MustNewConstSummary(latency, answered, l.Latency.Mean.Seconds()*float64(answered), map[float64]float64{
		0.5: l.Latency.P50.Seconds(), 0.95: l.Latency.P95.Seconds(), 0.99: l.Latency.P99.Seconds(),
	}, l.Name, l.Model)
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
