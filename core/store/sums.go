package store

import (
	"bufio"
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"
)

// maxSums bounds a list of checksums.
const maxSums = 1 << 20

// sums are SHA-256 hashes in hex by the names of files.
type sums map[string]string

// parseSums reads a list as sha256sum and goreleaser write it: a hash, a space,
// a space or an asterisk, a name.
func parseSums(data []byte) (sums, error) {
	if len(data) > maxSums {
		return nil, fmt.Errorf("larger than %d bytes", maxSums)
	}
	list := sums{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, maxSums)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimRight(lines.Text(), "\r")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		hash, name, ok := strings.Cut(line, " ")
		hash = strings.ToLower(hash)
		name = strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(name, " "), "*"), "./")
		if !ok || !validHash(hash) || name == "" || name != path.Base(name) {
			return nil, fmt.Errorf("line %d is not a SHA-256 in hex and the name of a file", n)
		}
		if had, ok := list[name]; ok && had != hash {
			return nil, fmt.Errorf("line %d: %s is there twice, with different hashes", n, name)
		}
		list[name] = hash
	}
	return list, lines.Err()
}

// isSums reports whether a file's name is that of a list of checksums.
func isSums(name string) bool {
	name = strings.ToLower(name)
	return strings.HasSuffix(name, "sha256sums") || strings.HasSuffix(name, "sha256sums.txt") || strings.HasSuffix(name, "checksums.txt")
}

// sumsFor are the names that the list of an archive's checksums may have.
func sumsFor(archive string) []string {
	names := []string{"SHA256SUMS", "SHA256SUMS.txt", "checksums.txt"}
	if stem, _, ok := splitPlatform(archive); ok {
		names = append([]string{stem + "_SHA256SUMS", stem + "_checksums.txt"}, names...)
	}
	if archive != "" {
		names = append(names, archive+".sha256")
	}
	return names
}

// The names that operating systems and architectures go by in archives.
var aliases = map[string][]string{
	"linux": {"linux"}, "darwin": {"darwin", "macos", "macosx", "osx"},
	"amd64": {"amd64", "x86_64", "x64"}, "arm64": {"arm64", "aarch64"},
}

// splitPlatform splits an archive's name, NAME_VERSION_OS_ARCH.tar.gz, into
// NAME_VERSION and the platform as Go calls it.
func splitPlatform(archive string) (stem, platform string, ok bool) {
	base, _ := splitArchive(archive)
	lower := strings.ReplaceAll(strings.ToLower(base), "x86_64", "amd64")
	parts := strings.Split(lower, "_")
	if len(parts) < 3 {
		return "", "", false
	}
	canonical := func(part string, of ...string) string {
		for _, name := range of {
			if slices.Contains(aliases[name], part) {
				return name
			}
		}
		return ""
	}
	system := canonical(parts[len(parts)-2], "linux", "darwin")
	arch := canonical(parts[len(parts)-1], "amd64", "arm64")
	if system == "" || arch == "" {
		return "", "", false
	}
	n := len(parts) - 2
	return strings.Join(strings.Split(base, "_")[:n], "_"), system + "/" + arch, true
}

// archiveKinds are the endings of the archives that are understood.
var archiveKinds = []string{".tar.gz", ".tgz", ".zip"}

// splitArchive splits the ending off an archive's name; kind is empty if it is
// none.
func splitArchive(name string) (base, kind string) {
	for _, kind := range archiveKinds {
		// Not by ToLower of the whole name: some letters get longer by it.
		if n := len(name) - len(kind); n >= 0 && strings.EqualFold(name[n:], kind) {
			return name[:n], kind
		}
	}
	return name, ""
}

// identity takes name and version of a plugin from an archive's name or a
// file's: cortex-provider-NAME[_VERSION[_OS_ARCH]]. What is not in there is
// empty.
func identity(file string) (name, version string) {
	base, kind := splitArchive(file)
	if stem, _, ok := splitPlatform(file); ok {
		base = stem
	} else if kind == "" {
		base = file
	}
	name, version, _ = strings.Cut(base, "_")
	name, ok := strings.CutPrefix(name, Prefix)
	if !ok || !ValidName(name) {
		return "", ""
	}
	return name, strings.TrimPrefix(version, "v")
}

// forPlatform picks the one archive of the list that is for this platform.
func (s sums) forPlatform() (string, error) {
	var fit, others []string
	for name := range s {
		if _, kind := splitArchive(name); kind == "" {
			continue
		}
		if _, platform, ok := splitPlatform(name); ok && platform == Platform() {
			fit = append(fit, name)
		} else {
			others = append(others, name)
		}
	}
	slices.Sort(fit)
	slices.Sort(others)
	switch len(fit) {
	case 1:
		return fit[0], nil
	case 0:
		return "", fmt.Errorf("there is no archive for %s (NAME_VERSION_OS_ARCH.tar.gz); there are %s", Platform(), orNone(others))
	}
	return "", fmt.Errorf("there are several archives for %s: %s; name the one", Platform(), strings.Join(fit, ", "))
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}
