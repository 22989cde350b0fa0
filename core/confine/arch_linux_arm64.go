package confine

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_AARCH64

// This architecture has no second table of calls, and neither fork nor vfork
// nor other old forms.
var (
	otherTable []unix.SockFilter
	oldForks   []uint32
	oldTracing []uint32
)
