// Command hardware is a generator: it asks one question about each part of
// the machine, and tells the model the facts that concern that part.
package main

import (
	"errors"
	"strings"

	"github.com/cortexlinux/cortex-host/sdk/generator"
)

func main() { generator.Main(run) }

// A part is a kind of hardware.
type part struct {
	name    string // as people write it
	aliases string // in small letters, separated by spaces
	facts   string // the fact that concerns it
	render  func(generator.Value) string
}

var parts = []part{
	{"GPU", "gpu gpus graphics video vga accelerator", "gpu", renderGPU},
	{"CPU", "cpu cpus processor processors", "cpu", renderCPU},
	{"RAM", "ram memory mem swap", "memory", renderMemory},
	{"Storage", "storage disk disks ssd hdd nvme filesystem filesystems", "disk", renderDisk},
	{"Network", "network net nic nics ethernet wifi lan", "network", renderNetwork},
}

func run(r *generator.Run) error {
	template, system := r.Params.Get("template").Text(), r.Params.Get("system").Text()
	if template == "" {
		return errors.New(`the parameter "template" is empty`)
	}
	use := ""
	if system != "" {
		use = "system"
		r.Prompt(use, system)
	}
	some := false
	for item := range r.Items() {
		some = true
		name := strings.TrimSpace(item.Text())
		if item.IsObject() {
			name = strings.TrimSpace(item.Get("name").Text())
		}
		if name == "" || len(name) > 200 || strings.ContainsAny(name, "\r\n") {
			r.Fail("hw_", "this is no name of hardware: use one such as CPU, RAM or Storage")
			continue
		}
		ask(r, template, use, name)
	}
	if !some {
		for _, p := range parts {
			ask(r, template, use, p.name)
		}
	}
	return nil
}

func ask(r *generator.Run, template, use, name string) {
	question := generator.Fill(template,
		generator.Field{Name: "hardware", Text: name},
		generator.Field{Name: "facts", Text: factsOf(r.Facts, name)},
		generator.Field{Name: "os", Text: describeOS(r.Facts.Get("os"))})
	r.Send(generator.Query{ID: "hw_" + strings.ToLower(name), Use: use, User: question,
		Task: "configuration", Metadata: []generator.Field{{Name: "hardware_type", Text: name}}})
}

// factsOf renders the facts that concern a part, and nothing else.
func factsOf(facts generator.Value, name string) string {
	for _, p := range parts {
		for alias := range strings.FieldsSeq(p.aliases) {
			if alias != strings.ToLower(name) {
				continue
			}
			if fact := facts.Get(p.facts); fact.Exists() {
				return p.render(fact)
			}
			return "Nothing is known of it."
		}
	}
	return "Nothing is known of it."
}

func describeOS(os generator.Value) string {
	name := os.Get("name").Text()
	if name == "" {
		return "not known"
	}
	for _, member := range []string{"kernel", "architecture", "virtualization"} {
		if text := os.Get(member).Text(); text != "" {
			name += ", " + member + " " + text
		}
	}
	return name
}
