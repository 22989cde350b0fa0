package main

import (
	"strings"
	"testing"

	"github.com/cortexlinux/cortex-host/sdk/generator"
)

// A question says what the machine has of the package.
func TestWhatTheMachineHas(t *testing.T) {
	const header = `{"abi":1,"params":{"system":"Be short.","template":"{package}: {installed}, {candidate}, {architecture}, {os}"},` +
		`"facts":{"os":{"name":"Debian 12","architecture":"x86_64"}},"seed":0}` + "\n"
	for item, want := range map[string]string{
		`{"item":"bash","facts":{"package":{"installed":"5.2-1","candidate":"5.2-2","architecture":"amd64"}}}`: "bash: 5.2-1, 5.2-2, amd64, Debian 12, x86_64",
		`{"item":"nginx","facts":{"package":{"candidate":"1.22"}}}`:                                            "nginx: not installed, 1.22, unknown, Debian 12, x86_64",
		`{"item":{"package":"none"}}`: "none: not known, not known, not known, Debian 12, x86_64",
		`{"item":"two words"}`:        "this is no package name",
	} {
		var out strings.Builder
		if err := generator.Do(strings.NewReader(header+item+"\n"), &out, run); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %s (%v), want %s", item, out.String(), err, want)
		}
	}
}
