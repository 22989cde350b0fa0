package journal

import (
	"errors"
	"fmt"
	"io/fs"
)

// ErrComplete says that there is nothing to resume.
var ErrComplete = errors.New("every query of the run is answered")

// ErrIncomplete says that a run cannot be finished: some queries have no row.
var ErrIncomplete = errors.New("the run is not complete")

// ErrNoRun says that there is no such run.
var ErrNoRun = errors.New("no such run")

// A BusyError says that another process works on the run.
type BusyError struct{ Run string }

func (e *BusyError) Error() string {
	return fmt.Sprintf("run %s is in use by another process: wait for it, or end it first", e.Run)
}

// Unwrap returns [ErrLocked].
func (e *BusyError) Unwrap() error { return ErrLocked }

// A CorruptError says that a file of a run is not what the run has written:
// no crash leaves it so.
type CorruptError struct {
	Path   string
	Offset int64
	What   string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s is damaged at byte %d: %s; start anew with --new-run", e.Path, e.Offset, e.What)
}

// An EditedError says that the final file of a run is not as the run has written
// it, so that no session can add to it.
type EditedError struct {
	Path string
	Run  string
	// How says what is different.
	How string
}

func (e *EditedError) Error() string {
	return fmt.Sprintf("%s has changed since run %s wrote it (%s), so nothing can be added to it: undo the change, or start anew with another file", e.Path, e.Run, e.How)
}

// An InputError says that the input of a resumed run is not the same as before.
type InputError struct {
	Run   string
	Index int64
	ID    string
}

func (e *InputError) Error() string {
	return fmt.Sprintf("query %d of the input (%q) is not the one that run %s has already settled: the input, the prompt or its order has changed; "+
		"give the same input again, or start anew with --new-run", e.Index+1, e.ID, e.Run)
}

// An ExistsError says that an output file is there already.
type ExistsError struct {
	Path string
	// Run is the unfinished run that it belongs to, or empty.
	Run string
}

func (e *ExistsError) Error() string {
	if e.Run != "" {
		return fmt.Sprintf("%s exists: run %s was not finished; continue it with --resume, or replace it with --force", e.Path, e.Run)
	}
	return fmt.Sprintf("%s exists: choose another file, or replace it with --force", e.Path)
}

// Unwrap returns [fs.ErrExist].
func (e *ExistsError) Unwrap() error { return fs.ErrExist }
