package wasm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// ABI is the version of the contract that this host speaks. A module of an
// older version is spoken to in that version; a newer one is refused.
const ABI = 1

// ManifestSection is the name of the custom section that holds the manifest.
const ManifestSection = "cortex.manifest"

// KindGenerator is the one kind of module that ABI 1 knows.
const KindGenerator = "generator"

// A Manifest is what a module says of itself, read without running it.
type Manifest struct {
	// ABI is the version of the contract that the module was written for.
	ABI int `json:"abi"`
	// Kind is "generator".
	Kind string `json:"kind"`
	// Name is the generator's name: [a-z0-9][a-z0-9-]*, at most 64 bytes.
	Name string `json:"name"`
	// Version is a semantic version without a leading v.
	Version string `json:"version"`
	// Summary is one sentence for a list.
	Summary string `json:"summary"`
	// Items says what the generator takes.
	Items ItemsSpec `json:"items,omitzero"`
	// Params is a JSON Schema (2020-12, type object) of the parameters. The
	// host fills in the defaults of its properties.
	Params json.RawMessage `json:"params,omitempty"`
	// Presets are named sets of parameters.
	Presets []Preset `json:"presets,omitempty"`
	// Facts are the facts that the generator wants: os, cpu, memory, disk, gpu
	// and network come with the header, package with each item.
	Facts []string `json:"facts,omitempty"`
	// Limits are what the generator needs; the operator's limits win.
	Limits ManifestLimits `json:"limits,omitzero"`
}

// ItemsSpec says what a generator takes as items.
type ItemsSpec struct {
	// Description says what an item is, such as "package names".
	Description string `json:"description,omitempty"`
	// Optional says that the generator works without any item.
	Optional bool `json:"optional,omitempty"`
}

// A Preset is a named set of parameters.
type Preset struct {
	Name    string `json:"name"`
	Summary string `json:"summary,omitempty"`
	// Params are parameters, each as JSON.
	Params map[string]json.RawMessage `json:"params"`
}

// ManifestLimits are what a module asks for.
type ManifestLimits struct {
	// MemoryMB is the linear memory that the guest needs at most, in MiB.
	// 0 means the operator's limit.
	MemoryMB int `json:"memory_mb,omitempty"`
	// QueriesPerItem is how many queries an item may become. 0 means the
	// operator's limit.
	QueriesPerItem int `json:"queries_per_item,omitempty"`
}

// The facts that a manifest can ask for.
const (
	FactOS      = "os"
	FactPackage = "package"
	FactCPU     = "cpu"
	FactMemory  = "memory"
	FactDisk    = "disk"
	FactGPU     = "gpu"
	FactNetwork = "network"
)

var factNames = []string{FactOS, FactPackage, FactCPU, FactMemory, FactDisk, FactGPU, FactNetwork}

const (
	maxManifestBytes = 256 << 10
	maxPresets       = 64
)

var (
	nameForm    = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)
	versionForm = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]{1,64})?$`)
)

// ParseManifest reads a manifest from its JSON. It is strict: unknown fields,
// wrong names and a parameter schema that does not compile are errors that say
// how to mend them.
func ParseManifest(data []byte) (Manifest, error) {
	m, _, err := parseManifest(data)
	return m, err
}

// parseManifest is [ParseManifest]; it returns the compiled schema too.
func parseManifest(data []byte) (Manifest, *paramSchema, error) {
	var m Manifest
	if len(data) > maxManifestBytes {
		return m, nil, fmt.Errorf("manifest is %d bytes long; at most %d", len(data), maxManifestBytes)
	}
	var version struct {
		ABI int `json:"abi"`
	}
	if err := json.Unmarshal(data, &version); err == nil && version.ABI > ABI {
		return m, nil, fmt.Errorf("manifest wants ABI %d; this host speaks ABI %d: update the host", version.ABI, ABI)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return Manifest{}, nil, fmt.Errorf("manifest: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := dec.Token(); err != io.EOF {
		return Manifest{}, nil, errors.New("manifest holds more than one JSON value")
	}
	if err := m.validate(); err != nil {
		return Manifest{}, nil, fmt.Errorf("manifest: %w", err)
	}
	schema, err := compileParams(m.Params)
	if err == nil {
		err = m.validatePresets(schema)
	}
	if err != nil {
		return Manifest{}, nil, fmt.Errorf("manifest: %w", err)
	}
	return m, schema, nil
}

func (m *Manifest) validate() error {
	switch {
	case m.ABI != ABI:
		return fmt.Errorf(`"abi" is %d; set it to %d`, m.ABI, ABI)
	case m.Kind != KindGenerator:
		return fmt.Errorf(`"kind" is %q; set it to %q`, m.Kind, KindGenerator)
	case !nameForm.MatchString(m.Name):
		return fmt.Errorf(`"name" is %q; use small letters, digits and dashes, at most 64`, m.Name)
	case !versionForm.MatchString(m.Version):
		return fmt.Errorf(`"version" is %q; use a semantic version such as 1.0.0`, m.Version)
	case m.Limits.MemoryMB < 0 || m.Limits.MemoryMB > 4096:
		return fmt.Errorf(`"limits.memory_mb" is %d; use 0 to 4096`, m.Limits.MemoryMB)
	case m.Limits.QueriesPerItem < 0:
		return fmt.Errorf(`"limits.queries_per_item" is %d; use 0 or more`, m.Limits.QueriesPerItem)
	}
	for _, f := range m.Facts {
		if !slices.Contains(factNames, f) {
			return fmt.Errorf(`"facts" names %q; one of %s`, f, strings.Join(factNames, ", "))
		}
	}
	return nil
}

// validatePresets checks each preset against the schema.
func (m *Manifest) validatePresets(schema *paramSchema) error {
	if len(m.Presets) > maxPresets {
		return fmt.Errorf(`"presets" are %d; at most %d`, len(m.Presets), maxPresets)
	}
	for i, p := range m.Presets {
		if !nameForm.MatchString(p.Name) {
			return fmt.Errorf(`"presets[%d].name" is %q; use small letters, digits and dashes`, i, p.Name)
		}
		if _, err := schema.resolve(p.Params, nil, maxCheckWork/len(m.Presets)); err != nil {
			return fmt.Errorf("preset %s: %w", p.Name, err)
		}
	}
	return nil
}

// wants reports whether the manifest asks for a fact.
func (m *Manifest) wants(fact string) bool { return slices.Contains(m.Facts, fact) }

// preset returns the parameters of a preset by name.
func (m *Manifest) preset(name string) (map[string]json.RawMessage, error) {
	var names []string
	for _, p := range m.Presets {
		if p.Name == name {
			return p.Params, nil
		}
		names = append(names, p.Name)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("there is no preset %q: this generator has none", name)
	}
	return nil, fmt.Errorf("there is no preset %q; one of %s", name, strings.Join(names, ", "))
}
