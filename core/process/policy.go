package process

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/cortexlinux/cortex-host/core/confine"
	"github.com/cortexlinux/cortex-host/core/store"
)

// What every program may need. Of /etc there is only what is about names,
// certificates and the locale; of /proc and /sys only what is about the machine.
var (
	execPaths = []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt", "/nix/store", "/gnu/store"}
	readPaths = []string{
		"/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/ca-certificates.conf", "/etc/crypto-policies",
		"/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services", "/etc/protocols",
		"/etc/passwd", "/etc/group", "/etc/localtime", "/etc/timezone", "/etc/locale.alias", "/etc/mime.types", "/etc/os-release",
		"/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/var/lib/ca-certificates",
		"/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/loadavg", "/proc/version", "/proc/filesystems", "/proc/sys/kernel",
		"/sys/devices/system/cpu", "/sys/kernel/mm/transparent_hugepage", "/dev/random", "/dev/urandom",
	}
	devicePaths = []string{"/dev/null", "/dev/zero", "/dev/full"}
)

// Limits that hold at every level.
const (
	openFiles = 65536
	fileBytes = 1 << 30
	oomScore  = 500
)

// policy is what a plugin is denied. dir is the instance's own directory.
func (c *Config) policy(image *store.Image, dir string) confine.Policy {
	p := confine.Policy{
		DataBytes: c.MemoryBytes, OpenFiles: openFiles, FileBytes: fileBytes, OOMScore: oomScore,
		Supervise: true, Strict: true, Name: c.Plugin.Path, Landlock: c.landlock,
	}
	if c.Confinement == ConfineOff {
		return p
	}
	p.Files, p.NoTracing = true, true
	p.WritePaths = append(existing(devicePaths), dir)
	if c.CacheDir != "" {
		p.WritePaths = append(p.WritePaths, c.CacheDir)
	}
	p.ReadPaths = append(existing(readPaths), existing(c.Files)...)
	p.ReadExecPaths = append(existing(execPaths), existing(c.scriptPaths(image))...)
	for _, entry := range c.environment(nil) {
		name, value, _ := strings.Cut(entry, "=")
		if name == "SSL_CERT_FILE" || name == "SSL_CERT_DIR" {
			p.ReadPaths = append(p.ReadPaths, existing(filepath.SplitList(value))...)
		}
	}
	return p
}

// scriptPaths are what a script needs besides: its own directory, for the
// modules beside it, and where its interpreter lives, such as a virtual
// environment.
func (c *Config) scriptPaths(image *store.Image) []string {
	fields := strings.Fields(image.Interpreter)
	if len(fields) == 0 {
		return nil
	}
	paths := []string{filepath.Dir(c.Plugin.Path)}
	program := fields[0]
	if filepath.Base(program) == "env" {
		program = envProgram(fields[1:])
	}
	for _, path := range interpreters(program) {
		paths = append(paths, path, roomOf(path))
	}
	return paths
}

// envProgram returns the program in the arguments of env.
func envProgram(args []string) string {
	for _, arg := range args {
		if !strings.HasPrefix(arg, "-") && !strings.Contains(arg, "=") {
			return arg
		}
	}
	return ""
}

// interpreters returns every file of that name on the PATH, and what it is a
// link to.
func interpreters(program string) []string {
	var list []string
	dirs := []string{""}
	if !filepath.IsAbs(program) {
		dirs = filepath.SplitList(os.Getenv("PATH"))
	}
	for _, dir := range dirs {
		path := filepath.Join(dir, program)
		for range 8 {
			info, err := os.Lstat(path)
			if err != nil || info.IsDir() || !filepath.IsAbs(path) {
				break
			}
			list = append(list, path)
			target, err := os.Readlink(path)
			if err != nil {
				break
			}
			if !filepath.IsAbs(target) {
				target = filepath.Join(filepath.Dir(path), target)
			}
			path = target
		}
	}
	return list
}

// roomOf returns the directory that an interpreter was installed into, so that
// it finds its modules: the one above its bin. A home is none.
func roomOf(path string) string {
	bin := filepath.Dir(path)
	room := filepath.Dir(bin)
	home := filepath.Clean(os.Getenv("HOME"))
	if room == "/" || room == home || strings.HasPrefix(home, room+"/") {
		return bin
	}
	return room
}

// existing returns the paths that there are.
func existing(paths []string) []string {
	var list []string
	for _, path := range paths {
		if !filepath.IsAbs(path) {
			continue
		}
		if _, err := os.Stat(path); err == nil {
			list = append(list, path)
		}
	}
	return list
}
