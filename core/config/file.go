package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

const (
	// Version is the version of the file's format that this program writes and
	// reads. An older one would be read by its rules, a newer one is refused.
	Version = 1

	maxFile = 256 << 10
	// maxDepth bounds how deep values are nested: what reads YAML takes
	// minutes for some thousand brackets.
	maxDepth = 64
	// maxProfiles bounds the profiles of a file.
	maxProfiles = 100
)

// A file is what one configuration file holds.
type file struct {
	path     string
	trusted  bool
	values   layer
	profiles map[string]layer

	providers map[string]Instance
	routes    map[string][]string
	places    map[string]string // of each provider and route: file and line
}

func readFile(path string, trusted bool) (*file, error) {
	f, err := os.Open(path)
	if err != nil {
		hint := "let this user read it, or name another file with --config"
		if errors.Is(err, fs.ErrNotExist) {
			hint = "`cortex-host config init` writes a file to start from"
		}
		return nil, &Error{Origin: path, Problem: "cannot be read: " + cause(err), Hint: hint}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, &Error{Origin: path, Problem: "cannot be read: " + cause(err)}
	}
	if len(data) > maxFile {
		return nil, &Error{Origin: path, Problem: fmt.Sprintf("is larger than %d bytes", maxFile), Hint: "name a configuration file; `cortex-host config init` writes one"}
	}
	return parseFile(path, data, trusted)
}

func parseFile(path string, data []byte, trusted bool) (*file, error) {
	f := &file{path: path, trusted: trusted, values: layer{}, profiles: map[string]layer{}, places: map[string]string{}}
	if line := tooDeep(data); line > 0 {
		return nil, &Error{Origin: entry{line: line}.origin(path), Problem: fmt.Sprintf("is nested deeper than %d levels", maxDepth),
			Hint: "a value is a word, a list, or a table of a provider"}
	}
	tree, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, f.yamlError(err)
	}
	if len(tree.Docs) > 1 {
		return nil, &Error{Origin: path, Problem: "holds more than one YAML document"}
	}
	if len(tree.Docs) == 0 || tree.Docs[0].Body == nil {
		return f, nil // empty, or comments only
	}
	entries, err := f.mapping(tree.Docs[0].Body, "the file")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		switch e.key {
		case "version":
			err = f.version(e)
		case "profiles":
			err = f.readProfiles(e)
		case "providers":
			err = f.readProviders(e)
		case "routes":
			err = f.readRoutes(e)
		default:
			err = f.setting(f.values, e, e.origin(path), "version", "profiles", "providers", "routes")
		}
		if err != nil {
			return nil, err
		}
	}
	return f, nil
}

// tooDeep returns the line in which values are nested too deep, 0 if they are
// not. It takes brackets for nested wherever they stand but in comments: in
// text, too, nobody needs that many.
func tooDeep(data []byte) int {
	brackets, line := 0, 0
	for text := range bytes.Lines(data) {
		line++
		rest := bytes.TrimLeft(text, " -?\t")
		if bytes.HasPrefix(rest, []byte("#")) {
			continue
		}
		lists := bytes.Count(text[:len(text)-len(rest)], []byte("- ")) // lists in lists, begun in one line
		for _, b := range rest {
			switch b {
			case '[', '{':
				brackets++
			case ']', '}':
				brackets = max(0, brackets-1)
			}
			if brackets+lists > maxDepth {
				return line
			}
		}
	}
	return 0
}

// An entry is one key of a mapping, with its value and line.
type entry struct {
	key   string
	line  int
	value ast.Node
}

func (e entry) origin(path string) string { return fmt.Sprintf("%s:%d", path, e.line) }

// mapping returns the entries of a mapping, in order.
func (f *file) mapping(node ast.Node, what string) ([]entry, error) {
	var values []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	case *ast.NullNode, *ast.CommentGroupNode:
	default:
		return nil, &Error{Origin: entry{line: lineOf(node)}.origin(f.path), Problem: what + " must hold keys and values, such as provider: offline",
			Hint: "`cortex-host config init FILE` writes an example"}
	}
	var list []entry
	for _, v := range values {
		e := entry{key: v.Key.GetToken().Value, line: v.Key.GetToken().Position.Line, value: v.Value}
		if slices.ContainsFunc(list, func(other entry) bool { return other.key == e.key }) {
			return nil, &Error{Origin: e.origin(f.path), Key: e.key, Problem: "is there twice"}
		}
		list = append(list, e)
	}
	return list, nil
}

func (f *file) version(e entry) error {
	var n int
	if err := yaml.NodeToValue(e.value, &n); err != nil || n < 1 {
		return &Error{Origin: e.origin(f.path), Key: "version", Problem: fmt.Sprintf("must be %d", Version), Hint: fmt.Sprintf("write version: %d", Version)}
	}
	if n > Version {
		return &Error{Origin: e.origin(f.path), Key: "version", Problem: fmt.Sprintf("is %d; this program reads up to %d", n, Version), Hint: "update cortex-host"}
	}
	return nil
}

// structures are the keys that are no settings of the table.
var structures = map[string]bool{"version": true, "profiles": true, "providers": true, "routes": true}

func (f *file) readProfiles(e entry) error {
	profiles, err := f.mapping(e.value, "profiles")
	if err != nil {
		return err
	}
	if len(profiles) > maxProfiles {
		return &Error{Origin: e.origin(f.path), Key: e.key, Problem: fmt.Sprintf("are %d; at most %d", len(profiles), maxProfiles), Hint: "put some into a file of their own"}
	}
	for _, p := range profiles {
		settings, err := f.mapping(p.value, "profile "+p.key)
		if err != nil {
			return err
		}
		l := layer{}
		for _, s := range settings {
			if structures[s.key] {
				return &Error{Origin: s.origin(f.path), Key: s.key, Problem: "cannot be part of a profile", Hint: "profiles hold settings; write " + s.key + " beside them, not in them"}
			}
			if err := f.setting(l, s, fmt.Sprintf("profile %s (%s)", p.key, s.origin(f.path))); err != nil {
				return err
			}
		}
		f.profiles[p.key] = l
	}
	return nil
}

// setting reads one key of the table into a layer. Further names are only for
// the suggestion when the key is unknown.
func (f *file) setting(into layer, e entry, origin string, further ...string) error {
	k, ok := find(e.key)
	if !ok {
		names := further
		for _, k := range keys {
			names = append(names, k.Name)
		}
		err := &Error{Origin: e.origin(f.path), Problem: fmt.Sprintf("unknown key %q", e.key),
			Hint: "`cortex-host config show` lists all keys"}
		if near := Nearest(e.key, names); near != "" {
			err.Hint = fmt.Sprintf("did you mean %s?", near)
		}
		return err
	}
	if k.Trusted && !f.trusted {
		return &Error{Origin: e.origin(f.path), Key: e.key, Problem: "decides " + whatGoes(e.key) + ", and nobody named this file",
			Hint: fmt.Sprintf("if you trust it, name it: --config %s", f.path)}
	}
	scalar, ok := e.value.(ast.ScalarNode)
	if !ok {
		return &Error{Origin: e.origin(f.path), Key: e.key, Problem: "must be a single value", Hint: "write " + e.key + ": " + k.Form}
	}
	if _, null := e.value.(*ast.NullNode); null {
		return nil
	}
	into[e.key] = Value{Text: strings.TrimSpace(fmt.Sprint(scalar.GetValue())), Origin: origin, file: true}
	if err := k.set(&Config{}, into[e.key].(Value).Text); err != nil {
		return &Error{Origin: e.origin(f.path), Key: e.key, Problem: err.Error(), Hint: "write " + e.key + ": " + k.Form}
	}
	return nil
}

// whatGoes is what a trusted key decides about.
func whatGoes(key string) string {
	switch {
	case strings.HasPrefix(key, "log"):
		return "where your prompts and answers are sent"
	case key == "plugin_confinement":
		return "what plugins may read"
	}
	return "where your key is sent"
}

func (f *file) profile(name string) (layer, error) {
	if f.path == "" {
		return nil, &Error{Origin: "--profile", Problem: fmt.Sprintf("there is no profile %q: no configuration file was found", name),
			Hint: "`cortex-host config init` writes a file to start from"}
	}
	if l, ok := f.profiles[name]; ok {
		return l, nil
	}
	var names []string
	for n := range f.profiles {
		names = append(names, n)
	}
	slices.Sort(names)
	err := &Error{Origin: f.path, Problem: fmt.Sprintf("there is no profile %q", name), Hint: "the file has none"}
	if len(names) > 0 {
		err.Hint = "it has " + strings.Join(names, ", ")
	}
	return nil, err
}

// yamlError turns a syntax error into one with file and line.
func (f *file) yamlError(err error) error {
	var syntax yaml.Error
	if errors.As(err, &syntax) && syntax.GetToken() != nil {
		return &Error{Origin: entry{line: syntax.GetToken().Position.Line}.origin(f.path), Problem: "not valid YAML: " + syntax.GetMessage(),
			Hint: "mend that line; a value with a special character stands in quotes"}
	}
	return &Error{Origin: f.path, Problem: "not valid YAML: " + err.Error()}
}

func lineOf(n ast.Node) int {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 1
}

// cause is what is behind an error of the file system, without the path.
func cause(err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}
