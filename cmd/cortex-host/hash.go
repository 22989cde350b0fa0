package main

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
)

// A digest is a SHA-256 that is written to.
type digest struct{ hash.Hash }

func newHash() digest { return digest{sha256.New()} }

// String returns the hash of what was written so far, in hex.
func (d digest) String() string { return hex.EncodeToString(d.Sum(nil)) }

// hashOf stands for a large text.
func hashOf(s string) string {
	d := newHash()
	_, _ = d.Write([]byte(s)) // a hash never fails
	return "sha256:" + d.String()
}
