// Command release makes what a release of Cortex Host consists of.
//
//	go run ./cmd/cortex-host/release -out dist
//	go run ./cmd/cortex-host/release -out dist -platforms linux/amd64 -version v1.2.3
//
// For each platform it builds the host, with the hashes of its plugins inside,
// the plugins and the generators, and packs them with the documents, the
// service units and the completion scripts into
// cortex-host-VERSION-OS-ARCH.tar.gz, beside it a bill of materials
// (CycloneDX), and for all of them SHA256SUMS.
//
// The same commit and the same version of Go give the same bytes, in whatever
// directory and on whatever machine they are built: no path, user, time or
// order of the machine gets in. Times in archives are that of the commit, or
// SOURCE_DATE_EPOCH.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

func run(args []string, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	r := &release{}
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.SetOutput(stderr)
	out := flags.String("out", "dist", "write into this directory")
	platforms := flags.String("platforms", "linux/amd64,linux/arm64,darwin/arm64", "build for these, OS/ARCH separated by commas")
	flags.StringVar(&r.version, "version", "", "the version (default: git describe)")
	flags.StringVar(&r.source, "source", ".", "the directory of the source")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	if err := r.make(ctx, *out, strings.Split(*platforms, ","), stderr); err != nil {
		fmt.Fprintf(stderr, "error: %v\n", err)
		return 1
	}
	return 0
}

// A release is made of one state of the source.
type release struct {
	source, version string
	time            time.Time
	plugins, guests []string
}

// make writes all archives and their checksums.
func (r *release) make(ctx context.Context, out string, platforms []string, progress io.Writer) error {
	if err := r.find(ctx); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "cortex-host-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	common := filepath.Join(work, "common")
	if err := r.buildCommon(ctx, common); err != nil {
		return err
	}
	var made []string
	for _, platform := range platforms {
		goos, goarch, ok := strings.Cut(platform, "/")
		if !ok {
			return fmt.Errorf("write platforms as linux/amd64, not %q", platform)
		}
		name := fmt.Sprintf("cortex-host-%s-%s-%s", r.version, goos, goarch)
		fmt.Fprintf(progress, "building %s\n", name)
		dir := filepath.Join(work, name)
		if err := r.buildPlatform(ctx, dir, common, goos, goarch); err != nil {
			return err
		}
		bill, err := billOf(dir, name, r.version, r.time)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(out, name+".cdx.json"), bill, 0o644); err != nil {
			return err
		}
		if err := archive(filepath.Join(out, name+".tar.gz"), dir, name, r.time); err != nil {
			return err
		}
		made = append(made, name+".cdx.json", name+".tar.gz")
	}
	return writeSums(out, made)
}

// find fills in what the source says of itself.
func (r *release) find(ctx context.Context) (err error) {
	if r.source, err = filepath.Abs(r.source); err != nil {
		return err
	}
	if r.version == "" {
		if r.version, err = r.output(ctx, nil, "git", "describe", "--tags", "--always", "--dirty"); err != nil {
			return fmt.Errorf("give -version outside of a git checkout: %w", err)
		}
	}
	seconds := os.Getenv("SOURCE_DATE_EPOCH")
	if seconds == "" {
		if seconds, err = r.output(ctx, nil, "git", "log", "-1", "--format=%ct"); err != nil {
			return fmt.Errorf("set SOURCE_DATE_EPOCH outside of a git checkout: %w", err)
		}
	}
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH must be seconds since 1970: %w", err)
	}
	r.time = time.Unix(unix, 0).UTC()
	if r.plugins, err = mains(r.source, "plugins"); err != nil {
		return err
	}
	r.guests, err = mains(r.source, "wasm-generators")
	return err
}

// mains returns the names of the programs in a directory of the source.
func mains(source, dir string) ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(source, dir, "*", "main.go"))
	var names []string
	for _, p := range paths { // Glob sorts
		names = append(names, filepath.Base(filepath.Dir(p)))
	}
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("%s has no program: -source must name the directory of the source", filepath.Join(source, dir))
	}
	return names, err
}

// output runs a tool in the source and returns what it prints.
func (r *release) output(ctx context.Context, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var stderr strings.Builder
	cmd.Dir, cmd.Env, cmd.Stderr = r.source, append(os.Environ(), env...), &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(string(out)), nil
}
