package main

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/cortexlinux/cortex-host/core/journal"
)

// A namedFile is a file of a run and the flag that names it.
type namedFile struct{ flag, path string }

// fileFlag is the name of a file that is written; dash is what - stands for. An
// empty name is refused: it is a variable of a script that was never set.
type fileFlag struct {
	path *string
	dash string
}

func (f fileFlag) String() string { return "" }
func (f fileFlag) Type() string   { return "FILE" }

func (f fileFlag) Set(s string) error {
	switch *f.path = s; s {
	case "":
		return errors.New("the name of a file is missing")
	case "-":
		*f.path = f.dash
	}
	return nil
}

// checkFiles refuses a command line that names one file twice: the queries, which
// the answers would replace, or one output for two things.
func checkFiles(o *outputFlags, log, input string) error {
	if input == "-" {
		input = ""
	}
	if _, fd := follow(o.report); fd == 1 && o.path == "" {
		return usagef("name a file for one of them, with -o or --report", "answers and page cannot both go to stdout")
	}
	out := []namedFile{{"-o", o.path}, {"--errors", o.errorPath}, {"--summary", o.summary}, {"--report", o.report}, {"--log", log}}
	for i, f := range out {
		if f.path == "" || f.path == "-" || isStream(f.path) {
			continue
		}
		if sameFile(input, f.path) {
			return usagef("name another file with "+f.flag, "%s is what is read: %s would replace it", input, f.flag)
		}
		for _, other := range out[:i] {
			if sameFile(other.path, f.path) {
				return usagef("name another file with one of them", "%s and %s both name %s", other.flag, f.flag, f.path)
			}
		}
	}
	if o.path == "" || isStream(o.path) {
		return nil
	}
	return checkWorking(outputOf(o), input, out)
}

// checkWorking refuses the names of the files in which a run gathers its rows.
func checkWorking(o journal.Output, input string, named []namedFile) error {
	rows, failed := o.Working()
	for flag, list := range map[string][]string{"-o": rows, "--errors": failed} {
		for _, path := range list {
			if sameFile(input, path) {
				return usagef("name another file with "+flag, "%s is what is read: %s gathers its rows there", input, flag)
			}
			for _, f := range named {
				if sameFile(f.path, path) {
					return usagef("name another file with one of them", "%s names %s, where %s gathers its rows", f.flag, f.path, flag)
				}
			}
		}
	}
	return nil
}

// sameFile reports whether two paths mean one file, which need not be there yet.
func sameFile(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	if errA == nil && errB == nil {
		return os.SameFile(infoA, infoB)
	}
	return errA != nil && errB != nil && realPath(a) == realPath(b)
}

// realPath is the path of a file without links.
func realPath(path string) string {
	path, _ = follow(path)
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		path = filepath.Join(dir, filepath.Base(path))
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return abs
}

// isClosed reports whether a stream was closed when this program was started
// (`>&-`): the Go runtime has put in its place what is written nowhere, and is
// told from `>/dev/null` by being open for reading too.
func isClosed(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	if err != nil {
		return true
	}
	info, err := f.Stat()
	null, nullErr := os.Stat(os.DevNull)
	return flags&unix.O_ACCMODE == unix.O_RDWR && err == nil && nullErr == nil && os.SameFile(info, null)
}
