package format

import (
	"fmt"
	"strings"
)

// A Template makes a prompt from the columns of a row: {name} stands for the
// column of that name, {{ and }} for braces.
type Template struct{ pieces []piece }

// A piece is a text, or a column if that is not empty.
type piece struct{ text, column string }

// ParseTemplate reads a template.
func ParseTemplate(text string) (*Template, error) {
	t := &Template{}
	literal := func(s string) { t.pieces = append(t.pieces, piece{text: s}) }
	for rest := text; rest != ""; {
		i := strings.IndexAny(rest, "{}")
		if i < 0 {
			literal(rest)
			break
		}
		literal(rest[:i])
		brace := rest[i]
		switch rest = rest[i:]; {
		case len(rest) > 1 && rest[1] == brace:
			literal(string(brace))
			rest = rest[2:]
		case brace == '}':
			return nil, fmt.Errorf("template %q has a } without a {; write }} for a brace", Shorten(text, 60))
		default:
			end := strings.IndexAny(rest[1:], "{}\n")
			if end <= 0 || rest[1+end] != '}' {
				return nil, fmt.Errorf("template %q has a { that begins no {column}; write {{ for a brace", Shorten(text, 60))
			}
			t.pieces = append(t.pieces, piece{column: strings.TrimSpace(rest[1 : 1+end])})
			rest = rest[2+end:]
		}
	}
	return t, nil
}

// check reports a column that a table does not have.
func (t *Template) check(columns map[string]int) error {
	if t == nil {
		return nil
	}
	for _, p := range t.pieces {
		if _, ok := columns[p.column]; p.column != "" && !ok {
			return fmt.Errorf("the prompt template names the column %q, which the header does not have; it has %s", p.column, columnNames(columns))
		}
	}
	return nil
}

// expand fills in the columns.
func (t *Template) expand(value func(column string) string) string {
	var b strings.Builder
	for _, p := range t.pieces {
		if p.column == "" {
			b.WriteString(p.text)
		} else {
			b.WriteString(value(p.column))
		}
	}
	return b.String()
}

// templates are those of one file; nil ones were not given.
type templates struct{ prompt, system *Template }

func parseTemplates(o ReadOptions) (t templates, err error) {
	if o.Prompt != "" {
		if t.prompt, err = ParseTemplate(o.Prompt); err != nil {
			return t, err
		}
	}
	if o.System != "" {
		t.system, err = ParseTemplate(o.System)
	}
	return t, err
}
