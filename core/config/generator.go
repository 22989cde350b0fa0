package config

import (
	"fmt"
	"slices"
	"strings"
)

// GeneratorAllow is what the queries of a generator may choose for themselves:
// what the operator named, and nothing else.
type GeneratorAllow struct {
	// Providers, Models and Options are names.
	Providers, Models, Options []string
	// ImageURLs permits images by http(s) address.
	ImageURLs bool
}

var factNames = []string{"os", "package", "cpu", "memory", "disk", "gpu", "network"}

// setGeneratorFacts reads a list of facts, "all" or "none".
func setGeneratorFacts(c *Config, s string) error {
	switch strings.TrimSpace(s) {
	case "all":
		c.GeneratorFacts = nil
		return nil
	case "none":
		c.GeneratorFacts = []string{}
		return nil
	}
	list := []string{}
	for name := range strings.SplitSeq(s, ",") {
		if name = strings.TrimSpace(name); !slices.Contains(factNames, name) {
			return fmt.Errorf("must be all, none, or some of %s, separated by commas, not %q", strings.Join(factNames, ", "), name)
		}
		list = append(list, name)
	}
	c.GeneratorFacts = list
	return nil
}

// setGeneratorAllow reads a list such as model=gpt-5,option=seed,image-urls.
func setGeneratorAllow(c *Config, s string) error {
	var allow GeneratorAllow
	for entry := range strings.SplitSeq(s, ",") {
		kind, name, _ := strings.Cut(strings.TrimSpace(entry), "=")
		switch {
		case kind == "provider" && name != "":
			allow.Providers = append(allow.Providers, name)
		case kind == "model" && name != "":
			allow.Models = append(allow.Models, name)
		case kind == "option" && name != "":
			allow.Options = append(allow.Options, name)
		case kind == "image-urls" && name == "":
			allow.ImageURLs = true
		default:
			return fmt.Errorf("must be a list of provider=NAME, model=NAME, option=NAME and image-urls, separated by commas, not %q", entry)
		}
	}
	c.GeneratorAllow = allow
	return nil
}
