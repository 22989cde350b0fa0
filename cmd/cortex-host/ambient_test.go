package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cortexlinux/cortex-host/core/confine"
	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
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

// A file that a setting names is found as the user wrote it, and read by a
// plugin that is confined.
func TestFilesOfSettingsAreFound(t *testing.T) {
	s := startVendor(t, upstream.Config{TLS: true})
	home, here := t.TempDir(), t.TempDir()
	for _, path := range []string{filepath.Join(home, "own.pem"), filepath.Join(here, "ca.pem")} {
		if err := os.WriteFile(path, s.CA(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pem, err := json.Marshal(string(s.CA()))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		ca   string
		code int
		says string
	}{
		"whole":      {filepath.Join(here, "ca.pem"), exitOK, ""},
		"relative":   {"ca.pem", exitOK, ""},
		"home":       {"~/own.pem", exitOK, ""},
		"the text":   {string(pem), exitOK, ""},
		"not there":  {"other.pem", exitUsage, "other.pem"},
		"no setting": {`""`, exitFailed, "ca_file"},
	} {
		config := "providers:\n  chat: {plugin: openai, settings: {ca_file: " + c.ca + "}}\n"
		if err := os.WriteFile(filepath.Join(here, "c.yaml"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(filepath.Join(layout, "cortex-host"), "batch", queryFile(t, 1), "--config", "c.yaml", "--provider", "chat", "--base-url", s.URL()+"/v1", "--retry-failed=false")
		cmd.Dir, cmd.Env = here, append(cleanEnv(home), "OPENAI_API_KEY=sk-1")
		if out, errs, _, code := timed(t, cmd); code != c.code || !strings.Contains(out+errs, c.says) {
			t.Errorf("%s: exit %d\n%s%s", name, code, out, errs)
		}
	}
}
