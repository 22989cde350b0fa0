package main

import (
	"strings"
	"testing"
)

// Whatever is no sensible number for a flag is a usage error that says what
// would be one; nothing is asked, and nothing removed.
func TestNumbersThatAreNone(t *testing.T) {
	queries := queryFile(t, 1)
	batch := "cortex-host batch $queries --provider simulator --"
	amounts := []string{"-1", "NaN", "Inf", "-Inf", "1e309", "abc", "0x10"}
	for flag, values := range map[string][]string{
		batch + "temperature": amounts, batch + "max-cost": append(amounts, "9e18", "99999999999999999999"),
		batch + "requests-per-second": amounts, batch + "share": amounts, batch + "price": amounts,
		batch + "tokens-per-minute": amounts,
		batch + "max-tokens":        append(amounts, "0", "99999999999999999999", "1.5"), batch + "max-concurrent": append(amounts, "0", "1e18"),
		batch + "burst": append(amounts, "0", "9999999999"), batch + "max-retries": append(amounts, "9999999999"),
		batch + "abort-after": append(amounts, "99999999999999999999"), batch + "limit": append(amounts, "0"),
		batch + "max-total-tokens": append(amounts, "0"), batch + "priority": append(amounts[1:], "99999999999"),
		batch + "timeout": append(amounts, "0s", "-5s", "9999999h", "5"), batch + "deadline": append(amounts, "0s", "-5s", "9999999h", "5"),
		batch + "drain": append(amounts, "-5s", "9999999h", "5"), batch + "plugin-memory-mb": append(amounts, "0"),
		"cortex-host clean --older-than":                    append(amounts, "-5h", "5"),
		"cortex-host generate package bash --seed":          {"-1", "NaN", "abc", "1e3", "9007199254740992", "99999999999999999999"},
		"cortex-host generate package bash --limit":         append(amounts, "0"),
		"cortex-host generate hardware --generator-timeout": append(amounts, "0s", "-5s"),
	} {
		t.Run(flag[strings.LastIndex(flag, "--"):], func(t *testing.T) {
			t.Parallel()
			for _, value := range values {
				errs, _, code := inShell(t, flag+"='"+value+"'", queries)
				if code != exitUsage || !strings.HasPrefix(errs, "error: ") && !strings.Contains(errs, "\nerror: ") || !strings.Contains(errs, "\nhint: ") {
					t.Errorf("%s=%s: exit %d\n%s", flag, value, code, errs)
				}
			}
		})
	}
}
