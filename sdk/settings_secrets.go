package sdk

import (
	"encoding/json"
	"strings"
)

// longSecret is from which length on a word among others is taken for a secret,
// whatever it is called.
const longSecret = 16

// secretWords are in the names of what is secret, such as X-Api-Key.
var secretWords = [...]string{"auth", "key", "token", "secret", "cookie", "pass", "credential"}

// Secrets returns the texts that must never be shown of a setting that is
// secret: its string, or in an object, such as HTTP headers, the strings whose
// names say so or that are as long as keys are. The others may be words that
// every second text has.
func (s Settings) Secrets(name string) []string {
	raw := s[name]
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return nonEmpty(text)
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) == nil {
		var all []string
		for member, value := range members {
			all = append(all, memberSecrets(member, Settings(members).Secrets(member), value)...)
		}
		return all
	}
	var list []json.RawMessage
	var all []string
	if json.Unmarshal(raw, &list) == nil {
		for _, value := range list {
			all = append(all, Settings{name: value}.Secrets(name)...)
		}
	}
	return all
}

// memberSecrets are those of the texts of an object's member. What comes after a
// scheme, such as Bearer, is one by itself.
func memberSecrets(name string, texts []string, value json.RawMessage) (all []string) {
	if len(value) == 0 || value[0] != '"' {
		return texts // judged by the names inside
	}
	for _, text := range texts {
		if saysSecret(name) {
			all = append(all, text)
			if _, rest, ok := strings.Cut(text, " "); ok {
				all = append(all, nonEmpty(strings.TrimSpace(rest))...)
			}
		} else if len(text) >= longSecret && !strings.ContainsAny(text, " \t") {
			all = append(all, text)
		}
	}
	return all
}

func saysSecret(name string) bool {
	name = strings.ToLower(name)
	for _, word := range secretWords {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

func nonEmpty(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}
