// Command package is a generator: it asks one question about each package,
// and tells the model what this machine has of it.
package main

import (
	"errors"
	"strings"

	"github.com/cortexlinux/cortex-host/sdk/generator"
)

func main() { generator.Main(run) }

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
	os := describeOS(r.Facts.Get("os"))
	for item := range r.Items() {
		name := packageName(item)
		if !isName(name) {
			if len(name) > maxName {
				name = ""
			}
			r.Fail("pkg_"+name, "this is no package name: use one name an item, without spaces")
			continue
		}
		facts := item.Facts.Get("package")
		fields := []generator.Field{
			{Name: "package", Text: name},
			{Name: "installed", Text: version(facts, "installed", "not installed")},
			{Name: "candidate", Text: version(facts, "candidate", "none")},
			{Name: "architecture", Text: version(facts, "architecture", "unknown")},
			{Name: "os", Text: os},
		}
		r.Send(generator.Query{ID: "pkg_" + name, Use: use, User: generator.Fill(template, fields...),
			Task: "system_operation", Metadata: fields[:1]})
	}
	return nil
}

// packageName returns the item's text, or its member "package" or "name".
func packageName(item generator.Item) string {
	if !item.IsObject() {
		return strings.Trim(item.Text(), " \t\r\n")
	}
	for _, member := range []string{"package", "name"} {
		if v := item.Get(member); strings.HasPrefix(string(v), `"`) && v.Text() != "" {
			return v.Text()
		}
	}
	return ""
}

const maxName = 200

// isName reports whether a name can be one: 1 to maxName bytes, no spaces, no
// control characters.
func isName(name string) bool {
	for i := range len(name) {
		if name[i] <= ' ' || name[i] == 0x7f {
			return false
		}
	}
	return len(name) >= 1 && len(name) <= maxName
}

// version returns what the facts say, otherwise if they are there without it,
// and "not known" if there are none.
func version(facts generator.Value, name, otherwise string) string {
	if !facts.Exists() {
		return "not known"
	}
	if text := facts.Get(name).Text(); text != "" {
		return text
	}
	return otherwise
}

// describeOS says in a few words what system this is.
func describeOS(os generator.Value) string {
	name := os.Get("name").Text()
	if name == "" {
		return "not known"
	}
	if arch := os.Get("architecture").Text(); arch != "" {
		name += ", " + arch
	}
	return name
}
