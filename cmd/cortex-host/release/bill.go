package main

import (
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A bill is a software bill of materials in CycloneDX's JSON: every file of the
// archive with its hash, and every module that is linked into a program, with
// the checksum that Go verified it by.
type bill struct {
	Format       string      `json:"bomFormat"`
	SpecVersion  string      `json:"specVersion"`
	Version      int         `json:"version"`
	Metadata     metadata    `json:"metadata"`
	Components   []component `json:"components"`
	Dependencies []dependsOn `json:"dependencies"`
}

type metadata struct {
	Timestamp string    `json:"timestamp"`
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version,omitempty"`
	PURL       string     `json:"purl,omitempty"`
	Hashes     []hash     `json:"hashes,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependsOn struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn,omitempty"`
}

// billOf reads the bill of a release's directory off its files: what is really
// in the programs, not what a go.mod asks for.
func billOf(dir, name, version string, at time.Time) ([]byte, error) {
	b := bill{Format: "CycloneDX", SpecVersion: "1.6", Version: 1,
		Metadata: metadata{at.Format(time.RFC3339), component{Type: "application", Ref: name, Name: "cortex-host", Version: version}}}
	modules := map[string]component{}
	var files []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		inside, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		file, linked, err := fileOf(path, filepath.ToSlash(inside))
		if err != nil {
			return err
		}
		maps.Copy(modules, linked)
		b.Components = append(b.Components, file)
		b.Dependencies = append(b.Dependencies, dependsOn{file.Ref, slices.Sorted(maps.Keys(linked))})
		files = append(files, file.Ref)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, ref := range slices.Sorted(maps.Keys(modules)) {
		b.Components = append(b.Components, modules[ref])
	}
	b.Dependencies = append(b.Dependencies, dependsOn{name, files})
	data, err := json.MarshalIndent(b, "", "  ")
	return append(data, '\n'), err
}

// fileOf describes a file, and the modules in it if it is a Go program.
func fileOf(path, name string) (component, map[string]component, error) {
	sum, err := hashFile(path)
	if err != nil {
		return component{}, nil, err
	}
	file := component{Type: "file", Ref: "file:" + name, Name: name, Hashes: []hash{{"SHA-256", sum}}}
	if !program(name) {
		return file, nil, nil
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return component{}, nil, fmt.Errorf("%s: %w", name, err)
	}
	file.Type = "application"
	file.Properties = []property{{"go:version", info.GoVersion}}
	linked := map[string]component{}
	std := component{Type: "library", Name: "std", Version: strings.TrimPrefix(info.GoVersion, "go")}
	std.PURL = "pkg:golang/std@" + std.Version
	std.Ref = std.PURL
	linked[std.Ref] = std
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		purl := "pkg:golang/" + m.Path + "@" + m.Version
		c := component{Type: "library", Ref: purl, Name: m.Path, Version: m.Version, PURL: purl}
		if m.Sum != "" {
			c.Properties = []property{{"go:sum", m.Sum}}
		}
		linked[purl] = c
	}
	return file, linked, nil
}
