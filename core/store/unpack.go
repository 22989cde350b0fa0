package store

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// What an archive may hold.
const (
	maxArchive  = 256 << 20
	maxUnpacked = 1 << 30
	maxEntries  = 10_000
)

// An unpacked program is one that came out of an archive.
type unpacked struct {
	name string   // of the file, cortex-provider-NAME
	rest []string // the other files, which are not installed
}

// An archiveEntry is one of an archive's entries.
type archiveEntry struct {
	name string
	mode fs.FileMode
	body io.Reader
}

// unpack copies the one file cortex-provider-* of an archive to out. Entries
// that lead out of the archive's directory, links and devices are refused, for
// whoever made them had something in mind.
func unpack(file *os.File, kind string, out io.Writer) (unpacked, error) {
	var u unpacked
	left := int64(maxUnpacked)
	entries := 0
	take := func(e archiveEntry) error {
		if entries++; entries > maxEntries {
			return fmt.Errorf("it has more than %d entries", maxEntries)
		}
		if err := allowed(e); err != nil {
			return err
		}
		if e.mode.IsDir() {
			return nil
		}
		base := path.Base(e.name)
		isProgram := strings.HasPrefix(base, Prefix) && ValidName(strings.TrimPrefix(base, Prefix))
		target := io.Discard
		switch {
		case isProgram && u.name != "":
			return fmt.Errorf("entry %q: it has two plugins, %s too", e.name, u.name)
		case isProgram:
			u.name, target = base, out
		default:
			u.rest = append(u.rest, path.Clean(e.name))
		}
		n, err := io.Copy(target, io.LimitReader(e.body, left+1))
		if left -= n; left < 0 {
			return fmt.Errorf("entry %q: it unpacks to more than %d MiB", e.name, maxUnpacked>>20)
		}
		if err != nil {
			return fmt.Errorf("entry %q: %w", e.name, err)
		}
		return nil
	}
	var err error
	if kind == ".zip" {
		err = eachZip(file, take)
	} else {
		err = eachTar(file, take)
	}
	if err == nil && u.name == "" {
		err = fmt.Errorf("it has no file %sNAME", Prefix)
	}
	return u, err
}

// allowed refuses entries that are more than files in a directory.
func allowed(e archiveEntry) error {
	clean := strings.ReplaceAll(e.name, `\`, "/")
	if path.IsAbs(clean) || strings.ContainsRune(e.name, 0) {
		return fmt.Errorf("entry %q leaves the directory", e.name)
	}
	for _, part := range strings.Split(clean, "/") {
		if part == ".." {
			return fmt.Errorf("entry %q leaves the directory", e.name)
		}
	}
	if !e.mode.IsRegular() && !e.mode.IsDir() {
		return fmt.Errorf("entry %q is a link or a device (%s)", e.name, e.mode.Type())
	}
	return nil
}

func eachTar(file io.Reader, take func(archiveEntry) error) error {
	packed, err := gzip.NewReader(file)
	if err != nil {
		return fmt.Errorf("it is no .tar.gz archive: %w", err)
	}
	// The bound is for what lies between the entries, too.
	archive := tar.NewReader(io.LimitReader(packed, maxUnpacked+maxArchive))
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		mode := h.FileInfo().Mode()
		if h.Typeflag == tar.TypeLink { // to a tar reader it looks like a file
			mode |= fs.ModeIrregular
		}
		if err := take(archiveEntry{name: h.Name, mode: mode, body: archive}); err != nil {
			return err
		}
	}
}

func eachZip(file *os.File, take func(archiveEntry) error) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	archive, err := zip.NewReader(file, info.Size())
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // take says which
		return fmt.Errorf("it is no .zip archive: %w", err)
	}
	for _, f := range archive.File {
		if err := takeZip(f, take); err != nil {
			return err
		}
	}
	return nil
}

func takeZip(f *zip.File, take func(archiveEntry) error) error {
	e := archiveEntry{name: f.Name, mode: f.Mode()}
	if err := allowed(e); err != nil {
		return err
	}
	body, err := f.Open()
	if err != nil {
		return fmt.Errorf("entry %q: %w", f.Name, err)
	}
	defer body.Close()
	e.body = body
	return take(e)
}
