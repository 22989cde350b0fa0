package sdk

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestSecretsOfSettings(t *testing.T) {
	for raw, want := range map[string][]string{
		``:                                       nil,
		`7`:                                      nil,
		`null`:                                   nil,
		`""`:                                     nil,
		`"short"`:                                {"short"},
		`["a","b"]`:                              {"a", "b"},
		`{"X-Title":"true","X-Beta":""}`:         nil,
		`{"X-Title":"a title of several words"}`: nil,
		`{"X-Trace":"0123456789abcdef"}`:         {"0123456789abcdef"},
		`{"api-key":"k1","Cookie":"c"}`:          {"c", "k1"},
		`{"Authorization":"Bearer sk-1"}`:        {"Bearer sk-1", "sk-1"},
		`{"inner":{"password":"p","user":"me"}}`: {"p"},
		`{"list":[{"token":"t"},{"kind":"x"}],"number":1.5}`: {"t"},
	} {
		got := Settings{"x": json.RawMessage(raw)}.Secrets("x")
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", raw, got, want)
		}
	}
}
