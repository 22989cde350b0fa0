package format

import "fmt"

// Error is what is wrong with a file, and where.
type Error struct {
	// File is the name that the reader was given.
	File string
	// Line counts from 1; 0 if the file as a whole is meant.
	Line int64
	// Byte is the offset of the line's first byte, from 0; in a packed file
	// that of the text in it.
	Byte int64
	// Problem says what is wrong and how to mend it. It may quote the file.
	Problem string
	// Err is the error underneath, or nil.
	Err error

	// last says that the file cannot be read any further.
	last bool
}

// Error returns "file:line: problem".
func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Problem)
	}
	return fmt.Sprintf("%s:%d: %s (line begins at byte %d)", e.File, e.Line, e.Problem, e.Byte)
}

// WholeFile reports whether nothing more of the file can be read, so that it does
// not help to leave out a line.
func (e *Error) WholeFile() bool { return e.Line == 0 || e.last }

// Unwrap returns the error underneath.
func (e *Error) Unwrap() error { return e.Err }
