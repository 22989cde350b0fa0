package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

var instanceName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

// readProviders reads the instances. They say where keys come from and go to,
// so the file must be one that somebody named.
func (f *file) readProviders(e entry) error {
	if !f.trusted {
		return &Error{Origin: e.origin(f.path), Key: e.key, Problem: "decides where your keys are sent, and nobody named this file",
			Hint: "if you trust it, name it: --config " + f.path}
	}
	entries, err := f.mapping(e.value, "providers")
	if err != nil {
		return err
	}
	f.providers = map[string]Instance{}
	for _, p := range entries {
		var i Instance
		if err := yaml.NodeToValue(p.value, &i, yaml.Strict()); err != nil {
			return f.nodeError(p, err)
		}
		if err := i.check(p.key); err != nil {
			return &Error{Origin: p.origin(f.path), Key: "providers." + p.key, Problem: err.Error(), Hint: instanceForm}
		}
		f.providers[p.key], f.places["providers."+p.key] = i, p.origin(f.path)
	}
	return nil
}

func (i *Instance) check(name string) error {
	switch {
	case !instanceName.MatchString(name):
		return errors.New("must have a name of small letters, digits and dashes")
	case i.MaxConcurrent < 0, i.TokensPerMinute < 0, !(i.RequestsPerSecond >= 0 && i.RequestsPerSecond < 1e6):
		return errors.New("has a limit that is negative or out of range")
	}
	if err := i.Grant.check(); err != nil {
		return err
	}
	for n, k := range i.Keys {
		given := 0
		for _, set := range []bool{k.Env != "", k.File != "", len(k.Command) > 0} {
			if set {
				given++
			}
		}
		if given != 1 {
			return fmt.Errorf("keys[%d] must have exactly one of env, file and command", n)
		}
	}
	return nil
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (g *Grant) check() error {
	for _, name := range g.Env {
		if !variableName.MatchString(name) {
			return fmt.Errorf("grant.env: %q is not the name of a variable", name)
		}
	}
	for _, path := range g.Files {
		if !filepath.IsAbs(path) && !strings.HasPrefix(path, "~/") {
			return fmt.Errorf("grant.files: %q must be an absolute path, or begin with ~/", path)
		}
	}
	return nil
}

// readRoutes reads the table of routes.
func (f *file) readRoutes(e entry) error {
	entries, err := f.mapping(e.value, "routes")
	if err != nil {
		return err
	}
	f.routes = map[string][]string{}
	for _, r := range entries {
		var lanes []string
		if err := yaml.NodeToValue(r.value, &lanes); err != nil || len(lanes) == 0 || slices.Contains(lanes, "") {
			return &Error{Origin: r.origin(f.path), Key: "routes." + r.key, Problem: "must be a list of instances, such as [chat, system]",
				Hint: "write " + r.key + ": [NAME, NAME...]"}
		}
		f.routes[r.key], f.places["routes."+r.key] = lanes, r.origin(f.path)
	}
	return nil
}

// nodeError turns the error of decoding an instance into one with its line.
func (f *file) nodeError(e entry, err error) error {
	line, problem := e.line, err.Error()
	var located yaml.Error
	if errors.As(err, &located) {
		problem = located.GetMessage()
		if t := located.GetToken(); t != nil && t.Position != nil && t.Position.Line > 0 {
			line = t.Position.Line
		}
	}
	if rest, ok := strings.CutPrefix(problem, "unknown field "); ok {
		known := []string{"plugin", "model", "settings", "keys", "max_concurrent", "requests_per_second", "tokens_per_minute", "grant", "env", "file", "command", "files"}
		out := &Error{Origin: entry{line: line}.origin(f.path), Problem: "unknown key " + rest, Hint: "a provider has " + strings.Join(known[:8], ", ") + "; what its plugin takes, such as base_url, stands in settings"}
		if near := Nearest(strings.Trim(rest, `"`), known); near != "" {
			out.Hint = "did you mean " + near + "?"
		}
		return out
	}
	// The decoder's own words name types of this program.
	return &Error{Origin: entry{line: line}.origin(f.path), Key: "providers." + e.key, Problem: "has a value of another kind than is expected there", Hint: instanceForm}
}

// instanceForm is how an instance is written.
const instanceForm = "write NAME: {plugin: NAME, model: NAME, settings: {KEY: VALUE}, keys: [{env: NAME}, {file: PATH}, {command: [PROGRAM, ARG]}], " +
	"max_concurrent: N, requests_per_second: N, tokens_per_minute: N, grant: {env: [NAME], files: [PATH]}}, as far as it is needed"
