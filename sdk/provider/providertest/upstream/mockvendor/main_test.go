package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	stdin, closeStdin := io.Pipe()
	out, stdout := io.Pipe()
	done := make(chan int, 1)
	go func() {
		var stderr bytes.Buffer
		done <- run([]string{"-stdin", "-fast", "-answer-bytes", "32"}, stdin, stdout, &stderr)
		stdout.Close()
	}()
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("no URL")
	}
	resp, err := http.Post(lines.Text()+"/v1/chat/completions", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || !bytes.Contains(body, []byte("Everything is fine. Everything i\"")) {
		t.Errorf("got %s, %v", body, err)
	}
	closeStdin.Close()
	if !lines.Scan() {
		t.Fatal("no statistics")
	}
	var stats struct{ Requests int }
	if err := json.Unmarshal(lines.Bytes(), &stats); err != nil || stats.Requests != 1 {
		t.Errorf("got %s, %v", lines.Text(), err)
	}
	if code := <-done; code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestUsage(t *testing.T) {
	var stderr bytes.Buffer
	if code := run([]string{"-no-such-flag"}, nil, io.Discard, &stderr); code != 2 || !strings.Contains(stderr.String(), "-latency") {
		t.Errorf("exit code %d, stderr %s", code, stderr.String())
	}
}
