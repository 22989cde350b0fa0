//go:build !linux

package provider

// hideSelf is for Linux.
func hideSelf() {}
