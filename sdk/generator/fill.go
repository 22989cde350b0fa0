package generator

import "strings"

// Fill replaces each {name} in the template by the text of the field of that
// name. Names that no field has stay as they are, and what was filled in is not
// looked at again.
func Fill(template string, fields ...Field) string {
	var b strings.Builder
	for {
		open := strings.IndexByte(template, '{')
		if open < 0 {
			break
		}
		b.WriteString(template[:open])
		template = template[open:]
		field, ok := placeholder(template, fields)
		if !ok {
			b.WriteByte('{')
			template = template[1:]
			continue
		}
		b.WriteString(field.Text)
		template = template[len(field.Name)+2:]
	}
	b.WriteString(template)
	return b.String()
}

// placeholder returns the field whose placeholder s begins with.
func placeholder(s string, fields []Field) (Field, bool) {
	for _, f := range fields {
		if strings.HasPrefix(s[1:], f.Name) && strings.HasPrefix(s[1+len(f.Name):], "}") {
			return f, true
		}
	}
	return Field{}, false
}
