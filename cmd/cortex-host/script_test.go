package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

type vendorKey struct{}

// vendors are the mock vendors of one script.
type vendors struct{ last *upstream.Server }

// cmdVendor starts a mock vendor and sets VENDOR to its base URL, VENDOR_HOST to
// host:port:
//
//	vendor [latency=1s] [key=sk-1] [status=401 | replies=429:2,500,200] [ollama=MODEL,...]
//
// With ollama it also says which models it has, as an Ollama does.
// status is every reply's; replies are those to each query, in order, with an
// optional Retry-After, or with 500:no-retry and "x-should-retry: false".
func cmdVendor(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("! vendor makes no sense")
	}
	var cfg upstream.Config
	var tags string
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		switch name {
		case "latency":
			d, err := time.ParseDuration(value)
			ts.Check(err)
			cfg.Latency = d
		case "key":
			cfg.Key = value
		case "ollama":
			tags = value
		case "answer":
			cfg.Answer = func(upstream.Request) string { return value }
		case "status":
			cfg.Script = upstream.Always(vendorReply(ts, value))
		case "replies":
			var replies []upstream.Reply
			for _, r := range strings.Split(value, ",") {
				replies = append(replies, vendorReply(ts, r))
			}
			cfg.Script = upstream.PerQuery(replies...)
		default:
			ts.Fatalf("vendor: unknown option %q", arg)
		}
	}
	s, err := upstream.Start(cfg)
	ts.Check(err)
	ts.Defer(func() { s.Close() })
	ts.Value(vendorKey{}).(*vendors).last = s
	base := s.URL()
	if tags != "" {
		base = ollama(ts, base, strings.Split(tags, ","))
	}
	ts.Setenv("VENDOR", base+"/v1")
	ts.Setenv("VENDOR_HOST", strings.TrimPrefix(base, "http://"))
}

// ollama puts in front of a vendor what an Ollama has beside its OpenAI API. The
// only model "none" stands for an Ollama without any.
func ollama(ts *testscript.TestScript, vendor string, models []string) string {
	list := []string{}
	for _, m := range models {
		if m != "none" {
			list = append(list, fmt.Sprintf(`{"name":%q,"size":1}`, m))
		}
	}
	target, err := url.Parse(vendor)
	ts.Check(err)
	mux := http.NewServeMux()
	mux.Handle("/v1/", httputil.NewSingleHostReverseProxy(target))
	mux.HandleFunc("/api/tags", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"models":[%s]}`, strings.Join(list, ","))
	})
	s := httptest.NewServer(mux)
	ts.Defer(s.Close)
	return s.URL
}

func vendorReply(ts *testscript.TestScript, text string) upstream.Reply {
	status, after, _ := strings.Cut(text, ":")
	code, err := strconv.Atoi(status)
	ts.Check(err)
	reply := upstream.Reply{Status: code}
	switch after {
	case "":
	case "no-retry":
		reply.Header = http.Header{"X-Should-Retry": {"false"}}
	default:
		reply.Header = http.Header{"Retry-After": {after}}
	}
	return reply
}

// cmdSaw checks what the vendor saw: saw requests=3 in-flight=2.
func cmdSaw(ts *testscript.TestScript, neg bool, args []string) {
	stats := ts.Value(vendorKey{}).(*vendors).last.Stats()
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		want, err := strconv.Atoi(value)
		ts.Check(err)
		got := map[string]int{"requests": stats.Requests, "in-flight": stats.MaxInFlight, "refused": stats.Refused}[name]
		if (got == want) == neg {
			ts.Fatalf("the vendor saw %s=%d; want %d", name, got, want)
		}
	}
}

// errorThenHint is what stderr has wherever the exit code is not 0.
var errorThenHint = regexp.MustCompile(`(?m)^error: .*[^ ](\n.*)*\nhint: .*[^ ]$`)

// cmdExits runs a command and checks its exit code: exits 2 cortex-host rum.
// Its output is there for stdout and stderr.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("exit code %d; want %d", code, want)
	}
	if said := ts.ReadFile("stderr"); code != 0 && !errorThenHint.MatchString(said) {
		ts.Fatalf("stderr has no error followed by a hint:\n%s", said)
	}
}
