package facts

import (
	"bufio"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// sysfs is where Linux tells of devices. Elsewhere it is not there, and what is
// read from it is not known.
const sysfs = "/sys"

// GPU is the fact "gpu".
type GPU struct {
	Devices []GPUDevice `json:"devices"`
}

// A GPUDevice is a display controller or accelerator.
type GPUDevice struct {
	Vendor string `json:"vendor"`
	Model  string `json:"model,omitempty"`
	// PCI is vendor and device as numbers, such as "10de:2684".
	PCI    string `json:"pci"`
	Driver string `json:"driver,omitempty"`
	// MemoryBytes is the device's own memory, 0 if unknown.
	MemoryBytes uint64 `json:"memory_bytes,omitempty"`
}

var gpuVendors = map[string]string{"10de": "NVIDIA", "1002": "AMD", "8086": "Intel", "1af4": "Red Hat (virtio)",
	"1234": "QEMU", "15ad": "VMware", "1a03": "ASPEED", "102b": "Matrox", "1414": "Microsoft", "1013": "Cirrus Logic"}

func gpuFact() (*GPU, error) {
	f := &GPU{Devices: []GPUDevice{}}
	devices, err := filepath.Glob(filepath.Join(sysfs, "bus/pci/devices/*"))
	if err != nil {
		return nil, err
	}
	sort.Strings(devices)
	for _, dir := range devices {
		class := sysLine(dir, "class")
		// 03: display controllers; 12: processing accelerators.
		if !strings.HasPrefix(class, "0x03") && !strings.HasPrefix(class, "0x12") {
			continue
		}
		vendor := strings.TrimPrefix(sysLine(dir, "vendor"), "0x")
		device := strings.TrimPrefix(sysLine(dir, "device"), "0x")
		d := GPUDevice{Vendor: gpuVendors[vendor], PCI: vendor + ":" + device, Driver: linkName(dir, "driver")}
		vendorName, model := pciName(vendor, device)
		if d.Model = model; d.Vendor == "" {
			d.Vendor = vendorName
		}
		if d.Vendor == "" {
			d.Vendor = vendor
		}
		d.MemoryBytes, _ = strconv.ParseUint(sysLine(dir, "mem_info_vram_total"), 10, 64)
		f.Devices = append(f.Devices, d)
	}
	return f, nil
}

// pciName looks the numbers up in the machine's list of PCI ids, if it has one.
func pciName(vendor, device string) (vendorName, model string) {
	for _, path := range []string{"/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids"} {
		f, err := os.Open(path)
		if err != nil {
			continue
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			line := lines.Text()
			switch {
			case vendorName == "" && strings.HasPrefix(line, vendor+"  "):
				vendorName = strings.TrimSpace(line[len(vendor):])
			case vendorName == "":
			case strings.HasPrefix(line, "\t"+device+"  "):
				return vendorName, strings.TrimSpace(line[1+len(device):])
			case line != "" && line[0] != '\t' && line[0] != '#':
				return vendorName, "" // the next vendor
			}
		}
	}
	return vendorName, ""
}

// A drive is the device under a file system.
type drive struct {
	model      string
	rotational *bool // nil: not known
}

// driveOf looks at the device that a file system is on. Virtual disks say of
// themselves that they rotate, which is no fact about anything.
func driveOf(device string) (d drive) {
	path, err := filepath.EvalSymlinks(device)
	if err != nil {
		return d
	}
	name := filepath.Base(path)
	if strings.HasPrefix(name, "vd") || strings.HasPrefix(name, "xvd") {
		return d
	}
	dir, err := filepath.EvalSymlinks(filepath.Join(sysfs, "class/block", name))
	if err != nil {
		return d
	}
	if sysLine(dir, "partition") != "" {
		dir = filepath.Dir(dir)
	}
	d.model = sysLine(filepath.Join(dir, "device"), "model")
	if r := sysLine(filepath.Join(dir, "queue"), "rotational"); r != "" {
		d.rotational = new(r == "1")
	}
	return d
}

const sysCPU = sysfs + "/devices/system/cpu"

// vulnerabilities returns the processor's weaknesses that the kernel calls not
// mitigated.
func vulnerabilities() []string {
	files, err := filepath.Glob(sysCPU + "/vulnerabilities/*")
	if err != nil {
		return nil
	}
	var open []string
	for _, file := range files {
		if strings.HasPrefix(sysLine(filepath.Dir(file), filepath.Base(file)), "Vulnerable") {
			open = append(open, filepath.Base(file))
		}
	}
	return open
}

func linkSpeed(name string) int {
	speed, err := strconv.Atoi(sysLine(filepath.Join(sysfs, "class/net", name), "speed"))
	if err != nil || speed < 0 {
		return 0
	}
	return speed
}

func linkDriver(name string) string {
	return linkName(filepath.Join(sysfs, "class/net", name, "device"), "driver")
}

func sysLine(dir, name string) string {
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

func linkName(dir, name string) string {
	target, err := os.Readlink(filepath.Join(dir, name))
	if err != nil {
		return ""
	}
	return filepath.Base(target)
}
