package main

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/cortexlinux/cortex-host/core/executor"
)

// A lanesCollector turns an executor's statistics into metrics when they are
// asked for.
type lanesCollector struct{ exec *executor.Executor }

var _ prometheus.Collector = lanesCollector{}

// A metric is one number of a lane.
type metric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(executor.LaneStats) float64
}

// laneMetrics are the metrics of a lane.
func laneMetrics() []metric {
	one := func(name, help string, kind prometheus.ValueType, value func(executor.LaneStats) float64) metric {
		return metric{prometheus.NewDesc("cortex_host_"+name, help, []string{"provider", "model"}, nil), kind, value}
	}
	return []metric{
		one("answered_total", "Queries that were answered.", prometheus.CounterValue, func(l executor.LaneStats) float64 { return float64(l.SuccessCount) }),
		one("failed_total", "Queries that failed.", prometheus.CounterValue, func(l executor.LaneStats) float64 { return float64(l.FailureCount) }),
		one("attempts_total", "Calls to the provider.", prometheus.CounterValue, func(l executor.LaneStats) float64 { return float64(l.Attempts) }),
		one("rate_limited_total", "Calls that were refused because of a rate.", prometheus.CounterValue, func(l executor.LaneStats) float64 { return float64(l.RateLimited) }),
		one("tokens_total", "Tokens that were used.", prometheus.CounterValue, func(l executor.LaneStats) float64 { return float64(l.Tokens.TotalTokens()) }),
		one("cost_dollars_total", "Money that was spent, as far as it is known.", prometheus.CounterValue, func(l executor.LaneStats) float64 { return l.Cost.USD() }),
		one("in_flight", "Calls under way.", prometheus.GaugeValue, func(l executor.LaneStats) float64 { return float64(l.InFlight) }),
		one("queued", "Queries that wait.", prometheus.GaugeValue, func(l executor.LaneStats) float64 { return float64(l.Queued) }),
		one("rate", "The present limit of calls per second; 0 is none.", prometheus.GaugeValue, func(l executor.LaneStats) float64 { return l.Rate }),
		one("latency_p95_seconds", "The 95th percentile of the latency of answered calls.", prometheus.GaugeValue, func(l executor.LaneStats) float64 { return l.Latency.P95.Seconds() }),
	}
}

// waitsDesc is the metric that has the cause of a wait as a further label.
func waitsDesc() *prometheus.Desc {
	return prometheus.NewDesc("cortex_host_wait_seconds_total", "How long the lane had queries and could not send, by cause.", []string{"provider", "model", "cause"}, nil)
}

// Describe implements [prometheus.Collector].
func (c lanesCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, m := range laneMetrics() {
		descs <- m.desc
	}
	descs <- waitsDesc()
}

// Collect implements [prometheus.Collector].
func (c lanesCollector) Collect(metrics chan<- prometheus.Metric) {
	for _, l := range c.exec.Stats().Lanes {
		for _, m := range laneMetrics() {
			metrics <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(l), l.Name, l.Model)
		}
		for cause, d := range l.Waits {
			metrics <- prometheus.MustNewConstMetric(waitsDesc(), prometheus.CounterValue, d.Seconds(), l.Name, l.Model, string(cause))
		}
	}
}

// serveMetrics serves the run's statistics for Prometheus at /metrics until stop
// is called. An empty address serves nothing.
func (a *app) serveMetrics(address string, exec *executor.Executor) (stop func(), err error) {
	if address == "" {
		return func() {}, nil
	}
	registry := prometheus.NewRegistry()
	if err := registry.Register(lanesCollector{exec}); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, usagef("use an address such as 127.0.0.1:9090", "cannot serve metrics: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // it always ends with ErrServerClosed, by stop
	}()
	a.info("metrics: http://%s/metrics", listener.Addr())
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			server.Close()
		}
		<-done
	}, nil
}
