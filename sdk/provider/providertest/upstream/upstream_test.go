package upstream_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t testing.TB, cfg upstream.Config) *upstream.Server {
	t.Helper()
	s, err := upstream.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return s
}

func ask(t testing.TB, s *upstream.Server, question string) (*http.Response, string, error) {
	t.Helper()
	body := fmt.Sprintf(`{"model":"m","messages":[{"role":"system","content":"be brief"},{"role":"user","content":%q}]}`, question)
	resp, err := http.Post(s.URL()+"/v1/chat/completions", "application/json", strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp, string(data), err
}

func Example() {
	vendor, err := upstream.Start(upstream.Config{
		Script: upstream.Sequence(upstream.Reply{Status: 500}),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer vendor.Close()
	for range 2 {
		resp, err := http.Post(vendor.URL()+"/v1/chat/completions", "application/json",
			strings.NewReader(`{"model":"m","messages":[{"role":"user","content":"hello"}]}`))
		if err != nil {
			fmt.Println(err)
			return
		}
		resp.Body.Close()
		fmt.Println(resp.StatusCode)
	}
	fmt.Println(vendor.Stats().PerQuery)
	// Output:
	// 500
	// 200
	// map[hello:2]
}

func TestAnswer(t *testing.T) {
	s := start(t, upstream.Config{})
	_, body, err := ask(t, s, "what is nginx?")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Model   string
		Choices []struct{ Message struct{ Content string } }
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if got.Model != "m" || got.Choices[0].Message.Content != "You asked: what is nginx?" {
		t.Errorf("got %+v", got)
	}
	reqs := s.Requests()
	if len(reqs) != 1 || reqs[0].Query != "what is nginx?" || reqs[0].Status != 200 || reqs[0].Attempt != 1 {
		t.Errorf("got %+v", reqs)
	}
}

func TestLimitIsHard(t *testing.T) {
	s := start(t, upstream.Config{Limit: upstream.Limit{PerSecond: 1, Burst: 2, Headers: true, RetryAfter: true}})
	var statuses []int
	var last *http.Response
	for range 3 {
		resp, _, err := ask(t, s, "q")
		if err != nil {
			t.Fatal(err)
		}
		statuses, last = append(statuses, resp.StatusCode), resp
	}
	if fmt.Sprint(statuses) != "[200 200 429]" || s.Stats().Refused != 1 {
		t.Errorf("got %v, %+v", statuses, s.Stats())
	}
	for _, h := range []string{"Retry-After", "X-Ratelimit-Limit-Requests", "X-Ratelimit-Reset-Requests"} {
		if last.Header.Get(h) == "" {
			t.Errorf("no %s in %v", h, last.Header)
		}
	}
}

func TestKey(t *testing.T) {
	s := start(t, upstream.Config{Key: "sk-right"})
	if resp, _, err := ask(t, s, "q"); err != nil || resp.StatusCode != 401 {
		t.Errorf("got %v, %v", resp, err)
	}
}

func TestFaults(t *testing.T) {
	s := start(t, upstream.Config{})
	for _, c := range []struct {
		name  string
		reply upstream.Reply
		check func(resp *http.Response, body string, err error) error
	}{
		{"reset before", upstream.Reply{Fault: upstream.ResetBefore}, func(resp *http.Response, _ string, err error) error {
			if resp != nil || !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
				return fmt.Errorf("want a reset, got %w", err)
			}
			return nil
		}},
		{"reset inside", upstream.Reply{Fault: upstream.ResetInside}, func(resp *http.Response, body string, err error) error {
			if resp == nil || err == nil || body == "" {
				return fmt.Errorf("want half a body and an error, got %q, %w", body, err)
			}
			return nil
		}},
		{"close inside", upstream.Reply{Fault: upstream.CloseInside}, func(_ *http.Response, _ string, err error) error {
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				return fmt.Errorf("got %w", err)
			}
			return nil
		}},
		{"cut json", upstream.Reply{Fault: upstream.CutJSON}, func(_ *http.Response, body string, err error) error {
			if err != nil || json.Valid([]byte(body)) {
				return fmt.Errorf("got %q, %w", body, err)
			}
			return nil
		}},
		{"endless", upstream.Reply{Fault: upstream.Endless}, func(_ *http.Response, body string, err error) error {
			if err != nil || len(body) != 1<<20 {
				return fmt.Errorf("got %d bytes, %w", len(body), err)
			}
			return nil
		}},
		{"status and body", upstream.Reply{Status: 529, Body: []byte("x"), Header: http.Header{"retry-after": {"1"}}}, func(resp *http.Response, body string, err error) error {
			if err != nil || resp.StatusCode != 529 || body != "x" || resp.Header.Get("Retry-After") != "1" {
				return fmt.Errorf("got %v %q %w", resp, body, err)
			}
			return nil
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.SetScript(upstream.Always(c.reply))
			if err := c.check(ask(t, s, c.name)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestHangEndsWithTheClient(t *testing.T) {
	s := start(t, upstream.Config{Script: upstream.Always(upstream.Reply{Fault: upstream.Hang})})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL(), strings.NewReader(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := http.DefaultClient.Do(req); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestPerQueryAndInFlight(t *testing.T) {
	s := start(t, upstream.Config{Latency: 100 * time.Millisecond, Script: upstream.PerQuery(upstream.Reply{Status: 500})})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for _, want := range []int{500, 200} {
				if resp, _, err := ask(t, s, fmt.Sprint(i)); err != nil || resp.StatusCode != want {
					t.Errorf("got %v, %v, want %d", resp, err, want)
				}
			}
		})
	}
	wg.Wait()
	if stats := s.Stats(); stats.MaxInFlight != 8 || stats.Requests != 16 || stats.PerQuery["3"] != 2 {
		t.Errorf("got %+v", stats)
	}
}

func TestTLS(t *testing.T) {
	s := start(t, upstream.Config{TLS: true, Fast: true, Answer: func(upstream.Request) string { return "fixed" }})
	if _, err := http.Get(s.URL()); err == nil {
		t.Error("a client that does not know the CA got an answer")
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(s.CA()) {
		t.Fatalf("no CA in %q", s.CA())
	}
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer client.CloseIdleConnections()
	resp, err := client.Post(s.URL(), "application/json", strings.NewReader("not parsed"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || !bytes.Contains(body, []byte("fixed")) {
		t.Errorf("got %s, %v", body, err)
	}
}
