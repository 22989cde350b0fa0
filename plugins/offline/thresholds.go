package main

// The values from which a fact becomes a finding: the first of a pair is a
// warning, the second critical. RATIONALE.md says why each is what it is.
var (
	fullPercent      = threshold{85, 95}  // of a file system's space
	inodesPercent    = threshold{85, 95}  // of its inodes
	lowMemory        = threshold{90, 95}  // percent of the memory that is not available
	swapPercent      = threshold{60, 90}  // of the swap in use
	memoryStall      = threshold{1, 10}   // percent of a minute in which all tasks waited for memory
	ioStall          = threshold{10, 40}  // the same, for disks
	cpuStall         = threshold{25, 60}  // percent of a minute in which some task waited for a CPU
	loadPerThread    = threshold{1.5, 4}  // load average of 5 minutes, by thread
	celsius          = threshold{85, 95}  // where a sensor names no limits of its own
	stealPercent     = threshold{5, 20}   // of CPU time taken by the hypervisor since boot
	nicErrorPercent  = threshold{0.01, 1} // of an interface's packets, since boot
	nicDropPercent   = threshold{1, 5}    // the same, dropped
	retransmitShare  = threshold{2, 8}    // percent of TCP segments sent again since boot
	videoMemory      = threshold{90, 98}  // percent of a GPU's memory
	leastNICPackets  = uint64(10_000)     // fewer say nothing about a share
	leastTCPSegments = uint64(10_000)
)

// A threshold is a pair of values.
type threshold struct{ warning, critical float64 }

// A level says how bad something is.
type level int

const (
	fine level = iota
	warning
	critical
)

// String implements fmt.Stringer.
func (l level) String() string { return [...]string{"fine", "warning", "critical"}[l] }

// of judges a value.
func (t threshold) of(value float64) level {
	switch {
	case value >= t.critical:
		return critical
	case value >= t.warning:
		return warning
	}
	return fine
}

// limit returns the value that was reached at a level.
func (t threshold) limit(l level) float64 {
	if l == critical {
		return t.critical
	}
	return t.warning
}
