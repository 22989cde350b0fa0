package main

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

func TestMetricsTellOfTheRunUnderWay(t *testing.T) {
	s := startVendor(t, upstream.Config{Script: answersThenHangs})
	cmd, out, errs := running(t, s, 2, "batch", queryFile(t, 3), "--metrics", "127.0.0.1:0", "--drain", "0s")
	for deadline := time.Now().Add(10 * time.Second); out.Len() == 0 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	address := regexp.MustCompile(`http://\S+/metrics`).FindString(errs.String())
	reply, err := http.Get(address)
	if err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	defer reply.Body.Close()
	page, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`cortex_host_results_total{lane="openai",model="gpt-5.4-mini",outcome="success"} 1`, `cortex_host_in_flight{lane="openai",model="gpt-5.4-mini"} 2`,
		`cortex_host_utilisation{lane="openai",limit="concurrency",model="gpt-5.4-mini"} 0.`, `cortex_host_restarts_total{lane="openai",model="gpt-5.4-mini"} 0`,
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("%s is missing:\n%s", want, page)
		}
	}
	cmd.Process.Signal(syscall.SIGTERM)
	waitEnd(t, cmd, 10*time.Second)
}
