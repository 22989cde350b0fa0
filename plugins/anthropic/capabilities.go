package main

import (
	"strconv"
	"strings"
)

// capabilities are what a model wants to be sent.
type capabilities struct {
	// temperature: it takes one. Models since 4.7 answer 400 to it, so theirs
	// is left out.
	temperature bool
	// formats: it can be held to a JSON Schema. The others are asked in words.
	formats bool
	// maxTokens is the bound on a reply if nobody sets one.
	maxTokens int
}

// capabilitiesOf goes by the model's name. A name that tells no version is
// taken for a new model: new ones refuse what old ones merely ignore.
func capabilitiesOf(model string) capabilities {
	major, minor := versionOf(model)
	switch {
	case major == 3 && minor < 5:
		return capabilities{temperature: true, maxTokens: 4096}
	case major == 3, major == 4 && minor < 1:
		return capabilities{temperature: true, maxTokens: 8192}
	case major == 4 && minor < 7:
		return capabilities{temperature: true, formats: minor >= 5 || strings.Contains(model, "opus"), maxTokens: 8192}
	}
	return capabilities{formats: true, maxTokens: 8192}
}

// versionOf finds the version in names such as claude-3-5-sonnet-20241022,
// claude-sonnet-4-20250514 (4.0), claude-haiku-4-5 and claude-opus-5.
func versionOf(model string) (major, minor int) {
	found := false
	for part := range strings.SplitSeq(model[strings.LastIndexByte(model, '/')+1:], "-") {
		n, err := strconv.Atoi(part)
		switch {
		case err != nil || n < 0 || n > 99: // a word, or a date
			if found {
				return major, minor
			}
		case !found:
			major, found = n, true
		default:
			return major, n
		}
	}
	return major, minor
}
