package main

import "testing"

// Lines that tell of the same thing are one question.
func TestAlikeLines(t *testing.T) {
	for _, alike := range [][]string{
		{"Connection closed by 10.0.0.1 port 4711", "Connection closed by 192.168.1.20 port 22"},
		{"from fe80::1 port 1", "from 2001:db8:0:1::ffff port 22", "from ::1 port 3"},
		{"card aa:bb:cc:dd:ee:01 left", "card 00:11:22:33:44:ff left", "card 00-11-22-33-44-ff left"},
		{"volume 123e4567-e89b-12d3-a456-426614174000 is gone", "volume 00000000-0000-0000-0000-0000deadbeef is gone"},
		{"at 0x7ffd1234abcd: bad", "at 0x55aa00112233: bad"},
		{"commit 8c5f0d2e9", "commit 123456789"},
		{"took 12 ms (3 tries)", "took 1500 ms (1 tries)"},
		{"at 12:34:56: late", "at 01:02:03: late"},
	} {
		for _, line := range alike[1:] {
			if a, b := withoutNumbers(alike[0]), withoutNumbers(line); a != b {
				t.Errorf("%q and %q differ: %q, %q", alike[0], line, a, b)
			}
		}
	}
}

// Lines that tell of something else are not.
func TestLinesThatDiffer(t *testing.T) {
	lines := []string{"std::bad_alloc", "std::bad_cast", "face: dead", "dead: face", "no-such-file", "no-such-dir", "add-on-bad-cafe",
		"disk full", "disk failed", "a:b:c", "a:b:d", "Face::dad", ""}
	seen := map[string]string{}
	for _, line := range lines {
		key := withoutNumbers(line)
		if other, ok := seen[key]; ok {
			t.Errorf("%q and %q are taken for alike: %q", line, other, key)
		}
		seen[key] = line
	}
}

func TestSplitLine(t *testing.T) {
	for line, want := range map[string][2]string{
		"Nov 24 01:02:03 web sshd[812]: Connection closed":                  {"sshd", "Connection closed"},
		"2026-11-24T01:02:03.123+00:00 web kernel: oops":                    {"kernel", "oops"},
		"2026-11-24T01:02:03.123456+0100 web systemd[1]: Failed to start x": {"systemd", "Failed to start x"},
		"[   12.345678] usb 1-1: device not accepting address":              {"kernel", "usb 1-1: device not accepting address"},
		"just a message: with a colon":                                      {"", "just a message: with a colon"},
		"[error] something":                                                 {"", "[error] something"},
		"":                                                                  {"", ""},
		"Nov 24":                                                            {"", "Nov 24"},
	} {
		if source, message := splitLine(line); source != want[0] || message != want[1] {
			t.Errorf("%q: %q, %q; want %q", line, source, message, want)
		}
	}
}
