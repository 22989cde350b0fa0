// Package early lets a program become a shim before the rest of it begins.
// Import it for that alone, beside calling [confine.Main] first in main:
//
//	import _ "github.com/cortexlinux/cortex-host/core/confine/early"
//
// A shim is a process of the program that needs next to nothing of it. Without
// this package it prepares everything that the program imports, schemas, metrics
// and wire types among it, to exec something else or to wait for it. Packages are
// prepared in the order of their import paths as far as their imports allow, so
// what this one needs comes early.
package early

import "github.com/cortexlinux/cortex-host/core/confine"

func init() { confine.Shim() }
