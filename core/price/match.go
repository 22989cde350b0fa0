package price

import (
	"encoding/json"
	"regexp"
	"strings"
)

// A matcher decides whether a model's name is meant. Exactly one field is set.
type matcher struct {
	Equals     string    `json:"equals"`
	StartsWith string    `json:"starts_with"`
	EndsWith   string    `json:"ends_with"`
	Contains   string    `json:"contains"`
	Regex      *regex    `json:"regex"`
	Or         []matcher `json:"or"`
	And        []matcher `json:"and"`
}

// matches expects a name in lower case.
func (m *matcher) matches(name string) bool {
	switch {
	case m.Equals != "":
		return name == strings.ToLower(m.Equals)
	case m.StartsWith != "":
		return strings.HasPrefix(name, strings.ToLower(m.StartsWith))
	case m.EndsWith != "":
		return strings.HasSuffix(name, strings.ToLower(m.EndsWith))
	case m.Contains != "":
		return strings.Contains(name, strings.ToLower(m.Contains))
	case m.Regex != nil:
		return m.Regex.matches(name)
	}
	for i := range m.Or {
		if m.Or[i].matches(name) {
			return true
		}
	}
	for i := range m.And {
		if !m.And[i].matches(name) {
			return false
		}
	}
	return len(m.And) > 0
}

// A regex is a regular expression in JSON. The list is made for an engine that
// has negative lookahead; the one form of it that is in use, "not at the
// start", is understood here.
type regex struct {
	re  *regexp.Regexp
	not bool
}

func (r *regex) matches(name string) bool { return r.re.MatchString(name) != r.not }

func (r *regex) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	if inner, ok := strings.CutPrefix(s, "^(?!"); ok && strings.HasSuffix(inner, ")") {
		r.not, s = true, "^(?:"+inner
	}
	var err error
	r.re, err = regexp.Compile("(?i)" + s)
	return err
}
