package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// A secret that somebody has written into a command line gets into no file: the
// run is not recorded, and page and log leave it out.
func TestSecretsOfTheCommandLine(t *testing.T) {
	vendor := startVendor(t, upstream.Config{})
	queries := queryFile(t, 2)
	const key, inAddress = "sk-of-the-environment", "k3y%2Fof-the-address"
	for name, args := range map[string][]string{
		"a key in an address":   {"--base-url", vendor.URL() + "/v1?api-version=2&api-key=" + inAddress},
		"the key in a template": {"--base-url", vendor.URL() + "/v1", "--system", "say " + key},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := command(t, append([]string{"batch", queries, "--provider", "openai", "-o", "out.ndjson"}, args...)...)
			cmd.Env = append(cmd.Env, "OPENAI_API_KEY="+key)
			_, errs, _, code := timed(t, cmd)
			if code != exitUsage || !strings.Contains(errs, "contains a secret") || !strings.Contains(errs, "hint: `cortex-host provider list`") {
				t.Errorf("exit %d\n%s", code, errs)
			}
			if n := vendor.Stats().Requests; n != 0 {
				t.Errorf("%d calls were made", n)
			}
			keepsSecrets(t, cmd.Dir, key, inAddress, "k3y/of-the-address")
		})
	}
	// In a variable it is where it belongs, and nothing of it is kept.
	cmd := command(t, "batch", queries, "--provider", "openai", "-o", "out.ndjson", "--report", "page.html", "--log", "run.log")
	cmd.Env = append(cmd.Env, "OPENAI_API_KEY="+key, "CORTEX_BASE_URL="+vendor.URL()+"/v1?api-key="+inAddress)
	if _, errs, _, code := timed(t, cmd); code != exitOK {
		t.Errorf("exit %d\n%s", code, errs)
	}
	keepsSecrets(t, cmd.Dir, key, inAddress, "k3y/of-the-address")
	cmd = command(t, "batch", queries, "--provider", "openai", "--base-url", vendor.URL()+"/v1?api-key="+inAddress, "--report", "page.html", "--log", "run.log")
	cmd.Env = append(cmd.Env, "OPENAI_API_KEY="+key)
	if _, errs, _, code := timed(t, cmd); code != exitOK || !strings.Contains(readFile(t, filepath.Join(cmd.Dir, "page.html")), "api-key=[redacted]") {
		t.Errorf("exit %d\n%s", code, errs)
	}
	keepsSecrets(t, cmd.Dir, key, inAddress, "k3y/of-the-address")
}

// A secret is found whatever a shell makes of it, and where an address has
// nothing else before its host, which the provider refuses.
func TestSecretsThatAreQuotedOrAUser(t *testing.T) {
	vendor := startVendor(t, upstream.Config{})
	const key, user = "sk-it's-of-the-environment", "t0ken-of-the-address"
	withUser := strings.Replace(vendor.URL(), "://", "://"+user+"@", 1)
	for base, want := range map[string]int{vendor.URL(): exitOK, withUser: exitUsage} {
		cmd := command(t, "batch", queryFile(t, 2), "--provider", "openai", "--base-url", base+"/v1", "--system", "say "+key, "--report", "page.html", "--log", "run.log")
		cmd.Env = append(cmd.Env, "OPENAI_API_KEY="+key)
		_, errs, _, code := timed(t, cmd)
		if code != want || !strings.Contains(readFile(t, filepath.Join(cmd.Dir, "page.html")), "say [redacted]") {
			t.Errorf("%s: exit %d\n%s", base, code, errs)
		}
		keepsSecrets(t, cmd.Dir, "of-the-environment", user)
	}
}

// keepsSecrets checks that no file below a directory has one of them.
func keepsSecrets(t *testing.T, dir string, secrets ...string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		for _, secret := range secrets {
			if strings.Contains(string(data), secret) {
				t.Errorf("%s holds %s", path, secret)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
