package generator

import "embed"

// Source is this package itself, so that the host can hand it out with a new
// project, which then needs nothing of this module to build. It is in no guest:
// nothing there refers to it.
//
//go:embed doc.go generator.go value.go
var Source embed.FS
