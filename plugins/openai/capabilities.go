package main

import (
	"slices"
	"strings"

	"github.com/cortexlinux/cortex-host/sdk"
)

// capabilities are what a model wants to be sent.
type capabilities struct {
	// temperature: it takes one. Reasoning models answer 400 to any but their
	// default, so theirs is left out.
	temperature bool
	// completionTokens: the reply is bounded by max_completion_tokens; else by
	// max_tokens, the older name, which compatible servers know.
	completionTokens bool
	// words: it can't be held to a JSON Schema and is asked for it in words.
	words bool
	// developer: it knows the role by that name; else it is system.
	developer bool
}

var (
	ordinary  = capabilities{temperature: true}
	reasoning = capabilities{completionTokens: true, developer: true}
	kimiK2    = capabilities{words: true} // thinks, takes no sampling parameters, knows the older name
	wordy     = capabilities{temperature: true, words: true}
)

// wordyModels begin the names of models that answer 400 to a JSON Schema:
// OpenAI's before August 2024, DeepSeek's and Moonshot's.
var wordyModels = []string{"gpt-3.5", "gpt-4-", "gpt-4o-2024-05-13", "deepseek-", "kimi-", "moonshot-"}

// capabilitiesOf goes by the model's name: OpenAI's reasoning models, also when
// a gateway puts a vendor before it (openai/o3), Moonshot's, and ordinary ones.
func capabilitiesOf(model string) capabilities {
	name := strings.ToLower(model[strings.LastIndexByte(model, '/')+1:])
	if version, ok := strings.CutPrefix(name, "gpt-"); ok && version != "" && '5' <= version[0] && version[0] <= '9' {
		if strings.Contains(version, "chat") {
			return capabilities{temperature: true, completionTokens: true, developer: true}
		}
		return reasoning
	}
	// o1, o3-mini, o4-mini-2025-04-16, but not olmo or o200k.
	if len(name) >= 2 && name[0] == 'o' && '0' < name[1] && name[1] <= '9' && (len(name) == 2 || name[2] == '-') {
		return reasoning
	}
	if strings.HasPrefix(name, "kimi-k2.") || strings.HasPrefix(name, "kimi-k3") {
		return kimiK2
	}
	if name == "gpt-4" || slices.ContainsFunc(wordyModels, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
		return wordy
	}
	return ordinary
}

func (c capabilities) role(r sdk.Role) string {
	if r == sdk.Developer && !c.developer {
		r = sdk.System
	}
	return string(r)
}
