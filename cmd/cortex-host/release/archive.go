package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// archive packs a directory. Everything about a file that is the machine's and
// not the release's is left out: owner, times, order, mode bits beyond
// executable or not.
func archive(file, dir, name string, at time.Time) (err error) {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	zipped, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err != nil {
		return err
	}
	packed := tar.NewWriter(zipped)
	// WalkDir goes in lexical order.
	err = filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		inside, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		return addFile(packed, p, path.Join(name, filepath.ToSlash(inside)), at)
	})
	return errors.Join(err, packed.Close(), zipped.Close())
}

func addFile(to *tar.Writer, file, name string, at time.Time) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	mode := int64(0o644)
	if program(name) {
		mode = 0o755
	}
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: info.Size(), Mode: mode, ModTime: at, Format: tar.FormatPAX}
	if err := to.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(to, f)
	return err
}

// program reports whether a file of the archive is one that is run.
func program(name string) bool {
	base := path.Base(name)
	return base == "cortex-host" || strings.HasPrefix(base, "cortex-provider-")
}
