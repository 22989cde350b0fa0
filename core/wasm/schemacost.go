package wasm

import (
	"errors"
	"fmt"
	"net/url"
	"regexp/syntax"
	"strconv"
	"strings"
)

// A module's schema is checked in the host's process, so it must not be able to
// keep the host busy: references can fold an enormous schema into a few lines,
// and so can repetitions in patterns.
const (
	maxSchemaNodes  = 4096    // values in the schema, with references followed
	maxPatternBytes = 2 << 10 // of all patterns
	maxCheckWork    = 200_000_000
)

// schemaCost is how large a schema is when all its references are followed.
type schemaCost struct {
	nodes   int // values
	program int // instructions of compiled patterns
}

// work estimates how long checking a value takes, in units of a few nanoseconds.
func (c schemaCost) work(value any) int {
	nodes, size := valueSize(value)
	const perNode = 300
	return nodes*c.nodes*perNode + size*c.program
}

var errTooMuchWork = errors.New("checking them would take too long: give shorter ones, or make the schema simpler")

// valueSize counts the values in a value, and the bytes of its texts and names.
func valueSize(value any) (nodes, size int) {
	add := func(v any) {
		n, s := valueSize(v)
		nodes, size = nodes+n, size+s
	}
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			size += len(name)
			add(member)
		}
	case []any:
		for _, element := range v {
			add(element)
		}
	case string:
		size = len(v)
	}
	return nodes + 1, size
}

// measureSchema measures a schema and refuses one that is too large, or that
// refers to itself, to other documents, or by other means than a JSON pointer.
func measureSchema(doc any) (schemaCost, error) {
	m := schemaMeasure{doc: doc, targets: map[string]*schemaCost{}, patterns: map[string]int{}}
	return m.value(doc, true)
}

type schemaMeasure struct {
	doc      any
	targets  map[string]*schemaCost // of references; nil while one is being measured
	patterns map[string]int
	bytes    int
}

// value measures a value of the schema with all that it refers to.
func (m *schemaMeasure) value(v any, root bool) (schemaCost, error) {
	total := schemaCost{nodes: 1}
	add := func(c schemaCost, err error) error {
		total.nodes, total.program = total.nodes+c.nodes, total.program+c.program
		if err == nil && total.nodes > maxSchemaNodes {
			err = fmt.Errorf("it holds more than %d values with its references followed: make it simpler", maxSchemaNodes)
		}
		return err
	}
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			if err := add(m.value(element, false)); err != nil {
				return total, err
			}
		}
	case map[string]any:
		for name, member := range v {
			if err := add(m.member(name, member, root)); err != nil {
				return total, err
			}
		}
	}
	return total, nil
}

func (m *schemaMeasure) member(name string, member any, root bool) (schemaCost, error) {
	total, err := m.value(member, false)
	if err != nil {
		return total, err
	}
	var more schemaCost
	switch text, isText := member.(string); {
	case !isText && name == "patternProperties":
		patterns, _ := member.(map[string]any)
		for p := range patterns {
			n, err := m.pattern(p)
			if err != nil {
				return total, err
			}
			total.program += n
		}
	case !isText:
	case name == "$ref":
		more, err = m.reference(text)
	case name == "pattern":
		more.program, err = m.pattern(text)
	case name == "$dynamicRef", name == "$recursiveRef", name == "$id" && !root:
		err = fmt.Errorf("it uses %s: refer to a part of it by $ref and a JSON pointer, such as #/$defs/name", name)
	}
	total.nodes, total.program = total.nodes+more.nodes, total.program+more.program
	return total, err
}

// reference measures what a reference points to.
func (m *schemaMeasure) reference(ref string) (schemaCost, error) {
	if cost, known := m.targets[ref]; known {
		if cost == nil {
			return schemaCost{}, fmt.Errorf("%s refers to itself: say how deep it goes instead", quote([]byte(ref), 64))
		}
		return *cost, nil
	}
	target, err := resolvePointer(m.doc, ref)
	if err != nil {
		return schemaCost{}, err
	}
	m.targets[ref] = nil
	cost, err := m.value(target, ref == "#")
	m.targets[ref] = &cost
	return cost, err
}

// resolvePointer follows a reference within a document.
func resolvePointer(doc any, ref string) (any, error) {
	fail := func() (any, error) {
		return nil, fmt.Errorf("$ref %s points to nothing in it: use a JSON pointer such as #/$defs/name", quote([]byte(ref), 64))
	}
	pointer, isLocal := strings.CutPrefix(ref, "#")
	pointer, err := url.PathUnescape(pointer)
	if !isLocal || err != nil || pointer != "" && pointer[0] != '/' {
		return fail()
	}
	if pointer == "" {
		return doc, nil
	}
	for token := range strings.SplitSeq(pointer[1:], "/") {
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		switch v := doc.(type) {
		case map[string]any:
			member, ok := v[token]
			if !ok {
				return fail()
			}
			doc = member
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(v) {
				return fail()
			}
			doc = v[i]
		default:
			return fail()
		}
	}
	return doc, nil
}

// pattern returns the size of a regular expression's program.
func (m *schemaMeasure) pattern(text string) (int, error) {
	if n, known := m.patterns[text]; known {
		return n, nil
	}
	if m.bytes += len(text); m.bytes > maxPatternBytes {
		return 0, fmt.Errorf("its patterns are longer than %d bytes: make them simpler", maxPatternBytes)
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return 0, fmt.Errorf("pattern %s: %w", quote([]byte(text), 64), err)
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return 0, fmt.Errorf("pattern %s: %w", quote([]byte(text), 64), err)
	}
	m.patterns[text] = len(program.Inst)
	return len(program.Inst), nil
}
