//go:build !linux

package main

// clockSynchronised cannot be asked here.
func clockSynchronised() (synchronised, known bool) { return false, false }
