// Package c holds the helper for generators in C, so that the host can hand it
// out with a new project. The helper itself is cortex.h.
package c

import _ "embed" // for Header

// Header is cortex.h.
//
//go:embed cortex.h
var Header string
