// Package rust holds the helper for generators in Rust, so that the host can
// hand it out with a new project. The helper itself is cortex.rs.
package rust

import _ "embed" // for Module

// Module is cortex.rs.
//
//go:embed cortex.rs
var Module string
