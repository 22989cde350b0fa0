package main

import "syscall"

// clockSynchronised asks the kernel whether a time service keeps its clock.
func clockSynchronised() (synchronised, known bool) {
	const timeError = 5 // TIME_ERROR: nobody does
	state, err := syscall.Adjtimex(new(syscall.Timex))
	return state != timeError, err == nil
}
