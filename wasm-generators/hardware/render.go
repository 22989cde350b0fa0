package main

import (
	"strconv"
	"strings"

	"github.com/cortexlinux/cortex-host/sdk/generator"
)

// lines collects "- name: text" for what is known.
type lines struct{ strings.Builder }

func (l *lines) add(name, text string) {
	if text == "" {
		return
	}
	if l.Len() > 0 {
		l.WriteByte('\n')
	}
	l.WriteString("- " + name + ": " + text)
}

func renderCPU(f generator.Value) string {
	var l lines
	l.add("model", f.Get("model").Text())
	if cores := f.Get("cores").Text(); cores != "" {
		l.add("cores", cores+" ("+f.Get("threads").Text()+" threads)")
	} else {
		l.add("threads", f.Get("threads").Text())
	}
	if mhz := number(f.Get("mhz")); mhz > 0 {
		l.add("clock", strconv.Itoa(int(mhz+0.5))+" MHz")
	}
	l.add("load averages (1, 5, 15 minutes)", join(f.Get("load"), ", "))
	l.add("features", join(f.Get("features"), " "))
	l.add("frequency governor", f.Get("governor").Text())
	l.add("weaknesses that the kernel does not mitigate", join(f.Get("vulnerable"), ", "))
	return l.String()
}

func renderMemory(f generator.Value) string {
	var l lines
	total, available := whole(f.Get("total_bytes")), whole(f.Get("available_bytes"))
	l.add("installed", size(total))
	if total > 0 {
		l.add("available", size(available)+" ("+strconv.FormatInt(available*100/total, 10)+" %)")
	}
	if swap := whole(f.Get("swap_total_bytes")); swap > 0 {
		l.add("swap", size(swap)+", "+size(whole(f.Get("swap_used_bytes")))+" in use")
	} else {
		l.add("swap", "none")
	}
	if pages := whole(f.Get("huge_pages")); pages > 0 {
		l.add("huge pages reserved", strconv.FormatInt(pages, 10))
	}
	return l.String()
}

func renderDisk(f generator.Value) string {
	var l lines
	for _, fs := range f.Get("filesystems").All() {
		text := fs.Get("device").Text() + ", " + fs.Get("type").Text() + ", " + size(whole(fs.Get("size_bytes"))) +
			", " + fs.Get("used_percent").Text() + " % used"
		if inodes := fs.Get("inodes_used_percent").Text(); inodes != "" {
			text += ", " + inodes + " % of its inodes"
		}
		if fs.Get("read_only") == "true" {
			text += ", read-only"
		}
		if drive := fs.Get("drive").Text(); drive != "" {
			text += ", on " + drive
		}
		if rotational := fs.Get("rotational"); rotational.Exists() {
			text += map[bool]string{true: ", hard disk", false: ", solid state"}[rotational == "true"]
		}
		l.add(fs.Get("mount").Text(), text)
	}
	if l.Len() == 0 {
		return "No file system on a real device is mounted."
	}
	return l.String()
}

func renderGPU(f generator.Value) string {
	var l lines
	for _, d := range f.Get("devices").All() {
		text := d.Get("vendor").Text()
		if model := d.Get("model").Text(); model != "" {
			text += " " + model
		}
		text += " (PCI " + d.Get("pci").Text() + ")"
		if memory := whole(d.Get("memory_bytes")); memory > 0 {
			text += ", " + size(memory)
		}
		if driver := d.Get("driver").Text(); driver != "" {
			text += ", driver " + driver
		} else {
			text += ", no driver bound"
		}
		l.add("device", text)
	}
	if l.Len() == 0 {
		return "No graphics or accelerator device is on the PCI bus."
	}
	return l.String()
}

func renderNetwork(f generator.Value) string {
	var l lines
	for _, i := range f.Get("interfaces").All() {
		text := "down"
		if i.Get("up") == "true" {
			text = "up"
		}
		if speed := whole(i.Get("speed_mbit")); speed > 0 {
			text += ", " + strconv.FormatInt(speed, 10) + " Mbit/s"
		}
		text += ", MTU " + i.Get("mtu").Text()
		if driver := i.Get("driver").Text(); driver != "" {
			text += ", driver " + driver
		}
		for _, family := range []string{"ipv4", "ipv6"} {
			if i.Get(family) == "true" {
				text += ", " + family
			}
		}
		for _, counter := range []string{"errors", "dropped"} {
			if n := whole(i.Get(counter)); n > 0 {
				text += ", " + strconv.FormatInt(n, 10) + " packets " + map[string]string{"errors": "with errors", "dropped": "dropped"}[counter]
			}
		}
		l.add(i.Get("name").Text(), text)
	}
	if l.Len() == 0 {
		return "There is no interface but the loopback."
	}
	return l.String()
}

func join(v generator.Value, separator string) string {
	var texts []string
	for _, e := range v.All() {
		texts = append(texts, e.Text())
	}
	return strings.Join(texts, separator)
}

// number reads a number, 0 if it is none.
func number(v generator.Value) float64 {
	n, _ := strconv.ParseFloat(v.Text(), 64)
	return n
}

func whole(v generator.Value) int64 { return int64(number(v)) }

// size renders bytes as people say them.
func size(bytes int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	value := float64(bytes)
	unit := 0
	for value >= 1024 && unit < len(units)-1 {
		value /= 1024
		unit++
	}
	digits := 1
	if unit == 0 || value >= 100 {
		digits = 0
	}
	return strconv.FormatFloat(value, 'f', digits, 64) + " " + units[unit]
}
