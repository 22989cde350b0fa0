// Command generate writes prices.json from the npm package
// @pydantic/genai-prices (MIT license). It needs npm and node.
//
//	go run ./core/price/internal/generate -o core/price/prices.json
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const source = "@pydantic/genai-prices"

// vendors are those whose prices are taken.
var vendors = []string{"anthropic", "aws", "azure", "cerebras", "cohere", "deepseek", "fireworks", "google", "groq",
	"mistral", "moonshotai", "openai", "openrouter", "perplexity", "together", "x-ai", "zai"}

// script prints the package's data of the vendors that it gets as arguments.
const script = `import { findProvider } from "./package/dist/index.js";
const out = process.argv.slice(2).map((id) => findProvider({ providerId: id })).filter(Boolean);
console.log(JSON.stringify(out));
`

// kept are the prices of tokens and calls; what is charged for audio, images
// and searches is not a matter of text.
var kept = map[string]string{
	"input_mtok": "input", "output_mtok": "output", "cache_read_mtok": "cache_read", "cache_write_mtok": "cache_write",
	"cache_write_1h_mtok": "cache_write_1h", "output_reasoning_mtok": "reasoning", "requests_kcount": "per_1000_requests",
}

type provider struct {
	ID         string   `json:"id"`
	APIPattern string   `json:"api_pattern"`
	Fallbacks  []string `json:"fallback_model_providers,omitempty"`
	Models     []model  `json:"models"`
}

type model struct {
	ID      string          `json:"id"`
	Match   json.RawMessage `json:"match"`
	Context int64           `json:"context_window,omitempty"`
	Prices  json.RawMessage `json:"prices"`
}

type conditional struct {
	Constraint *struct {
		Type      string `json:"type"`
		StartDate string `json:"start_date,omitempty"`
	} `json:"constraint,omitempty"`
	Prices map[string]json.RawMessage `json:"prices"`
}

// period is what a model costs from a date on.
type period struct {
	From   string                     `json:"from,omitempty"`
	Hourly bool                       `json:"hourly,omitempty"`
	Prices map[string]json.RawMessage `json:"prices"`
}

func main() {
	output := flag.String("o", "prices.json", "the file to write")
	version := flag.String("version", "latest", "the version of "+source)
	flag.Parse()
	if err := generate(*output, *version); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func generate(output, version string) error {
	dir, err := os.MkdirTemp("", "prices")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	archive, err := run(dir, "npm", "pack", "--silent", source+"@"+version)
	if err != nil {
		return err
	}
	name := strings.TrimSpace(string(archive))
	if _, err := run(dir, "tar", "xzf", name); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "dump.mjs"), []byte(script), 0o600); err != nil {
		return err
	}
	dump, err := run(dir, "node", append([]string{"dump.mjs"}, vendors...)...)
	if err != nil {
		return err
	}
	var list []provider
	if err := json.Unmarshal(dump, &list); err != nil {
		return fmt.Errorf("data of %s: %w", name, err)
	}
	for i := range list {
		if err := list[i].simplify(); err != nil {
			return err
		}
	}
	data, err := json.Marshal(map[string]any{
		"source": "npm " + source + " " + strings.TrimSuffix(strings.TrimPrefix(name, "pydantic-genai-prices-"), ".tgz") + " (MIT), US dollars per million tokens",
		"date":   time.Now().UTC().Format(time.DateOnly), "vendors": list,
	})
	if err != nil {
		return err
	}
	return os.WriteFile(output, append(data, '\n'), 0o644)
}

// simplify brings every price into the form of a list of periods.
func (p *provider) simplify() error {
	var models []model
	for _, m := range p.Models {
		var list []conditional
		if m.Prices[0] == '{' {
			list = make([]conditional, 1)
			if err := json.Unmarshal(m.Prices, &list[0].Prices); err != nil {
				return fmt.Errorf("%s %s: %w", p.ID, m.ID, err)
			}
		} else if err := json.Unmarshal(m.Prices, &list); err != nil {
			return fmt.Errorf("%s %s: %w", p.ID, m.ID, err)
		}
		var periods []period
		for _, c := range list {
			out := period{Prices: map[string]json.RawMessage{}}
			if c.Constraint != nil {
				out.From, out.Hourly = c.Constraint.StartDate, c.Constraint.Type == "time_of_date"
			}
			for from, to := range kept {
				if raw, ok := c.Prices[from]; ok {
					out.Prices[to] = raw
				}
			}
			if len(out.Prices) > 0 {
				periods = append(periods, out)
			}
		}
		if len(periods) == 0 {
			continue
		}
		raw, err := json.Marshal(periods)
		if err != nil {
			return err
		}
		m.Prices = raw
		models = append(models, m)
	}
	p.Models = models
	return nil
}

func run(dir, name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", strings.Join(cmd.Args[:min(3, len(cmd.Args))], " "), err)
	}
	return out, nil
}
