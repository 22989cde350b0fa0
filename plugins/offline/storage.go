package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/shirou/gopsutil/v3/disk"
)

// A filesystem is a mounted one on a real device.
type filesystem struct {
	mount, device, kind string
	readOnly            bool
	total, free         uint64
	used, inodes        float64 // percent; inodes is -1 if it has no fixed number
}

const mounts = "/proc/self/mountinfo, statfs"

// filesystems returns the mounted file systems on devices, each device once.
func (m *machine) filesystems(ctx context.Context) ([]filesystem, error) {
	partitions, err := disk.PartitionsWithContext(ctx, false)
	if err != nil {
		return nil, fmt.Errorf("read the mounted file systems: %w", err)
	}
	var all []filesystem
	seen := map[string]bool{}
	for _, p := range partitions {
		if seen[p.Device] || images[p.Fstype] {
			continue
		}
		u, err := disk.UsageWithContext(ctx, p.Mountpoint)
		if err != nil || u.Total == 0 {
			continue
		}
		seen[p.Device] = true
		f := filesystem{mount: p.Mountpoint, device: p.Device, kind: p.Fstype, readOnly: slices.Contains(p.Opts, "ro"),
			total: u.Total, free: u.Free, used: u.UsedPercent, inodes: -1}
		if u.InodesTotal > 0 {
			f.inodes = u.InodesUsedPercent
		}
		all = append(all, f)
	}
	slices.SortStableFunc(all, func(a, b filesystem) int { return strings.Compare(a.mount, b.mount) })
	return all, nil
}

// images are file systems that are full and read-only by nature.
var images = words("squashfs iso9660 udf erofs cramfs romfs")

func (f *filesystem) describe() string {
	text := fmt.Sprintf("%.0f %% of %s in use, %s free", f.used, size(f.total), size(f.free))
	if f.inodes >= 0 {
		text += fmt.Sprintf(", %.0f %% of its inodes", f.inodes)
	}
	text += fmt.Sprintf(" (%s on %s", f.kind, f.device)
	if f.readOnly {
		text += ", read-only"
	}
	return text + ")"
}

func lookAtStorage(ctx context.Context, r *report) error {
	if err := lookAtFilesystems(ctx, r); err != nil {
		return err
	}
	return lookAtDisks(ctx, r)
}

func lookAtFilesystems(ctx context.Context, r *report) error {
	all, err := r.m.filesystems(ctx)
	if err != nil {
		return err
	}
	r.filesystems(all)
	return nil
}

// lookAtDisks tells of what is below the file systems.
func lookAtDisks(ctx context.Context, r *report) error {
	r.disks(ctx)
	r.filesystemErrors()
	r.arrays()
	return nil
}

// filesystems tells of each file system and judges how full it is.
func (r *report) filesystems(all []filesystem) {
	sec := r.sheet.section("File systems")
	g := r.from(sec, mounts)
	if len(all) == 0 {
		g.text("none on a real device is mounted")
	}
	for _, f := range all {
		g.fact(f.mount, "%s", f.describe())
		if f.readOnly {
			r.find(warning, mounts, "%s is mounted read-only; after an error the kernel does that by itself", f.mount)
			continue
		}
		r.judge(fullPercent, f.used, mounts, "%.0f %% of %s is in use, %s is free", f.mount, size(f.free))
		if f.inodes >= 0 {
			r.judge(inodesPercent, f.inodes, mounts, "%.0f %% of the inodes of %s are in use", f.mount)
		}
	}
	r.addPressure(sec, "io", "full", ioStall)
}

var blockDevice = regexp.MustCompile(`^(?:sd[a-z]{1,3}|vd[a-z]{1,3}|xvd[a-z]{1,3}|hd[a-z]|nvme\d{1,3}n\d{1,3}|mmcblk\d{1,3})$`)

// maxDisks bounds how many disks are asked about their health.
const maxDisks = 16

// disks tells of each disk: what it is, and its health where that can be read.
func (r *report) disks(ctx context.Context) {
	sec := r.sheet.section("Disks")
	smart := os.Geteuid() == 0 && r.m.tools.Has("smartctl")
	var asked []string
	for _, name := range r.m.list("/sys/block") {
		if !blockDevice.MatchString(name) {
			continue
		}
		dir := "/sys/block/" + name
		kind := map[string]string{"0": "solid state", "1": "rotating or virtual"}[r.m.word(dir+"/queue/rotational")]
		text := strings.Join(slices.DeleteFunc([]string{size(512 * parseUint(r.m.word(dir+"/size"))), r.m.word(dir + "/device/model"), kind},
			func(s string) bool { return s == "" }), ", ")
		state := r.m.word(dir + "/device/state")
		if state != "" {
			text += ", " + state
		}
		r.from(sec, dir).fact(name, "%s", text)
		if state != "" && state != "running" && state != "live" {
			r.find(critical, dir+"/device/state", "the disk %s is %s", name, state)
		}
		if smart && !strings.HasPrefix(name, "vd") && len(asked) < maxDisks {
			asked = append(asked, name)
		}
	}
	if len(asked) == 0 {
		r.from(sec, "offline").fact("SMART", "not read: it takes smartctl, root and a disk that is not virtual")
	}
	for _, name := range asked {
		r.smart(ctx, sec, name)
	}
}

// smart asks a disk for its own opinion of its health.
func (r *report) smart(ctx context.Context, sec *section, name string) {
	out, err := r.m.tools.Run(ctx, "smartctl", "-H", "-j", "/dev/"+name)
	if err != nil {
		return
	}
	switch passed, known := parseSmart(out.stdout); {
	case !known:
		r.from(sec, "smartctl -H").fact(name+" health", "the disk does not tell")
	case passed:
		r.from(sec, "smartctl -H").fact(name+" health", "passed")
	default:
		r.from(sec, "smartctl -H").fact(name+" health", "FAILED")
		r.find(critical, "smartctl -H", "the disk %s says that it is failing", name)
	}
}

func parseSmart(text string) (passed, known bool) {
	var said struct {
		Status *struct {
			Passed bool `json:"passed"`
		} `json:"smart_status"`
	}
	if json.Unmarshal([]byte(text), &said) != nil || said.Status == nil {
		return false, false
	}
	return said.Status.Passed, true
}

// filesystemErrors tells what ext4 noted about itself.
func (r *report) filesystemErrors() {
	const dir = "/sys/fs/ext4"
	sec := r.sheet.section("Errors")
	for _, name := range r.m.list(dir) {
		text := r.m.word(path.Join(dir, name, "errors_count"))
		if text == "" {
			continue
		}
		r.from(sec, path.Join(dir, name, "errors_count")).fact("ext4 on "+name, "%s errors", text)
		if n := parseUint(text); n > 0 {
			r.find(critical, path.Join(dir, name, "errors_count"), "ext4 on %s has noted %d errors; a check of the file system is due (%s from 1)", name, n, critical)
		}
	}
}

var degraded = regexp.MustCompile(`\[\d+/\d+\] \[([U_]+)\]`)

// arrays tells of software RAID.
func (r *report) arrays() {
	const mdstat = "/proc/mdstat"
	sec := r.sheet.section("Software RAID")
	name := ""
	for line := range strings.Lines(r.m.read(mdstat, 1<<20)) {
		if array, rest, ok := strings.Cut(line, " : "); ok && strings.HasPrefix(array, "md") {
			name = array
			r.from(sec, mdstat).fact(name, "%s", strings.TrimSpace(rest))
		} else if m := degraded.FindStringSubmatch(line); m != nil && strings.Contains(m[1], "_") {
			r.find(critical, mdstat, "the array %s is degraded: [%s]", name, m[1])
		}
	}
}
