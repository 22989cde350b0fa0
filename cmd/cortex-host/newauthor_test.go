package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"text/template"

	"github.com/goccy/go-yaml"

	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// noModules is what go says where there is neither a module nor a way to it.
var noModules = regexp.MustCompile(`module lookup disabled|dial tcp|no such host|proxyconnect|i/o timeout|TLS handshake timeout`)

// What `provider new` writes is released by its recipe and installed, and answers
// a query: from an author's first line to an operator's.
func TestAScaffoldIsReleasedInstalledAndAsked(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a module")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	host := func(want int, env []string, args ...string) string {
		t.Helper()
		cmd := exec.Command(filepath.Join(layout, "cortex-host"), args...)
		cmd.Dir, cmd.Env = home, append(cleanEnv(home), env...)
		out, errs, _, code := timed(t, cmd)
		if code != want {
			t.Fatalf("%v: exit %d\n%s%s", args, code, out, errs)
		}
		return out + errs
	}
	host(0, nil, "provider", "new", "acme", "--replace", root)
	module := filepath.Join(home, "cortex-provider-acme")
	release(t, root, module)
	host(2, nil, "provider", "describe", "acme")
	if said := host(0, nil, "provider", "install", filepath.Join(module, "dist")); !strings.Contains(said, "installed acme 0.1.0") {
		t.Errorf("got %s", said)
	}
	host(0, nil, "provider", "remove", "acme")
	installFromTheWeb(t, filepath.Join(module, "dist"), host)
	s := startVendor(t, upstream.Config{Dialect: upstream.Dialect{
		Name: "acme", Key: upstream.OpenAI().Key,
		Parse: func(_ string, body []byte) (model, text string, err error) {
			var r struct{ Model, Prompt string }
			err = json.Unmarshal(body, &r)
			return r.Model, r.Prompt, err
		},
		Answer: func(model, _ string) []byte {
			return []byte(`{"model":"` + model + `","text":"hello from acme","stop":"end"}`)
		},
		Problem: upstream.OpenAI().Problem,
	}, Key: "sk-acme"})
	env := []string{"ACME_API_KEY=sk-acme", "ACME_BASE_URL=" + s.URL() + "/v1"}
	if said := host(0, env, "batch", queryFile(t, 1), "--provider", "acme"); !strings.Contains(said, "hello from acme") {
		t.Errorf("got %s", said)
	}
}

// installFromTheWeb installs a release from its list of checksums behind HTTPS,
// after archives that are not those of the list.
func installFromTheWeb(t *testing.T, dist string, host func(int, []string, ...string) string) {
	t.Helper()
	web := httptest.NewUnstartedServer(http.FileServer(http.Dir(dist)))
	web.Config.ErrorLog = log.New(io.Discard, "", 0) // a client will not trust it
	web.StartTLS()
	defer web.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	lists, err := filepath.Glob(filepath.Join(dist, "*_SHA256SUMS"))
	if err != nil || len(lists) != 1 {
		t.Fatalf("%v, %v", lists, err)
	}
	list := web.URL + "/" + filepath.Base(lists[0])
	if said := host(1, nil, "provider", "install", list); !strings.Contains(said, "certificate") {
		t.Errorf("a server that nobody trusts: %s", said)
	}
	trusted := []string{"SSL_CERT_FILE=" + ca}
	archives, err := filepath.Glob(filepath.Join(dist, "*.tar.gz"))
	if err != nil || len(archives) != 1 {
		t.Fatalf("%v, %v", archives, err)
	}
	good := readFile(t, archives[0])
	if err := os.WriteFile(archives[0], append([]byte(good), 0), 0o600); err != nil {
		t.Fatal(err)
	}
	if said := host(1, trusted, "provider", "install", list); !strings.Contains(said, "as the list of checksums says") || !strings.Contains(said, filepath.Base(archives[0])) {
		t.Errorf("an altered archive: %s", said)
	}
	host(2, nil, "provider", "describe", "acme")
	if err := os.WriteFile(archives[0], []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	if said := host(0, trusted, "provider", "install", list); !strings.Contains(said, "installed acme 0.1.0") || !strings.Contains(said, "checked against the list of checksums") {
		t.Errorf("got %s", said)
	}
	if said := host(0, nil, "provider", "verify", "acme"); !strings.HasPrefix(said, "ok  acme  pinned by the lock file") {
		t.Errorf("got %s", said)
	}
}

// release does what goreleaser does with the module's recipe, for this machine:
// one archive and the list of checksums, by the names that the recipe gives.
func release(t *testing.T, root, module string) {
	t.Helper()
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(module, "go.sum"), sums, 0o600); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(module, ".goreleaser.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var recipe struct {
		ProjectName string `yaml:"project_name"`
		Builds      []struct{ Binary string }
		Archives    []struct {
			NameTemplate string `yaml:"name_template"`
		}
		Checksum struct {
			NameTemplate string `yaml:"name_template"`
		}
	}
	if err := yaml.Unmarshal(data, &recipe); err != nil {
		t.Fatal(err)
	}
	named := func(text string) string {
		var b strings.Builder
		values := map[string]string{"ProjectName": recipe.ProjectName, "Version": "0.1.0", "Os": runtime.GOOS, "Arch": runtime.GOARCH}
		if err := template.Must(template.New("").Option("missingkey=error").Parse(text)).Execute(&b, values); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	binary := filepath.Join(module, recipe.Builds[0].Binary)
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", binary, ".")
	cmd.Dir, cmd.Env = module, append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		if noModules.Match(out) {
			t.Skipf("SKIPPED: the scaffold is not released: its modules can't be had: %s", out)
		}
		t.Fatalf("%v\n%s", err, out)
	}
	archive := named(recipe.Archives[0].NameTemplate) + ".tar.gz"
	packed := pack(t, binary)
	dist := filepath.Join(module, "dist")
	if err := os.Mkdir(dist, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		archive:                             packed,
		named(recipe.Checksum.NameTemplate): fmt.Appendf(nil, "%x  %s\n", sha256.Sum256(packed), archive),
	} {
		if err := os.WriteFile(filepath.Join(dist, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// pack returns a .tar.gz with one program.
func pack(t *testing.T, binary string) []byte {
	t.Helper()
	data, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Name: filepath.Base(binary), Mode: 0o755, Size: int64(len(data))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	for _, c := range []interface{ Close() error }{w, z} {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}
