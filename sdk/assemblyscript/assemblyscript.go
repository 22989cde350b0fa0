// Package assemblyscript holds the helper for generators in AssemblyScript, so
// that the host can hand it out with a new project. The helper itself is
// cortex.ts.
package assemblyscript

import _ "embed" // for Module and Dependencies

// Module is cortex.ts.
//
//go:embed cortex.ts
var Module string

// Dependencies is the package.json that building needs.
//
//go:embed package.json
var Dependencies string
