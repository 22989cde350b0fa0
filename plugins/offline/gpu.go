package main

import (
	"context"
	"path"
	"strconv"
	"strings"
)

// vendors of display controllers and accelerators, by PCI id.
var vendors = map[string]string{
	"0x10de": "NVIDIA", "0x1002": "AMD", "0x8086": "Intel", "0x1a03": "ASPEED (a server's management console)", "0x102b": "Matrox",
	"0x1234": "QEMU (virtual)", "0x1af4": "virtio (virtual)", "0x15ad": "VMware (virtual)", "0x1414": "Hyper-V (virtual)", "0x1b36": "QXL (virtual)",
	"0x1ae0": "Google", "0x1d0f": "Amazon", "0x1e3e": "Habana", "0x1da3": "Habana",
}

const pciDevices = "/sys/bus/pci/devices"

func lookAtGPU(ctx context.Context, r *report) error {
	sec := r.sheet.section("Display controllers and accelerators")
	found, nvidia := 0, false
	for _, slot := range r.m.list(pciDevices) {
		dir := path.Join(pciDevices, slot)
		class := r.m.word(dir + "/class")
		if !strings.HasPrefix(class, "0x03") && !strings.HasPrefix(class, "0x12") {
			continue
		}
		found++
		nvidia = r.gpu(sec, dir, slot) || nvidia
	}
	if found == 0 {
		source := pciDevices
		if !r.m.hasContent(pciDevices) {
			source += " (there is no PCI bus)"
		}
		r.from(sec, source).text("none is on the PCI bus: what runs here has no GPU to compute on")
		r.sheet.headline = "none is on the PCI bus"
	} else {
		r.sheet.headline = count(found, "device", "devices") + ", nothing passes a threshold"
	}
	if line, _, _ := strings.Cut(r.m.read("/proc/driver/nvidia/version", 4096), "\n"); line != "" {
		r.from(sec, "/proc/driver/nvidia/version").fact("NVIDIA driver", "%s", strings.TrimPrefix(line, "NVRM version: "))
	}
	if nvidia && r.m.tools.Has("nvidia-smi") {
		r.nvidia(ctx)
	}
	return nil
}

// gpu tells of one device, and reports whether it is NVIDIA's.
func (r *report) gpu(sec *section, dir, slot string) bool {
	id := r.m.word(dir + "/vendor")
	vendor := vendors[id]
	if vendor == "" {
		vendor = "vendor " + id
	}
	driver := r.m.link(dir + "/driver")
	g := r.from(sec, dir)
	g.fact(slot, "%s, device %s, driver %s", vendor, r.m.word(dir+"/device"), orNone(driver))
	if driver == "" {
		r.find(warning, dir+"/driver", "no driver is bound to the %s device at %s", vendor, slot)
	}
	if driver == "nouveau" {
		g.text("nouveau drives the display; computing (CUDA) needs NVIDIA's own driver")
	}
	total, used := parseUint(r.m.word(dir+"/mem_info_vram_total")), parseUint(r.m.word(dir+"/mem_info_vram_used"))
	if total > 0 {
		g.fact("memory", "%s of %s in use", size(used), size(total))
		r.judge(videoMemory, 100*float64(used)/float64(total), dir+"/mem_info_vram_used", "%.0f %% of the memory of the GPU at %s is in use", slot)
	}
	if busy := r.m.word(dir + "/gpu_busy_percent"); busy != "" {
		g.fact("busy", "%s %%", busy)
	}
	return id == "0x10de"
}

var nvidiaQuery = []string{"--query-gpu=name,driver_version,memory.total,memory.used,temperature.gpu,utilization.gpu", "--format=csv,noheader,nounits"}

// nvidia asks NVIDIA's own tool.
func (r *report) nvidia(ctx context.Context) {
	sec := r.sheet.section("NVIDIA")
	out, err := r.m.tools.Run(ctx, "nvidia-smi", nvidiaQuery...)
	switch {
	case err != nil:
		r.from(sec, "nvidia-smi").text("it did not answer: %v", err)
		return
	case out.exit != 0:
		r.find(warning, "nvidia-smi", "nvidia-smi fails: %s", out.complaint())
		r.from(sec, "nvidia-smi").text("it fails: %s", out.complaint())
		return
	}
	for _, line := range lines(out.stdout) {
		f := strings.Split(line, ", ")
		if len(f) != 6 {
			continue
		}
		r.from(sec, "nvidia-smi").fact(f[0], "driver %s, %s of %s MiB in use, %s degrees Celsius, %s %% busy", f[1], f[3], f[2], f[4], f[5])
		if total := parseUint(f[2]); total > 0 {
			r.judge(videoMemory, 100*float64(parseUint(f[3]))/float64(total), "nvidia-smi", "%.0f %% of the memory of %s is in use", f[0])
		}
		r.judge(celsius, float64(parseUint(f[4])), "nvidia-smi", "%.0f degrees Celsius at %s", f[0])
	}
}

// parseFlags reads a hexadecimal number such as 0x1003.
func parseFlags(s string) uint64 {
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "0x"), 16, 64)
	if err != nil {
		return 0
	}
	return n
}
