package main

import (
	"strings"
	"testing"

	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// BenchmarkComplete is one call over loopback, the vendor included.
func BenchmarkComplete(b *testing.B) {
	answer := strings.Repeat("Everything is fine. ", 100)
	_, p := vendor(b, upstream.Config{Fast: true, Answer: func(upstream.Request) string { return answer }}, nil)
	q := query("What is nginx?")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Complete(b.Context(), q); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRead is the decoding of a reply of 2 KB alone.
func BenchmarkRead(b *testing.B) {
	body := upstream.OpenAI().Answer("m", strings.Repeat("Everything is fine.\n", 100))
	b.ReportAllocs()
	for b.Loop() {
		var c completion
		if !c.scan(body) {
			b.Fatal("an ordinary reply surprises the scanner")
		}
	}
}

// BenchmarkBuildRequest is the encoding of a request alone.
func BenchmarkBuildRequest(b *testing.B) {
	q := query(strings.Repeat("What is nginx?\n", 30))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := buildRequest("m", q); err != nil {
			b.Fatal(err)
		}
	}
}
