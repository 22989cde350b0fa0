//go:build !linux

package main

import "os/exec"

// dieWithParent does nothing here: only Linux has a parent-death signal. A
// tool that outlives this process ends by itself.
func dieWithParent(*exec.Cmd) {}
