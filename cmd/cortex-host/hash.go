package main

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"os"
)

// A digest is a SHA-256 that is written to.
type digest struct{ hash.Hash }

func newHash() digest { return digest{sha256.New()} }

// String returns the hash of what was written so far, in hex.
func (d digest) String() string { return hex.EncodeToString(d.Sum(nil)) }

// identityOf tells an input from another one: by the content of a file, by the
// name of what can be read only once.
func identityOf(path string) (string, error) {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return inputName(path), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	d := newHash()
	if _, err := io.Copy(d, f); err != nil {
		return "", err
	}
	return "sha256:" + d.String(), nil
}

// hashOf stands for a large text.
func hashOf(s string) string {
	d := newHash()
	_, _ = d.Write([]byte(s)) // a hash never fails
	return "sha256:" + d.String()
}
