package provider

import "syscall"

// hideSelf keeps other processes of this user from reading this one's memory
// and environment, and the kernel from dumping them. Root still can.
func hideSelf() {
	const prSetDumpable = 4
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, prSetDumpable, 0, 0)
}
