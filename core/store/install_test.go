package store_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/cortexlinux/cortex-host/core/store"
	"github.com/cortexlinux/cortex-host/sdk"
)

// says is a plugin's answer to Describe.
func says(name, version string) func(context.Context, store.Plugin) (store.Identity, error) {
	return func(_ context.Context, p store.Plugin) (store.Identity, error) {
		image, err := p.Load() // as whoever starts it does
		if err != nil {
			return store.Identity{}, err
		}
		image.Close()
		return store.Identity{Description: sdk.Description{Name: name, Version: version}, Protocol: 1}, nil
	}
}

// An entry is one of an archive's.
type entry struct {
	name, body string
	kind       byte // of tar; 0 is a file
}

func tarOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	packed := gzip.NewWriter(&b)
	w := tar.NewWriter(packed)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: 0o755, Size: int64(len(e.body)), Typeflag: tar.TypeReg}
		if e.kind != 0 {
			h.Typeflag, h.Linkname, h.Size = e.kind, e.body, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write([]byte(e.body)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Close(), packed.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		h.SetMode(0o755)
		if e.kind == tar.TypeSymlink {
			h.SetMode(0o777 | os.ModeSymlink)
		}
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(e.body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A release is a directory as goreleaser makes it.
type release struct{ dir, archive, sums string }

// archiveName is what goreleaser calls an archive for a platform.
func archiveName(version, platform string) string {
	return "cortex-provider-acme_" + version + "_" + strings.ReplaceAll(platform, "/", "_") + ".tar.gz"
}

func makeRelease(t testing.TB, version, program string) release {
	t.Helper()
	dir := t.TempDir()
	r := release{dir: dir, archive: filepath.Join(dir, archiveName(version, store.Platform())), sums: filepath.Join(dir, "cortex-provider-acme_"+version+"_SHA256SUMS")}
	archive := tarOf(t, entry{name: "LICENSE", body: "free"}, entry{name: "README.md", body: "read"}, entry{name: "cortex-provider-acme", body: program})
	write(t, r.archive, archive)
	write(t, r.sums, []byte(fmt.Sprintf("%s  %s\n%s  %s\n", hashOf(string(archive)), filepath.Base(r.archive), hashOf("other"), archiveName(version, "plan9/386"))))
	if store.Platform() != "darwin/arm64" {
		f, err := os.OpenFile(r.sums, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(f, "%s *%s\n", hashOf("mac"), archiveName(version, "darwin/arm64"))
		f.Close()
	}
	return r
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// target is a directory to install into, and the store that looks there.
func target(t testing.TB) (string, *store.Store) {
	dir := pluginDir(t)
	return dir, newStore(t, store.Config{Dirs: []string{dir}})
}

// nothingLeft checks that a failed installation left the directory as it was.
func nothingLeft(t testing.TB, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, e := range entries {
		if e.Name() != ".lock" {
			left = append(left, e.Name())
		}
	}
	if fmt.Sprint(left) != fmt.Sprint(names) {
		t.Errorf("the directory holds %v, want %v", left, names)
	}
}

func TestInstallFromEverySource(t *testing.T) {
	r := makeRelease(t, "1.2.0", "program")
	bare := t.TempDir()
	program := put(t, bare, "acme", "program", 0o644) // a browser's download is not executable
	zipped := filepath.Join(t.TempDir(), "cortex-provider-acme_1.2.0_"+runtime.GOOS+"_"+runtime.GOARCH+".zip")
	write(t, zipped, zipOf(t, entry{name: "acme/cortex-provider-acme", body: "program"}))
	web := httptest.NewTLSServer(http.FileServer(http.Dir(r.dir)))
	defer web.Close()
	for name, c := range map[string]struct {
		source, checked string
	}{
		"directory of archives":   {r.dir, "the list of checksums"},
		"archive":                 {r.archive, "the list of checksums"},
		"list of checksums":       {r.sums, "the list of checksums"},
		"program":                 {program, ""},
		"directory of a program":  {bare, ""},
		"zip":                     {zipped, ""},
		"URL of an archive":       {web.URL + "/" + filepath.Base(r.archive) + "?token=secret", "the list of checksums"},
		"URL of the list of sums": {web.URL + "/" + filepath.Base(r.sums), "the list of checksums"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, s := target(t)
			done, err := s.Install(t.Context(), store.Request{Source: c.source, Dir: dir, Describe: says("acme", "1.2.0"), Client: web.Client()})
			if err != nil {
				t.Fatal(err)
			}
			if done.Checked != c.checked || done.Plugin.Name != "acme" {
				t.Errorf("got %+v", done)
			}
			p, err := s.Find("acme")
			if err != nil || p.Pin.SHA256 != hashOf("program") || p.Pin.Version != "1.2.0" || p.Pin.By != store.ByLock || strings.Contains(p.Pin.Source, "secret") {
				t.Errorf("got %+v, %v", p, err)
			}
			if image, err := p.Load(); err != nil {
				t.Error(err)
			} else {
				image.Close()
			}
			nothingLeft(t, dir, store.Prefix+"acme", store.LockName)
			lock := readLock(t, dir)
			if c.checked != "" && store.Platform() != "darwin/arm64" && lock.Plugins["acme"].Platforms["darwin/arm64"].ArchiveSHA256 != hashOf("mac") {
				t.Errorf("the lock lacks the other platforms: %+v", lock)
			}
			if err := s.Remove(t.Context(), dir, "acme"); err != nil {
				t.Error(err)
			}
			nothingLeft(t, dir, store.LockName)
			if err := s.Remove(t.Context(), dir, "acme"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func readLock(t testing.TB, dir string) (l store.Lock) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, store.LockName))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &l); err != nil {
		t.Fatal(err)
	}
	return l
}

// Whatever is wrong with a source is refused by name, and leaves nothing.
func TestRefusedSources(t *testing.T) {
	good := entry{name: "cortex-provider-acme", body: "program"}
	archive := func(t *testing.T, data []byte) string {
		path := filepath.Join(t.TempDir(), "cortex-provider-acme_1.2.0_linux_amd64.tar.gz")
		write(t, path, data)
		return path
	}
	zipped := func(t *testing.T, entries ...entry) string {
		path := filepath.Join(t.TempDir(), "cortex-provider-acme.zip")
		write(t, path, zipOf(t, entries...))
		return path
	}
	for name, c := range map[string]struct {
		source func(t *testing.T) string
		says   string
	}{
		"wrong hash": {func(t *testing.T) string {
			r := makeRelease(t, "1.2.0", "program")
			write(t, r.archive, tarOf(t, entry{name: "cortex-provider-acme", body: "altered"}))
			return r.archive
		}, "as the list of checksums says"},
		"hash of a list for others": {func(t *testing.T) string {
			r := makeRelease(t, "1.2.0", "program")
			write(t, r.sums, []byte(hashOf("x")+"  cortex-provider-acme_1.2.0_plan9_386.tar.gz\n"))
			return r.dir
		}, "no archive for " + store.Platform()},
		"damaged list": {func(t *testing.T) string {
			r := makeRelease(t, "1.2.0", "program")
			write(t, r.sums, []byte("not a list\n"))
			return r.sums
		}, "line 1"},
		"list with a path": {func(t *testing.T) string {
			r := makeRelease(t, "1.2.0", "program")
			write(t, r.sums, []byte(hashOf("x")+"  ../../etc/passwd\n"))
			return r.sums
		}, "line 1"},
		"entry above": {func(t *testing.T) string { return archive(t, tarOf(t, good, entry{name: "../evil", body: "x"})) }, `"../evil" leaves the directory`},
		"entry through": {func(t *testing.T) string {
			return archive(t, tarOf(t, entry{name: "a/../../cortex-provider-acme", body: "x"}))
		}, "leaves the directory"},
		"absolute entry": {func(t *testing.T) string { return archive(t, tarOf(t, good, entry{name: "/etc/evil", body: "x"})) }, `"/etc/evil" leaves the directory`},
		"symbolic link": {func(t *testing.T) string {
			return archive(t, tarOf(t, entry{name: "cortex-provider-acme", body: "/bin/sh", kind: tar.TypeSymlink}))
		}, "is a link"},
		"hard link": {func(t *testing.T) string {
			return archive(t, tarOf(t, good, entry{name: "b", body: "cortex-provider-acme", kind: tar.TypeLink}))
		}, "is a link"},
		"device":        {func(t *testing.T) string { return archive(t, tarOf(t, good, entry{name: "b", kind: tar.TypeChar})) }, "device"},
		"zip above":     {func(t *testing.T) string { return zipped(t, good, entry{name: "../evil", body: "x"}) }, "leaves the directory"},
		"zip backslash": {func(t *testing.T) string { return zipped(t, good, entry{name: `..\evil`, body: "x"}) }, "leaves the directory"},
		"zip link": {func(t *testing.T) string {
			return zipped(t, entry{name: "cortex-provider-acme", body: "/bin/sh", kind: tar.TypeSymlink})
		}, "is a link"},
		"two plugins": {func(t *testing.T) string {
			return archive(t, tarOf(t, good, entry{name: "cortex-provider-other", body: "x"}))
		}, "two plugins"},
		"no plugin":      {func(t *testing.T) string { return archive(t, tarOf(t, entry{name: "README", body: "x"})) }, "no file cortex-provider-NAME"},
		"not an archive": {func(t *testing.T) string { return archive(t, []byte("hello")) }, "no .tar.gz archive"},
		"cut archive":    {func(t *testing.T) string { return archive(t, tarOf(t, good)[:40]) }, "EOF"},
		"many entries": {func(t *testing.T) string {
			return archive(t, tarOf(t, append(make([]entry, 0, 10_002), manyEntries(10_001)...)...))
		}, "more than 10000 entries"},
		"bad name of the file": {func(t *testing.T) string {
			path := filepath.Join(t.TempDir(), "acme")
			write(t, path, []byte("program"))
			return path
		}, "named cortex-provider-NAME"},
		"empty directory": {func(t *testing.T) string { return t.TempDir() }, "want one file"},
		"plain HTTP":      {func(*testing.T) string { return "http://example.com/cortex-provider-acme" }, "only https://"},
		"no such file":    {func(*testing.T) string { return "/no/such/file" }, "/no/such/file"},
		"name of another": {func(t *testing.T) string { return put(t, t.TempDir(), "other", "program", 0o755) }, `calls itself "acme"`},
		"other version":   {func(t *testing.T) string { return makeRelease(t, "1.3.0", "program").dir }, `version is "1.2.0", its archive's name says "1.3.0"`},
		"a plain pipe":    {func(t *testing.T) string { return os.DevNull }, "not a file"},
		"an archive bomb": {func(t *testing.T) string { return archive(t, bomb(t)) }, "unpacks to more than"},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name == "an archive bomb" {
				t.Skip("unpacks a gigabyte")
			}
			dir, s := target(t)
			_, err := s.Install(t.Context(), store.Request{Source: c.source(t), Dir: dir, Describe: says("acme", "1.2.0")})
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
			nothingLeft(t, dir)
		})
	}
}

func manyEntries(n int) (list []entry) {
	for i := range n {
		list = append(list, entry{name: fmt.Sprint(i)})
	}
	return list
}

// bomb is an archive of 1 MB that unpacks to more than a gigabyte.
func bomb(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	packed, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(packed)
	if err := w.WriteHeader(&tar.Header{Name: "big", Mode: 0o644, Size: 1<<30 + 1<<20, Typeflag: tar.TypeReg}); err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range 1<<10 + 1 {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), packed.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRefusedDescriptions(t *testing.T) {
	dir, s := target(t)
	source := put(t, t.TempDir(), "acme", "program", 0o755)
	refuses := func(context.Context, store.Plugin) (store.Identity, error) {
		return store.Identity{}, errors.New("Plugin version: 7, Client versions: [1]")
	}
	if _, err := s.Install(t.Context(), store.Request{Source: source, Dir: dir, Describe: refuses}); !errors.Is(err, store.ErrRefused) || !strings.Contains(err.Error(), source) {
		t.Errorf("got %v", err)
	}
	nothingLeft(t, dir)
}

// A script is pinned as one file; what else runs with it is noted.
func TestInstallingAScript(t *testing.T) {
	dir, s := target(t)
	source := put(t, t.TempDir(), "acme", "#!/usr/bin/env python3\nprint()\n", 0o755)
	if _, err := s.Install(t.Context(), store.Request{Source: source, Dir: dir, Describe: says("acme", "1.2.0")}); err != nil {
		t.Fatal(err)
	}
	got := readLock(t, dir).Plugins["acme"].Uncovered
	if len(got) != 2 || !strings.Contains(got[0], "/usr/bin/env python3") || !strings.Contains(got[1], " from "+dir+" and ") {
		t.Errorf("got %q", got)
	}
}

func TestReplacing(t *testing.T) {
	dir, s := target(t)
	install := func(version, program string, force bool) (*store.Installed, error) {
		return s.Install(t.Context(), store.Request{Source: makeRelease(t, version, program).dir, Dir: dir, Force: force, Describe: says("acme", version)})
	}
	if _, err := install("1.0.0", "first", false); err != nil {
		t.Fatal(err)
	}
	if _, err := install("1.0.0", "first", false); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if _, err := install("1.0.0", "other", false); !errors.Is(err, store.ErrRefused) || !strings.Contains(err.Error(), "--force") {
		t.Errorf("got %v", err)
	}
	if p, err := s.Find("acme"); err != nil || p.Pin.SHA256 != hashOf("first") {
		t.Errorf("got %+v, %v", p, err)
	}
	if done, err := install("1.0.0", "other", true); err != nil || done.Replaced != "1.0.0" {
		t.Errorf("got %+v, %v", done, err)
	}
	if done, err := install("1.1.0", "next", false); err != nil || done.Replaced != "1.0.0" || readLock(t, dir).Plugins["acme"].Version != "1.1.0" {
		t.Errorf("got %+v, %v", done, err)
	}
	// One that would never be found is not installed.
	shadowed := pluginDir(t)
	both := newStore(t, store.Config{Dirs: []string{dir, shadowed}})
	_, err := both.Install(t.Context(), store.Request{Source: makeRelease(t, "2.0.0", "x").dir, Dir: shadowed, Describe: says("acme", "2.0.0")})
	if err == nil || !strings.Contains(err.Error(), "comes before") {
		t.Errorf("got %v", err)
	}
}

// A lock file that came from another machine binds this one.
func TestLockOfAnotherMachine(t *testing.T) {
	dir, s := target(t)
	writeLock(t, dir, `{"version":1,"plugins":{"acme":{"version":"1.0.0","platforms":{"`+store.Platform()+`":{"archive_sha256":"`+hashOf("something else")+`"}}}}}`)
	_, err := s.Install(t.Context(), store.Request{Source: makeRelease(t, "1.0.0", "program").dir, Dir: dir, Describe: says("acme", "1.0.0")})
	if !errors.Is(err, store.ErrRefused) || !strings.Contains(err.Error(), "other bytes") {
		t.Errorf("got %v", err)
	}
}

func TestUnsafeTarget(t *testing.T) {
	dir, s := target(t)
	chmod(t, dir, 0o775)
	_, err := s.Install(t.Context(), store.Request{Source: makeRelease(t, "1.0.0", "program").dir, Dir: dir, Describe: says("acme", "1.0.0")})
	if !errors.Is(err, store.ErrRefused) || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v", err)
	}
}

func TestUntrustedWeb(t *testing.T) {
	program := "program"
	mux := http.NewServeMux()
	mux.HandleFunc("/cortex-provider-acme", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, program) })
	mux.HandleFunc("/away/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://example.com/x?token=secret", http.StatusFound)
	})
	mux.HandleFunc("/gone/", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/broken/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	mux.HandleFunc("/big/", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "99999999999") })
	web := httptest.NewTLSServer(mux)
	defer web.Close()
	for source, want := range map[string]string{
		"/cortex-provider-acme":        "no list of checksums",
		"/away/cortex-provider-acme":   "only https:// is trusted",
		"/broken/cortex-provider-acme": "500",
		"/gone/cortex-provider-acme":   "EOF",
	} {
		dir, s := target(t)
		_, err := s.Install(t.Context(), store.Request{Source: web.URL + source + "?token=secret", Dir: dir, Describe: says("acme", "1.0.0"), Client: web.Client()})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v", source, err)
		}
		nothingLeft(t, dir)
	}
	for source, c := range map[string]struct{ hash, want string }{
		"/cortex-provider-acme":     {hashOf(program), ""},
		"/big/cortex-provider-acme": {hashOf(program), "larger than"},
	} {
		dir, s := target(t)
		_, err := s.Install(t.Context(), store.Request{Source: web.URL + source, SHA256: c.hash, Dir: dir, Describe: says("acme", "1.0.0"), Client: web.Client()})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v", source, err)
		}
	}
	dir, s := target(t)
	_, err := s.Install(t.Context(), store.Request{Source: web.URL + "/cortex-provider-acme", SHA256: hashOf("other"), Dir: dir, Describe: says("acme", "1.0.0"), Client: web.Client()})
	if !errors.Is(err, store.ErrRefused) || !strings.Contains(err.Error(), "as you said") {
		t.Errorf("got %v", err)
	}
}
