package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cortexlinux/cortex-host/core/confine"
)

// What a cloud's SDK finds in the home and the environment reaches a plugin if
// the operator grants it by name, and not otherwise.
func TestAmbientCredentialsAreGrantedByName(t *testing.T) {
	plugin := filepath.Join(t.TempDir(), "cortex-provider-ambient")
	if err := tool(repository, nil, "go", "build", "-buildvcs=false", "-o", plugin, "./cmd/cortex-host/testdata/ambient"); err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".cloud"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".cloud", "credentials"), []byte("ambient-file"), 0o600); err != nil {
		t.Fatal(err)
	}
	const denied = "permission denied"
	for _, c := range []struct {
		name, grant, confinement string
		says, not                string
		code                     int
	}{
		{"nothing", "{}", "", denied, "ambient-", exitFailed},
		{"the variable", "{env: [CLOUD_PROFILE]}", "", denied, "ambient-", exitFailed},
		{"another file", "{files: [~/.other]}", "", denied, "ambient-", exitFailed},
		{"the file", "{files: [~/.cloud/credentials]}", "", "file=ambient-file profile=", "ambient-profile", exitOK},
		{"its directory", "{files: [~/.cloud]}", "", "file=ambient-file profile=", "ambient-profile", exitOK},
		{"both", "{env: [CLOUD_PROFILE], files: [" + home + "/.cloud]}", "", "file=ambient-file profile=ambient-profile", denied, exitOK},
		{"without confinement", "{}", "off", "file=ambient-file profile=", "ambient-profile", exitOK},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.code != exitOK && confine.LandlockABI() == 0 {
				t.Skip("SKIPPED: this kernel has no Landlock")
			}
			config := filepath.Join(t.TempDir(), "c.yaml")
			if err := os.WriteFile(config, []byte("providers:\n  cloud: {plugin: ambient, grant: "+c.grant+"}\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(filepath.Join(layout, "cortex-host"), "batch", queryFile(t, 1), "--dev-plugin", "ambient="+plugin, "--config", config, "--provider", "cloud")
			if c.confinement != "" {
				cmd.Args = append(cmd.Args, "--plugin-confinement", c.confinement)
			}
			cmd.Dir, cmd.Env = home, append(cleanEnv(home), "CLOUD_PROFILE=ambient-profile")
			out, errs, _, code := timed(t, cmd)
			if code != c.code || !strings.Contains(out, c.says) || strings.Contains(out+errs, c.not) {
				t.Errorf("exit %d, want %d and %q\n%s%s", code, c.code, c.says, out, errs)
			}
		})
	}
}
