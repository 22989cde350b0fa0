package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// A place is a directory or a file that this program uses.
type place struct {
	name, path string
	private    bool   // nobody else may read it
	mend       string // how to free it, if it gets large
}

// Sizes from which on somebody should know.
const (
	largeDir  = 4 << 30
	smallRoom = 1 << 30
)

func (a *app) places() []place {
	list := []place{
		{name: "configuration directory", path: a.configDir()},
		{name: "cache", path: a.cacheDir(), mend: "`cortex-host clean --cache` frees it"},
		{name: "runs", path: filepath.Join(a.stateDir(), "runs"), private: true, mend: "`cortex-host clean --runs` frees it"},
	}
	for _, dir := range a.pluginDirs() {
		list = append(list, place{name: "plugin directory", path: dir})
	}
	for _, dir := range a.generatorDirs() {
		list = append(list, place{name: "generator directory", path: dir})
	}
	return list
}

func (a *app) stateDir() string { return a.xdg("XDG_STATE_HOME", ".local/state") }

// examineDirs looks at the directories: whose they are, who may write there,
// and how large they are.
func (a *app) examineDirs() []diagnosis {
	var found []diagnosis
	for _, p := range a.places() {
		if !filepath.IsAbs(p.path) {
			found = append(found, diagnosis{p.name, ill, "there is no directory for it", "set HOME"})
			continue
		}
		found = append(found, p.examine())
	}
	return found
}

func (p place) examine() diagnosis {
	info, err := os.Stat(p.path)
	switch {
	case os.IsNotExist(err):
		return diagnosis{p.name, healthy, p.path + " (not there yet)", ""}
	case err != nil:
		return diagnosis{p.name, ill, err.Error(), "make it readable for this user"}
	case !info.IsDir():
		return diagnosis{p.name, ill, p.path + " is no directory", "move it away"}
	case info.Mode().Perm()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0:
		return diagnosis{p.name, ill, p.path + " can be written by others, who could then run what they like as you", "chmod go-w " + p.path}
	case p.private && info.Mode().Perm()&0o077 != 0:
		return diagnosis{p.name, warning, p.path + " can be read by others", "chmod 700 " + p.path}
	case p.mend == "":
		return diagnosis{p.name, healthy, p.path, ""}
	}
	size := sizeOf(p.path)
	d := diagnosis{p.name, healthy, fmt.Sprintf("%s, %.1f MB", p.path, float64(size)/1e6), ""}
	if size > largeDir {
		d.Status, d.Mend = warning, p.mend
	}
	if room, err := roomOf(p.path); err == nil && room < smallRoom {
		d.Status, d.Mend = warning, "free some space; "+p.mend
		d.Detail += fmt.Sprintf("; only %.0f MB are left on that disk", float64(room)/1e6)
	}
	return d
}

// examineMachine looks at what belongs to the machine and not to this program.
func (a *app) examineMachine() []diagnosis {
	found := []diagnosis{clockDiagnosis(time.Now())}
	if files, err := openFiles(); err == nil {
		d := diagnosis{"open files", healthy, fmt.Sprintf("up to %d", files), ""}
		if files < 1024 {
			d.Status, d.Mend = warning, "ulimit -n 4096, or LimitNOFILE= in a service: each call needs one"
		}
		found = append(found, d)
	}
	return found
}

// sourceDate is before any time at which this program can run.
var sourceDate = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// clockDiagnosis tells whether the clock can be right. A wrong one breaks TLS
// and the order of runs; waits do not depend on it.
func clockDiagnosis(now time.Time) diagnosis {
	detail := now.Format(time.RFC3339)
	if now.Before(sourceDate) {
		return diagnosis{"clock", ill, detail + " is before this program was made", "timedatectl set-ntp true, or date -s"}
	}
	if synchronized, known := clockSynchronized(); known && !synchronized {
		return diagnosis{"clock", healthy, detail + ", not kept by a time service of this kernel (--online compares it)", ""}
	}
	return diagnosis{"clock", healthy, detail, ""}
}

// sizeOf adds up the files of a directory.
func sizeOf(dir string) (size int64) {
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil // what cannot be read is not counted
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return nil
	})
	return size
}
