package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Case is one thing to ask of every arm.
type Case struct {
	Name     string        `json:"name"`
	Queries  int           `json:"queries"`
	InFlight int           `json:"in_flight"`
	Latency  time.Duration `json:"latency_ns"`
	// Sigma is the shape of a lognormal latency, 0 for a fixed one.
	Sigma float64 `json:"sigma,omitempty"`
	// Rate is what the vendor allows a second, hard, and what every arm is
	// told to keep to; 0 is no limit.
	Rate float64 `json:"rate,omitempty"`
	// AnswerBytes is the length of every answer.
	AnswerBytes int  `json:"answer_bytes"`
	TLS         bool `json:"tls"`
}

func (c Case) String() string {
	s := fmt.Sprintf("%s: %d queries, %d in flight, latency %v", c.Name, c.Queries, c.InFlight, c.Latency)
	if c.Sigma > 0 {
		s += fmt.Sprintf(" (lognormal, sigma %g)", c.Sigma)
	}
	if c.Rate > 0 {
		s += fmt.Sprintf(", %g a second", c.Rate)
	}
	s += fmt.Sprintf(", answers of %d bytes", c.AnswerBytes)
	if c.TLS {
		return s + ", TLS"
	}
	return s + ", HTTP"
}

const (
	ms                 = time.Millisecond
	defaultAnswerBytes = 400
)

// workloads are named lists of cases.
var workloads = map[string][]Case{
	"quick":     {{Queries: 4000, InFlight: 256, Latency: 5 * ms}},
	"standard":  {{Queries: 20_000, InFlight: 256, Latency: 5 * ms}},
	"five":      {{Queries: 5, InFlight: 5, Latency: time.Second}},
	"lognormal": {{Queries: 2000, InFlight: 64, Latency: 50 * ms, Sigma: 1}},
	// From the return key to the shell's next prompt.
	"one":  {{Queries: 1, InFlight: 1}},
	"rate": {{Queries: 300, InFlight: 64, Latency: 20 * ms, Rate: 50}},
	// What the way through adds to a query, at low load and at 1,000 a second.
	"latency": {
		{Queries: 500, InFlight: 1, Latency: 5 * ms},
		{Queries: 5000, InFlight: 6, Latency: 5 * ms},
	},
	"memory": {
		{Queries: 10_000, InFlight: 256, Latency: 5 * ms, AnswerBytes: 2048},
		{Queries: 100_000, InFlight: 256, Latency: 5 * ms, AnswerBytes: 2048},
		{Queries: 1_000_000, InFlight: 256, Latency: 5 * ms, AnswerBytes: 2048},
		{Queries: 20_000, InFlight: 4096, Latency: 500 * ms, AnswerBytes: 2048},
	},
	"scaling": scaling(1, 4, 16, 64, 256, 1024, 4096),
}

// scaling asks with more and more in flight. The latency is short, so that from
// 64 in flight on it is the machine that limits and not the vendor. A connection
// is used at least twenty times: what is measured is not their opening.
func scaling(levels ...int) []Case {
	var list []Case
	for _, n := range levels {
		list = append(list, Case{Queries: max(20*n, min(2000*n, 20_000)), InFlight: n, Latency: ms})
	}
	return list
}

func workloadNames() []string { return append(slices.Sorted(maps.Keys(workloads)), "all") }

// casesOf returns the cases of a workload, once for each transport.
func casesOf(o options) ([]Case, error) {
	names := strings.Split(o.workload, ",")
	if o.workload == "all" {
		names = slices.Sorted(maps.Keys(workloads))
	}
	var list []Case
	for _, name := range names {
		cases, ok := workloads[name]
		if !ok {
			return nil, fmt.Errorf("there is no workload %q; choose one of %s", name, strings.Join(workloadNames(), ", "))
		}
		for _, c := range cases {
			c.Name = name
			c.Queries = cmp.Or(o.queries, c.Queries)
			c.InFlight = cmp.Or(o.inFlight, c.InFlight)
			c.Latency = cmp.Or(o.latency, c.Latency)
			c.AnswerBytes = cmp.Or(o.answerBytes, c.AnswerBytes, defaultAnswerBytes)
			for _, transport := range strings.Split(o.transports, ",") {
				switch transport {
				case "http", "tls":
					c.TLS = transport == "tls"
					list = append(list, c)
				default:
					return nil, fmt.Errorf("there is no transport %q; choose http, tls or both (http,tls)", transport)
				}
			}
		}
	}
	return list, nil
}
