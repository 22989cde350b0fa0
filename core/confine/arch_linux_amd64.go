package confine

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_X86_64

// otherTable denies the x32 numbers, which mean the same calls once more.
var otherTable = []unix.SockFilter{
	{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, K: 0x40000000, Jf: 1},
	{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
}

// oldForks are the calls that make processes on this architecture only.
var oldForks = []uint32{unix.SYS_FORK, unix.SYS_VFORK}

// oldTracing are older forms of tracingCalls on this architecture only.
var oldTracing = []uint32{unix.SYS_INOTIFY_INIT}
