package main

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/cortexlinux/cortex-host/sdk"
)

func ask(t testing.TB, p *Provider, task sdk.TaskType, key, value string) (*sdk.Response, error) {
	t.Helper()
	return p.Complete(t.Context(), &sdk.Query{ID: "q", TaskType: task, Metadata: map[string]string{key: value},
		Messages: []sdk.Message{{Role: sdk.User, Text: "What is it about " + value + "?"}}})
}

func explain(t testing.TB, text string) (*sdk.Response, error) {
	t.Helper()
	return ask(t, new(Provider), sdk.ErrorDebugging, "original_error", text)
}

func TestAnErrorIsExplained(t *testing.T) {
	r, err := explain(t, "Nov 24 01:02:03 web1 nginx[812]: bind() to 0.0.0.0:80 failed (98: Address already in use)")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"rule address-in-use, confidence high", "bind() to 0.0.0.0:80 failed (98: Address",
		"$ ss -ltnup 'sport = :80'", "source: bind(2)", "as_of: ", "port 80", "What you may consider", "What this machine says now",
	} {
		if !strings.Contains(r.Content, want) {
			t.Errorf("the answer has no %q:\n%s", want, r.Content)
		}
	}
	if r.ModelServed != modelName || r.FinishReason != sdk.Stop {
		t.Errorf("got %+v", r)
	}
}

func TestAnUnknownErrorIsNotAnswered(t *testing.T) {
	for _, text := range []string{"frobnication of the widget incomplete", "{}", "0", "ошибка", "  \n\t", strings.Repeat("x", 1<<20)} {
		r, err := explain(t, text)
		if sdk.KindOf(err) != sdk.NotAnswered || r != nil {
			t.Errorf("%.40q: %v, %v", text, r, err)
		}
	}
}

func TestSeveralMatchesAreOrderedByConfidence(t *testing.T) {
	r, err := explain(t, "cat: /x: No such file or directory\nls: cannot open '/root': Permission denied\nwrite /var/log/x: no space left on device\n")
	if err != nil {
		t.Fatal(err)
	}
	at := func(s string) int { return strings.Index(r.Content, s) }
	first, second, third := at("no-space"), at("permission-denied"), at("file-not-found")
	if first < 0 || second < first || third < second {
		t.Errorf("no-space at %d, permission-denied at %d, file-not-found at %d:\n%s", first, second, third, r.Content)
	}
}

func TestASurerRuleSilencesOthersOnItsLine(t *testing.T) {
	got := ids(match(rules, "git@example.org: Permission denied (publickey)."))
	if len(got) != 1 || got[0] != "ssh-publickey" {
		t.Errorf("got %v", got)
	}
}

// What an error's author put into it does not reach a terminal or a command.
func TestHostileErrorText(t *testing.T) {
	for _, text := range []string{
		"\x1b]0;owned\x07\x1b[31mE: dpkg was interrupted, you must manually run\x1b[0m 'dpkg'",
		"E: dpkg was interrupted, you must manually run \u202e\u2066 \x00\x01\x7f\u009b31m",
		"E: dpkg was inter\x1b[1mrupted, you must manually run\r\nsecond line",
		"E: dpkg was interrupted, you must manually run \xff\xfe",
		"\x1b]8;;http://evil\x1b\\E: dpkg was interrupted, you must manually run\x1b]8;;\x1b\\",
	} {
		r, err := explain(t, text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		for _, c := range r.Content {
			if c != '\n' && (unicode.IsControl(c) || unicode.Is(unicode.Cf, c) || c == unicode.ReplacementChar) {
				t.Errorf("%q: %q is in the answer", text, c)
			}
		}
	}
	for _, text := range []string{
		"modprobe: FATAL: Module $(reboot) not found in directory /lib/modules/x", "trying to overwrite '/x;reboot', which is also in package `reboot`",
		"Permissions 0644 for '/root/-rf ~' are too open.", "$(reboot).service: Failed with result 'timeout'.", "--now.service: Start request repeated too quickly.",
		"fatal: detected dubious ownership in repository at '/srv/../../etc/$(id)'",
	} {
		r, err := explain(t, text)
		if sdk.KindOf(err) == sdk.NotAnswered { // a name like that is none
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		for line := range strings.Lines(r.Content) {
			if command, ok := strings.CutPrefix(line, indent+"$ "); ok && (strings.ContainsAny(command, "`") || strings.Contains(command, "$(") || strings.Contains(command, "reboot") || strings.Contains(command, "-rf") || strings.Contains(command, " --now")) {
				t.Errorf("%q leads to the command %q", text, command)
			}
		}
	}
}

// A megabyte is answered in well under a second, whatever is in it.
func TestMatchingIsBounded(t *testing.T) {
	const megabyte = 1 << 20
	for name, text := range map[string]string{
		"one line":          strings.Repeat("a", megabyte),
		"one rule's words":  strings.Repeat("could not get lock /var/ ", megabyte/25),
		"every line a word": strings.Repeat("connection refused\n", megabyte/19),
		"near misses":       strings.Repeat("nvme i/o error, dev permission denied xfs (trying to overwrite\n", megabyte/63),
		"dashes":            strings.Repeat("-", megabyte) + "no space left on device",
		"digits":            "listen " + strings.Repeat("1:", megabyte/2) + " address in use",
	} {
		began := time.Now()
		if r, err := explain(t, text); err == nil && !strings.Contains(r.Content, "at the beginning and the end of it were read") {
			t.Errorf("%s: the answer does not say that it is about a part:\n%s", name, r.Content)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("%s: %v for %d bytes", name, took, len(text))
		} else {
			t.Logf("%s: %v", name, took)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	text := "Nov 24 01:02:03 web1 nginx[812]: bind() to 0.0.0.0:80 failed (98: Address already in use)"
	for b.Loop() {
		match(rules, text)
	}
}

func FuzzExplain(f *testing.F) {
	for _, list := range readSamples(f) {
		for _, s := range list {
			f.Add(s.line)
		}
	}
	f.Add("\x1b[31m\x00\u202e$(reboot)")
	f.Fuzz(func(t *testing.T, text string) {
		clean := readable(text)
		for _, h := range match(rules, clean) {
			if !strings.Contains(clean, h.line) || strings.Contains(h.line, "\n") {
				t.Fatalf("%s: %q is no line of %q", h.id, h.line, clean)
			}
			for _, check := range h.checks {
				if h.named == nil {
					continue
				}
				if filled := h.fill(check); changes(filled) != "" && changes(check) == "" {
					t.Fatalf("%s: the check became %q", h.id, filled)
				}
			}
		}
	})
}

// What the patterns catch is what the checks and the facts are about.
func TestWhatIsCaught(t *testing.T) {
	for line, want := range map[string]string{
		"OSError: [Errno 98] Address already in use: port 18080":                                               "port 18080",
		"OSError: [Errno 98] Address already in use: ('127.0.0.1', 8000)":                                      "port 8000",
		"nginx: [emerg] bind() to [::]:443 failed (98: Address already in use)":                                "port 443",
		"Nov 24 01:02:03 web1 app[812]: listen tcp :8080: bind: address already in use":                        "port 8080",
		"Error: listen EADDRINUSE: address already in use :::3000":                                             "port 3000",
		"Bind for 0.0.0.0:5432 failed: port is already allocated":                                              "port 5432",
		"dial tcp 10.0.0.5:5432: connect: connection refused":                                                  "port 5432",
		"curl: (7) Failed to connect to localhost port 8080 after 0 ms: Connection refused":                    "port 8080",
		"connect() to ('127.0.0.1', 6379): [Errno 111] Connection refused":                                     "",
		"E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 1234 (unattended-upgr)":      "pid 1234",
		"nginx.service: Start request repeated too quickly.":                                                   "unit nginx.service",
		"Failed to start foo.service: Unit foo.service is masked.":                                             "unit foo.service",
		"modprobe: FATAL: Module nf_tables not found in directory /lib/modules/6.1.0":                          "module nf_tables",
		"E: Unable to locate package ngnix":                                                                    "package ngnix",
		"E: Package 'python-pip' has no installation candidate":                                                "package python-pip",
		" trying to overwrite '/usr/bin/foo', which is also in package foo-common 1.0-1":                       "path /usr/bin/foo",
		"blk_update_request: I/O error, dev sda, sector 123456 op 0x0:(READ)":                                  "device sda",
		"EXT4-fs error (device dm-0): ext4_lookup:1785: inode #131073: comm ls: deleted inode referenced: 1":   "device dm-0",
		"NVRM: Xid (PCI:0000:01:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.":         "code 79",
		"curl: (6) Could not resolve host: example.invalid":                                                    "host example.invalid",
		"bash: htop: command not found":                                                                        "program htop",
		"sh: 1: node: not found":                                                                               "program node",
		"Out of memory: Killed process 1234 (mysqld) total-vm:4000000kB, anon-rss:3000000kB":                   "program mysqld",
		"TCP: request_sock_TCP: Possible SYN flooding on port 0.0.0.0:8080. Sending cookies.":                  "port 8080",
		"ModuleNotFoundError: No module named 'yaml'":                                                          "module yaml",
		"./app: error while loading shared libraries: libssl.so.1.1: cannot open shared object file: No such ": "name libssl.so.1.1",
	} {
		hits := match(rules, line)
		if len(hits) == 0 {
			t.Errorf("%q: no rule matches", line)
			continue
		}
		key, value, _ := strings.Cut(want, " ")
		if got := hits[0].named[key]; got != value {
			t.Errorf("%s of %q: caught %q, want %q", hits[0].id, line, hits[0].named, want)
		}
	}
}
