package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/knadh/koanf/v2"
)

// FileName is the name of the file in a project and in the user's directory.
const FileName = "cortex-host.yaml"

// Sources are where [Load] looks.
type Sources struct {
	// Path is the file to read; it must be there. Empty: Dir is searched, then
	// UserDir, and no file at all is fine.
	Path string
	// Dir is the working directory, UserDir the user's directory for the
	// configuration of this program. Empty: not searched.
	Dir, UserDir string
	// Profile is laid over the file. Empty: none.
	Profile string
	// Env looks up an environment variable. Nil: none is read.
	Env func(string) (string, bool)
	// Flags are the flags that were given: key to value.
	Flags map[string]string
}

// layer is one source of values. It is a koanf.Provider.
type layer map[string]any

// ReadBytes is not used.
func (layer) ReadBytes() ([]byte, error) { return nil, errors.New("config: a layer has no bytes") }

// Read returns the values.
func (l layer) Read() (map[string]any, error) { return l, nil }

// Load reads all layers and returns what won. Its errors are *[Error]s.
func Load(s Sources) (*Config, error) {
	f, err := s.file()
	if err != nil {
		return nil, err
	}
	layers := []layer{defaults(), f.values}
	if s.Profile != "" {
		profile, err := f.profile(s.Profile)
		if err != nil {
			return nil, err
		}
		layers = append(layers, profile)
	}
	layers = append(layers, s.environment(), s.flags())

	merged := koanf.New("/")
	for _, l := range layers {
		if err := merged.Load(l, nil); err != nil {
			return nil, fmt.Errorf("config: %w", err)
		}
	}
	c := &Config{File: f.path, Profile: s.Profile, Profiles: slices.Sorted(maps.Keys(f.profiles)), Providers: f.providers, Routes: f.routes, values: map[string]Value{}, places: f.places}
	for _, k := range keys {
		v, ok := merged.Get(k.Name).(Value)
		if !ok {
			continue
		}
		if err := k.set(c, v.Text); err != nil {
			return nil, &Error{Key: k.Name, Origin: v.Origin, Problem: err.Error(), Hint: "write " + k.written(v.Origin)}
		}
		c.values[k.Name] = v
	}
	return c, nil
}

func defaults() layer {
	l := layer{}
	for _, k := range keys {
		if k.Default != "" {
			l[k.Name] = Value{Text: k.Default, Origin: originDefault}
		}
	}
	return l
}

// environment reads a variable for every key. An empty one counts as unset.
func (s Sources) environment() layer {
	l := layer{}
	if s.Env == nil {
		return l
	}
	for _, k := range keys {
		if text, ok := s.Env(k.Env()); ok && text != "" {
			l[k.Name] = Value{Text: text, Origin: k.Env()}
		}
	}
	return l
}

func (s Sources) flags() layer {
	l := layer{}
	for name, text := range s.Flags {
		if k, ok := find(name); ok {
			l[name] = Value{Text: text, Origin: "--" + k.Flag()}
		}
	}
	return l
}

// file finds and reads the file.
func (s Sources) file() (*file, error) {
	if s.Path != "" {
		return readFile(s.Path, true)
	}
	for _, place := range []struct {
		dir     string
		trusted bool
	}{{s.Dir, false}, {s.UserDir, true}} {
		if place.dir == "" {
			continue
		}
		path := filepath.Join(place.dir, FileName)
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			continue
		}
		return readFile(path, place.trusted)
	}
	return &file{}, nil
}
