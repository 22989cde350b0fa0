package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/core/journal"
)

// cleanFlags say what may go.
type cleanFlags struct {
	cache, runs, all, dryRun bool
	olderThan                time.Duration
}

func newCleanCommand(a *app) *cobra.Command {
	f := &cleanFlags{}
	cmd := &cobra.Command{
		Use: "clean", Short: "Free what caches and old records take", GroupID: groupLook, Args: cobra.NoArgs,
		Long: `Remove what can be made again: compiled generators and cached descriptions of
plugins; and the records of finished runs. Results, configuration and runs that
can still be resumed stay. Without --cache or --runs it does both.`,
		Example: `  cortex-host clean --dry-run
  cortex-host clean --runs --older-than 720h`,
	}
	cmd.Flags().BoolVar(&f.cache, "cache", false, "remove the caches")
	cmd.Flags().BoolVar(&f.runs, "runs", false, "remove the records of finished runs")
	cmd.Flags().BoolVar(&f.all, "all", false, "with the runs that were interrupted: they cannot be resumed then")
	cmd.Flags().Var(waitFlag{&f.olderThan}, "older-than", "only runs that began longer `AGO`, such as 720h")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "say what would be removed, and remove nothing")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if !f.cache && !f.runs {
			f.cache, f.runs = true, true
		}
		return a.clean(cmd.Context(), f)
	}
	return cmd
}

func (a *app) clean(ctx context.Context, f *cleanFlags) error {
	var freed int64
	if f.cache {
		n, err := a.cleanCache(f)
		if err != nil {
			return err
		}
		freed += n
	}
	if f.runs {
		n, err := a.cleanRuns(ctx, f)
		if err != nil {
			return err
		}
		freed += n
	}
	verb := "freed"
	if f.dryRun {
		verb = "would free"
	}
	a.info("%s %.1f MB", verb, float64(freed)/1e6)
	return nil
}

// cleanCache removes the entries of the cache. A run that is under way makes
// again what it misses.
func (a *app) cleanCache(f *cleanFlags) (freed int64, err error) {
	dir := a.cacheDir()
	if dir == "" {
		return 0, usagef("set HOME or XDG_CACHE_HOME", "there is no cache directory")
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		return 0, &failure{err, "make it readable for this user", exitFatal}
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		freed += sizeOf(path)
		fmt.Fprintln(a.stdout, format.Inline(path))
		if f.dryRun {
			continue
		}
		if err := removeAll(path); err != nil {
			return freed, &failure{err, "make it writable for this user", exitFatal}
		}
	}
	return freed, nil
}

// removeAll removes a directory, also one that is read-only as those of
// compiled generators are.
func removeAll(path string) error {
	_ = filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			_ = os.Chmod(p, 0o700) // what cannot be changed cannot be removed either, and is the error below
		}
		return nil
	})
	return os.RemoveAll(path)
}

// cleanRuns removes the records of runs that are over.
func (a *app) cleanRuns(ctx context.Context, f *cleanFlags) (freed int64, err error) {
	cfg, err := a.journalConfig(defaultSync)
	if err != nil {
		return 0, err
	}
	runs, err := journal.List(ctx, cfg)
	if err != nil {
		a.note("warning: %v", err) // the others can be removed
	}
	for _, r := range runs {
		over := r.State == journal.StateFinished || f.all && r.State != journal.StateRunning
		if !over || time.Since(r.Created) < f.olderThan {
			continue
		}
		freed += r.Bytes
		fmt.Fprintf(a.stdout, "run %s (%s)\n", format.Inline(r.ID), r.State)
		if f.dryRun {
			continue
		}
		if err := journal.Remove(cfg, r.ID); err != nil {
			return freed, runFailure(err, r.ID)
		}
	}
	return freed, nil
}
