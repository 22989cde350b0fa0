package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// reproducible are the flags that keep the machine out of a binary.
var reproducible = []string{"build", "-trimpath", "-buildvcs=false"}

// documents of the source are packed as they are; a directory with what is in
// it.
var documents = []string{"README.md", "cmd/cortex-host/OPERATING.md", "cmd/cortex-host/SECURITY.md", "cmd/cortex-host/EXITCODES.md",
	"cmd/cortex-host/services", "core/format/FORMATS.md", "core/config/cortex-host.schema.json"}

// buildCommon makes what is the same on all platforms: generators, completion
// scripts, documents.
func (r *release) buildCommon(ctx context.Context, dir string) error {
	host := filepath.Join(dir, "..", "host")
	if err := r.build(ctx, nil, host, "cmd/cortex-host", ""); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, "generators"), 0o755); err != nil {
		return err
	}
	for _, name := range r.guests {
		raw := filepath.Join(dir, "..", name+".raw")
		if err := r.build(ctx, []string{"GOOS=wasip1", "GOARCH=wasm"}, raw, "wasm-generators/"+name, ""); err != nil {
			return err
		}
		packed := filepath.Join(dir, "generators", name+".wasm")
		manifest := filepath.Join(r.source, "wasm-generators", name, "manifest.json")
		if _, err := r.output(ctx, nil, host, "generator", "pack", "--manifest", manifest, "-o", packed, raw); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "completions"), 0o755); err != nil {
		return err
	}
	for shell, name := range map[string]string{"bash": "cortex-host.bash", "zsh": "_cortex-host", "fish": "cortex-host.fish", "powershell": "cortex-host.ps1"} {
		script, err := r.output(ctx, nil, host, "completion", shell)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "completions", name), []byte(script+"\n"), 0o644); err != nil {
			return err
		}
	}
	for _, path := range documents {
		if err := copyTree(filepath.Join(r.source, path), filepath.Join(dir, filepath.Base(path))); err != nil {
			return err
		}
	}
	return nil
}

// buildPlatform makes everything of one platform. The host holds the hashes of
// its plugins, so they come first.
func (r *release) buildPlatform(ctx context.Context, dir, common, goos, goarch string) error {
	if err := copyTree(common, dir); err != nil {
		return err
	}
	env := []string{"GOOS=" + goos, "GOARCH=" + goarch}
	var pins []string
	for _, name := range r.plugins {
		path := filepath.Join(dir, "plugins", "cortex-provider-"+name)
		if err := r.build(ctx, env, path, "plugins/"+name, ""); err != nil {
			return err
		}
		hash, err := hashFile(path)
		if err != nil {
			return err
		}
		pins = append(pins, name+":"+hash)
	}
	return r.build(ctx, env, filepath.Join(dir, "cortex-host"), "cmd/cortex-host", " -X main.bundled="+strings.Join(pins, ","))
}

// build makes one program.
func (r *release) build(ctx context.Context, env []string, path, program, linker string) error {
	args := append(append([]string{}, reproducible...), "-ldflags", "-s -w -X main.version="+r.version+linker, "-o", path, "./"+program)
	_, err := r.output(ctx, append([]string{"CGO_ENABLED=0", "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOWORK=off"}, env...), "go", args...)
	return err
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// writeSums writes SHA256SUMS, as sha256sum -c reads it.
func writeSums(dir string, names []string) error {
	var b strings.Builder
	for _, name := range names {
		hash, err := hashFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s  %s\n", hash, name)
	}
	return os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(b.String()), 0o644)
}

// copyTree copies a file, or a directory with all that is in it.
func copyTree(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return os.CopyFS(to, os.DirFS(from))
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}
