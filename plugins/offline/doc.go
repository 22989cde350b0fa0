// Command cortex-provider-offline answers from this machine alone: a fact
// sheet with sources, no model, no key, no network.
//
// It never reads a prompt to find out what is wanted. A query's task type and
// metadata say it:
//
//	system_operation, metadata "package"            a package of this machine
//	error_debugging,  metadata "original_error"     an error message
//	configuration,    metadata "hardware_type"      CPU, RAM, Storage, Network or GPU
//
// Everything else is not_answered, with the list above. So is a package that
// the machine's tools do not know, an error that no rule matches, and a part
// that it has no facts about: not knowing is never an answer. What would
// change the machine is refused.
//
// Every fact has a source (the tool or the file that said it) and an as_of
// (the age of what was asked: package lists of last month say what was true
// last month).
//
// A query's way through it:
//
//	Complete (provider.go)  -> route (route.go)
//	  package  (package.go) -> apt.go, rpm.go, apk.go or pacman.go -> units.go, running.go, sockets.go
//	  error    (errors.go)  -> rules.go and rules_*.go             -> error_*.go: facts that concern it
//	  hardware (hardware.go)-> cpu.go, memory.go, storage.go, network.go, gpu.go
//	-> sheet (sheet.go)
//
// Tools run through one door (runner.go): no shell, a fixed environment, a
// bound on time, on output and on how many run at once.
package main
