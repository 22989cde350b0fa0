package store

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func FuzzSums(f *testing.F) {
	f.Add([]byte(strings.Repeat("a", 64) + "  cortex-provider-a_1_linux_amd64.tar.gz\n"))
	f.Add([]byte(strings.Repeat("0", 64) + " *x\r\n# note\n\n"))
	f.Add([]byte(strings.Repeat("0", 64) + "  \u023A\u023A\u023A\u023A\u023A.zip\n")) // longer in lower case
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := parseSums(data)
		if err != nil {
			return
		}
		for name, hash := range list {
			if !validHash(hash) || strings.Contains(name, "/") || name == "" {
				t.Errorf("%q: %q", name, hash)
			}
		}
		_, _ = list.forPlatform()
	})
}

func FuzzLock(f *testing.F) {
	f.Add([]byte(`{"version":1,"plugins":{"a":{"version":"1","platforms":{"linux/amd64":{"sha256":"x"}}}}}`))
	f.Add([]byte(`{"version":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l := &Lock{}
		if l.parse(data) != nil {
			return
		}
		for name := range l.Plugins {
			if !ValidName(name) {
				t.Errorf("%q", name)
			}
		}
	})
}

// Whatever an archive holds, unpacking it writes to nothing but its target.
func FuzzUnpack(f *testing.F) {
	f.Add([]byte("PK\x03\x04"), true)
	f.Add([]byte("\x1f\x8b\x08"), false)
	f.Fuzz(func(t *testing.T, data []byte, zipped bool) {
		dir := t.TempDir()
		path := filepath.Join(dir, "archive")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		in, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		kind := ".tar.gz"
		if zipped {
			kind = ".zip"
		}
		var out bytes.Buffer
		u, err := unpack(in, kind, io.Writer(&out))
		if err == nil && !strings.HasPrefix(u.name, Prefix) {
			t.Errorf("%q", u.name)
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 1 {
			t.Errorf("it wrote %v", entries)
		}
	})
}

func TestNames(t *testing.T) {
	for archive, want := range map[string][3]string{
		"cortex-provider-acme_1.2.0_linux_amd64.tar.gz":       {"acme", "1.2.0", "linux/amd64"},
		"cortex-provider-acme_v1.2.0_Darwin_arm64.zip":        {"acme", "1.2.0", "darwin/arm64"},
		"cortex-provider-my-own_0.1.0-rc1_linux_x86_64.tgz":   {"my-own", "0.1.0-rc1", "linux/amd64"},
		"cortex-provider-acme_1.0.0_macos_aarch64.tar.gz":     {"acme", "1.0.0", "darwin/arm64"},
		"cortex-provider-acme":                                {"acme", "", ""},
		"cortex-provider-acme.zip":                            {"acme", "", ""},
		"cortex-provider-acme_1.0.0_SHA256SUMS":               {"acme", "1.0.0_SHA256SUMS", ""},
		"other_1.0.0_linux_amd64.tar.gz":                      {"", "", "linux/amd64"},
		"cortex-provider-Acme_1.0.0_linux_amd64.tar.gz":       {"", "", "linux/amd64"},
		"cortex-provider-acme_1.0.0_windows_amd64.zip":        {"acme", "1.0.0_windows_amd64", ""},
		"cortex-provider-acme_1.0.0_linux_amd64.tar.gz.sig":   {"acme", "1.0.0_linux_amd64.tar.gz.sig", ""},
		"cortex-provider-acme_1.0.0_linux_amd64_extra.tar.gz": {"acme", "1.0.0_linux_amd64_extra", ""},
	} {
		name, version := identity(archive)
		_, platform, _ := splitPlatform(archive)
		if got := [3]string{name, version, platform}; got != want {
			t.Errorf("%s: got %q, want %q", archive, got, want)
		}
	}
}
