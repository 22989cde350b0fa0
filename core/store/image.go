package store

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// maxProgram bounds a plugin's file.
const maxProgram = 512 << 20

// An Image is a plugin's program as it was hashed. It is safe for concurrent
// use; close it.
type Image struct {
	// File holds the program. A child that inherits it executes it through
	// /proc/self/fd; it is nil where the system cannot do that, and the
	// plugin's path is executed.
	File *os.File
	// SHA256 is its hash in hex.
	SHA256 string
	// Interpreter is the first line of a script, without #!, else empty.
	Interpreter string
	// Held says how the program is kept from being changed, for people.
	Held string

	path string
}

// Load reads the plugin once: what it returns is what has the hash that the pin
// demands, whatever becomes of the file.
func (p Plugin) Load() (*Image, error) {
	pinned := p.Pin.SHA256 != ""
	if pinned {
		if err := safe(p.Path); err != nil {
			return nil, err
		}
	}
	source, err := openProgram(p.Path, !pinned)
	if err != nil {
		return nil, fmt.Errorf("the plugin %s: %w", p.Name, err)
	}
	defer source.Close()
	i := &Image{path: p.Path}
	hash := sha256.New()
	if err := i.hold(source, hash); err != nil {
		return nil, fmt.Errorf("the plugin %s: hold %s: %w", p.Name, p.Path, err)
	}
	i.SHA256 = hex.EncodeToString(hash.Sum(nil))
	if pinned && i.SHA256 != p.Pin.SHA256 {
		i.Close()
		return nil, refuse(p.Path, "%s", p.mismatch(i.SHA256))
	}
	return i, nil
}

// Hash returns the SHA-256 that the plugin's bytes have, or must have, in hex.
func (p Plugin) Hash() (string, error) {
	if p.Pin.SHA256 != "" {
		return p.Pin.SHA256, nil
	}
	image, err := p.Load()
	if err != nil {
		return "", err
	}
	defer image.Close()
	return image.SHA256, nil
}

// mismatch says what to do about bytes that nobody vouches for.
func (p Plugin) mismatch(got string) string {
	what := "its SHA-256 is " + got + " and not " + p.Pin.SHA256
	if p.Pin.By == ByBuild {
		return what + ", with which this cortex-host was built; `make build` builds both, `--dev-plugin " + p.Name + "=" + p.Path + "` runs it as it is"
	}
	return what + ", as the lock file says; it was changed after it was installed: install it again"
}

// openProgram opens a file to be run. It never waits, and follows symbolic
// links only if it may.
func openProgram(path string, follow bool) (*os.File, error) {
	flags := os.O_RDONLY | openNonblock
	if !follow {
		flags |= openNoFollow
	}
	f, err := os.OpenFile(path, flags, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = runnable(path, info)
	}
	if err == nil && !follow { // the open file: its path may be another one by now
		err = onlyOurs(path, info)
	}
	if err == nil && info.Size() > maxProgram {
		err = refuse(path, "it is larger than %d MiB", maxProgram>>20)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// copyTo copies the program to both writers and notes what a script begins
// with.
func (i *Image) copyTo(source io.Reader, held, hash io.Writer) error {
	buf := make([]byte, 64<<10)
	var total int64
	for first := true; ; first = false {
		n, err := io.ReadFull(source, buf)
		if first {
			i.Interpreter = interpreter(buf[:n])
		}
		if total += int64(n); total > maxProgram {
			return fmt.Errorf("it is larger than %d MiB", maxProgram>>20)
		}
		_, _ = hash.Write(buf[:n]) // a hash never fails
		if _, werr := held.Write(buf[:n]); werr != nil {
			return werr
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// interpreter returns what a script's first line names.
func interpreter(head []byte) string {
	rest, ok := bytes.CutPrefix(head, []byte("#!"))
	if !ok {
		return ""
	}
	line, _, _ := bytes.Cut(rest[:min(len(rest), 255)], []byte("\n"))
	return strings.TrimSpace(strings.ToValidUTF8(string(line), "?"))
}

// Uncovered says what runs with the plugin and is not covered by its hash.
func (i *Image) Uncovered() []string {
	if i.Interpreter != "" {
		return []string{"the interpreter: " + i.Interpreter,
			"every module that the script loads, from " + filepath.Dir(i.path) + " and from the interpreter's own"}
	}
	exe, err := elf.NewFile(i.reader())
	if err != nil {
		return nil // no ELF file: what else it may load is not known
	}
	libraries, err := exe.ImportedLibraries()
	if err != nil || len(libraries) == 0 {
		return nil
	}
	return []string{"shared libraries of this system: " + strings.Join(libraries, ", ")}
}

// reader reads the program without moving anybody's position in it.
func (i *Image) reader() io.ReaderAt {
	if i.File != nil {
		return i.File
	}
	data, err := os.ReadFile(i.path)
	if err != nil {
		return bytes.NewReader(nil)
	}
	return bytes.NewReader(data)
}

// Close releases the program; children that execute it keep it.
func (i *Image) Close() {
	if i.File != nil {
		i.File.Close()
	}
}
