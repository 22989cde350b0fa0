package facts

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/shirou/gopsutil/v3/cpu"
	"github.com/shirou/gopsutil/v3/disk"
	"github.com/shirou/gopsutil/v3/host"
	"github.com/shirou/gopsutil/v3/load"
	"github.com/shirou/gopsutil/v3/mem"
	"github.com/shirou/gopsutil/v3/net"
)

// OS is the fact "os".
type OS struct {
	// Name is what people call it, such as "Debian GNU/Linux 12 (bookworm)".
	Name string `json:"name"`
	// ID and Version are for programs: "debian", "12".
	ID      string `json:"id,omitempty"`
	Version string `json:"version,omitempty"`
	Kernel  string `json:"kernel,omitempty"`
	// Architecture is the machine's, such as "x86_64".
	Architecture   string `json:"architecture"`
	PackageManager string `json:"package_manager,omitempty"`
	Virtualization string `json:"virtualization,omitempty"`
}

func osFact(ctx context.Context) (*OS, error) {
	f := new(OS)
	// The file first: where it is missing gopsutil runs programs to find out.
	if release, err := os.ReadFile("/etc/os-release"); err == nil {
		f.ID, f.Version = releaseField(release, "ID"), releaseField(release, "VERSION_ID")
		f.Name = releaseField(release, "PRETTY_NAME")
	}
	if f.ID == "" {
		var err error
		if f.ID, _, f.Version, err = host.PlatformInformationWithContext(ctx); err != nil {
			return nil, err
		}
	}
	if f.Name == "" {
		f.Name = strings.TrimSpace(f.ID + " " + f.Version)
	}
	var err error
	if f.Kernel, err = host.KernelVersionWithContext(ctx); err != nil {
		return nil, err
	}
	if f.Architecture, err = host.KernelArch(); err != nil {
		return nil, err
	}
	if system, role, err := host.VirtualizationWithContext(ctx); err == nil && role == "guest" {
		f.Virtualization = system
	}
	if m := findManager(); m != nil {
		f.PackageManager = m.name
	}
	return f, nil
}

// releaseField reads a field of /etc/os-release.
func releaseField(release []byte, name string) string {
	for lines := bufio.NewScanner(bytes.NewReader(release)); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+"="); ok {
			return strings.Trim(value, `"'`)
		}
	}
	return ""
}

// CPU is the fact "cpu".
type CPU struct {
	Model   string  `json:"model,omitempty"`
	Vendor  string  `json:"vendor,omitempty"`
	Cores   int     `json:"cores,omitempty"`
	Threads int     `json:"threads"`
	MHz     float64 `json:"mhz,omitempty"`
	// Load are the load averages over 1, 5 and 15 minutes.
	Load []float64 `json:"load,omitempty"`
	// Features are those that matter to what one may run.
	Features []string `json:"features,omitempty"`
	// Governor decides the clock, such as "powersave".
	Governor string `json:"governor,omitempty"`
	// Vulnerable are the weaknesses that the kernel does not mitigate.
	Vulnerable []string `json:"vulnerable,omitempty"`
}

var notableFeatures = []string{"aes", "avx", "avx2", "avx512f", "amx_tile", "sse4_2", "sha_ni", "vmx", "svm", "hypervisor", "asimd", "sve"}

func cpuFact(ctx context.Context) (*CPU, error) {
	f := &CPU{Threads: runtime.NumCPU(), Vulnerable: vulnerabilities(),
		Governor: sysLine(sysCPU+"/cpu0/cpufreq", "scaling_governor")}
	infos, err := cpu.InfoWithContext(ctx)
	if err != nil {
		return nil, err
	}
	if len(infos) > 0 {
		f.Model, f.Vendor, f.MHz = strings.TrimSpace(infos[0].ModelName), infos[0].VendorID, infos[0].Mhz
		for _, flag := range infos[0].Flags {
			if slices.Contains(notableFeatures, flag) {
				f.Features = append(f.Features, flag)
			}
		}
		slices.Sort(f.Features)
	}
	if n, err := cpu.CountsWithContext(ctx, false); err == nil {
		f.Cores = n
	}
	if n, err := cpu.CountsWithContext(ctx, true); err == nil && n > 0 {
		f.Threads = n
	}
	if avg, err := load.AvgWithContext(ctx); err == nil {
		f.Load = []float64{avg.Load1, avg.Load5, avg.Load15}
	}
	return f, nil
}

// Memory is the fact "memory".
type Memory struct {
	TotalBytes     uint64 `json:"total_bytes"`
	AvailableBytes uint64 `json:"available_bytes"`
	SwapTotalBytes uint64 `json:"swap_total_bytes"`
	SwapUsedBytes  uint64 `json:"swap_used_bytes"`
	HugePages      uint64 `json:"huge_pages,omitempty"`
}

func memoryFact(ctx context.Context) (*Memory, error) {
	v, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return nil, err
	}
	f := &Memory{TotalBytes: v.Total, AvailableBytes: v.Available, HugePages: v.HugePagesTotal}
	if s, err := mem.SwapMemoryWithContext(ctx); err == nil {
		f.SwapTotalBytes, f.SwapUsedBytes = s.Total, s.Used
	}
	return f, nil
}

// Disk is the fact "disk": the file systems on real devices.
type Disk struct {
	Filesystems []Filesystem `json:"filesystems"`
}

// A Filesystem is a mounted file system.
type Filesystem struct {
	Mount             string  `json:"mount"`
	Device            string  `json:"device"`
	Type              string  `json:"type"`
	SizeBytes         uint64  `json:"size_bytes"`
	UsedPercent       float64 `json:"used_percent"`
	InodesUsedPercent float64 `json:"inodes_used_percent,omitempty"`
	ReadOnly          bool    `json:"read_only,omitempty"`
	// Drive is the model of the device under it, empty if unknown.
	Drive string `json:"drive,omitempty"`
	// Rotational tells a hard disk from a solid-state drive; nil if unknown.
	Rotational *bool `json:"rotational,omitempty"`
}

const maxFilesystems = 32

func diskFact(ctx context.Context) (*Disk, error) {
	parts, err := disk.PartitionsWithContext(ctx, false)
	if err != nil {
		return nil, err
	}
	f := &Disk{Filesystems: []Filesystem{}}
	seen := map[string]bool{}
	for _, p := range parts {
		if seen[p.Device] || len(f.Filesystems) >= maxFilesystems || p.Fstype == "squashfs" {
			continue
		}
		usage, err := disk.UsageWithContext(ctx, p.Mountpoint)
		if err != nil || usage.Total == 0 {
			continue
		}
		seen[p.Device] = true
		d := driveOf(p.Device)
		f.Filesystems = append(f.Filesystems, Filesystem{Mount: p.Mountpoint, Device: p.Device, Type: p.Fstype,
			SizeBytes: usage.Total, UsedPercent: round(usage.UsedPercent), InodesUsedPercent: round(usage.InodesUsedPercent),
			ReadOnly: slices.Contains(p.Opts, "ro"), Drive: d.model, Rotational: d.rotational})
	}
	return f, nil
}

func round(percent float64) float64 { return float64(int64(percent*10+0.5)) / 10 }

// Network is the fact "network": interfaces without their addresses.
type Network struct {
	Interfaces []Interface `json:"interfaces"`
}

// An Interface is a network interface.
type Interface struct {
	Name string `json:"name"`
	Up   bool   `json:"up"`
	MTU  int    `json:"mtu"`
	// SpeedMbit is the link's speed, 0 if unknown.
	SpeedMbit int    `json:"speed_mbit,omitempty"`
	Driver    string `json:"driver,omitempty"`
	IPv4      bool   `json:"ipv4"`
	IPv6      bool   `json:"ipv6"`
	Errors    uint64 `json:"errors"`
	Dropped   uint64 `json:"dropped"`
}

const maxInterfaces = 32

func networkFact(ctx context.Context) (*Network, error) {
	list, err := net.InterfacesWithContext(ctx)
	if err != nil {
		return nil, err
	}
	counters := map[string]net.IOCountersStat{}
	if stats, err := net.IOCountersWithContext(ctx, true); err == nil {
		for _, s := range stats {
			counters[s.Name] = s
		}
	}
	f := &Network{Interfaces: []Interface{}}
	for _, i := range list {
		if slices.Contains(i.Flags, "loopback") || len(f.Interfaces) >= maxInterfaces {
			continue
		}
		entry := Interface{Name: i.Name, Up: slices.Contains(i.Flags, "up"), MTU: i.MTU,
			SpeedMbit: linkSpeed(i.Name), Driver: linkDriver(i.Name)}
		for _, a := range i.Addrs {
			if strings.Contains(a.Addr, ":") {
				entry.IPv6 = true
			} else {
				entry.IPv4 = true
			}
		}
		if s, ok := counters[i.Name]; ok {
			entry.Errors, entry.Dropped = s.Errin+s.Errout, s.Dropin+s.Dropout
		}
		f.Interfaces = append(f.Interfaces, entry)
	}
	return f, nil
}
