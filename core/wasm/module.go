package wasm

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxModuleBytes bounds what Open reads; [Limits.ModuleBytes] bounds what runs.
const maxModuleBytes = 64 << 20

// A Module is a generator that was read and checked, but not run. It does not
// change and may be shared.
type Module struct {
	// Path is the file that it was read from, or empty.
	Path string
	// Manifest is what it says of itself.
	Manifest Manifest
	// SHA256 is the hash of the file, in hex.
	SHA256 string
	// Imports are what it wants from its host.
	Imports []Import

	bytes  []byte
	params *paramSchema
}

// Open reads a packed module. It never runs guest code. Its errors are
// [*Error]s.
func Open(path string) (*Module, error) {
	name := strings.TrimSuffix(filepath.Base(path), ".wasm")
	data, err := readModule(path)
	if err != nil {
		return nil, &Error{Generator: name, Reason: InvalidModule, Message: err.Error(), Cause: err}
	}
	return Parse(path, data)
}

// readModule reads a file that is not too large to be a module.
func readModule(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	if info.Size() > maxModuleBytes {
		return nil, fmt.Errorf("%s is larger than %d MiB: no module is", path, maxModuleBytes>>20)
	}
	data := make([]byte, info.Size())
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}

// Parse is [Open] for a module that is already in memory; path is only a name
// for messages. Parse keeps data.
func Parse(path string, data []byte) (*Module, error) {
	m := &Module{Path: path, bytes: data}
	if err := m.parse(); err != nil {
		return nil, err.named(m.Name())
	}
	return m, nil
}

// Name is the manifest's name, or the file's while there is no manifest.
func (m *Module) Name() string {
	if m.Manifest.Name != "" {
		return m.Manifest.Name
	}
	return strings.TrimSuffix(filepath.Base(m.Path), ".wasm")
}

// Size is the size of the module in bytes.
func (m *Module) Size() int64 { return int64(len(m.bytes)) }

func (m *Module) parse() *Error {
	if len(m.bytes) > maxModuleBytes {
		return failf(InvalidModule, "the module is larger than %d MiB", maxModuleBytes>>20)
	}
	sum := sha256.Sum256(m.bytes)
	m.SHA256 = hex.EncodeToString(sum[:])
	list, err := sections(m.bytes)
	if err != nil {
		return failf(InvalidModule, "%v", err)
	}
	manifest, fail := m.readSections(list)
	if fail != nil {
		return fail
	}
	if m.Manifest, m.params, err = parseManifest(manifest); err != nil {
		return failf(InvalidManifest, "%v", err)
	}
	return nil
}

// readSections checks what the module imports and exports, and returns its
// manifest.
func (m *Module) readSections(list []section) (manifest []byte, fail *Error) {
	var start, memory bool
	for _, s := range list {
		switch s.id {
		case sectionImport:
			imports, err := s.imports()
			if err != nil {
				return nil, failf(InvalidModule, "its imports cannot be read: %v", err)
			}
			if m.Imports != nil {
				return nil, failf(InvalidModule, "it has more than one import section")
			}
			m.Imports = imports
		case sectionExport:
			err := s.exports(func(name, kind string) {
				start = start || name == "_start" && kind == "func"
				memory = memory || name == "memory" && kind == "memory"
			})
			if err != nil {
				return nil, failf(InvalidModule, "its exports cannot be read: %v", err)
			}
		default:
			if name, body, ok := s.custom(); ok && name == ManifestSection {
				if manifest != nil {
					return nil, failf(InvalidManifest, "it has more than one section %s: pack it again", ManifestSection)
				}
				manifest = body
			}
		}
	}
	if fail := checkImports(m.Imports); fail != nil {
		return nil, fail
	}
	switch {
	case !start:
		return nil, failf(InvalidModule, "it exports no function _start: build a WASI command, not a library (reactor)")
	case !memory:
		return nil, failf(InvalidModule, "it exports no memory under the name memory, which reading and writing need: export it")
	case manifest == nil:
		return nil, failf(InvalidManifest, "it has no section %s: add it with `cortex-host generator pack`", ManifestSection)
	}
	return manifest, nil
}

// Params returns the parameters as the guest would get them: the schema's
// defaults, under the preset, under params. Its errors name the parameter.
func (m *Module) Params(preset string, params map[string]json.RawMessage) (map[string]json.RawMessage, error) {
	var under map[string]json.RawMessage
	if preset != "" {
		var err error
		if under, err = m.Manifest.preset(preset); err != nil {
			return nil, failf(InvalidParams, "%v", err).named(m.Name())
		}
	}
	all, err := m.params.resolve(params, under, maxCheckWork)
	if err != nil {
		return nil, failf(InvalidParams, "%v", err).named(m.Name())
	}
	return all, nil
}

// WASI is the one module that a guest may import from.
const WASI = "wasi_snapshot_preview1"

// allowedImports is preview 1 without sockets and signals. Files are among it
// because language runtimes link them; a guest has none to open.
var allowedImports = strings.Fields(`
	args_get args_sizes_get environ_get environ_sizes_get
	clock_res_get clock_time_get random_get poll_oneoff sched_yield proc_exit
	fd_advise fd_allocate fd_close fd_datasync fd_fdstat_get fd_fdstat_set_flags fd_fdstat_set_rights
	fd_filestat_get fd_filestat_set_size fd_filestat_set_times fd_pread fd_prestat_dir_name fd_prestat_get
	fd_pwrite fd_read fd_readdir fd_renumber fd_seek fd_sync fd_tell fd_write
	path_create_directory path_filestat_get path_filestat_set_times path_link path_open path_readlink
	path_remove_directory path_rename path_symlink path_unlink_file`)

// AllowedImports returns the names of [WASI] that a guest may import.
func AllowedImports() []string { return slices.Clone(allowedImports) }

func checkImports(imports []Import) *Error {
	for _, im := range imports {
		name := fmt.Sprintf("%s.%s", quote([]byte(im.Module), 64), quote([]byte(im.Name), 64))
		switch {
		case im.Module == "wasi_unstable":
			return failf(ForbiddenImport, "it imports %s of WASI preview 0; build it for wasm32-wasip1 (preview 1)", name)
		case im.Module != WASI:
			return failf(ForbiddenImport, "it imports %s; only functions of %s are there", name, WASI)
		case im.Kind != "func" || !slices.Contains(allowedImports, im.Name):
			return failf(ForbiddenImport, "it imports %s (%s), which is not given to generators", name, im.Kind)
		}
	}
	return nil
}
