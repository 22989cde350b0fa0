// Command error is a generator: it asks one question about each error. Items
// are objects with "id" and "message", entries of the systemd journal
// (journalctl -o json), or lines of any log. Lines and entries that differ in
// nothing but numbers are one question, with their count.
package main

import (
	"errors"
	"strconv"

	"github.com/cortexlinux/cortex-host/sdk/generator"
)

func main() { generator.Main(run) }

func run(r *generator.Run) error {
	a := asker{run: r, template: r.Params.Get("template").Text(), os: describeOS(r.Facts.Get("os"))}
	if a.template == "" {
		return errors.New(`the parameter "template" is empty`)
	}
	if system := r.Params.Get("system").Text(); system != "" {
		r.Prompt("system", system)
		a.use = "system"
	}
	most, err := strconv.Atoi(r.Params.Get("max_groups").Text())
	if err != nil {
		most = 10000
	}
	groups, grouping := newGroups(most), r.Params.Get("group") != "false"
	for item := range r.Items() {
		if item.Get("id").Exists() {
			a.named(item)
			continue
		}
		e, ok := readEntry(item)
		switch {
		case !ok: // an empty line
		case grouping:
			groups.add(e)
		default:
			a.ask(e.id(), e)
		}
	}
	for _, e := range groups.list {
		a.ask(e.id(), *e)
	}
	if groups.left > 0 {
		r.Fail("err_left_out", strconv.Itoa(groups.left)+" lines after the first "+strconv.Itoa(groups.max)+
			" different errors were left out: narrow the input, or raise the parameter max_groups")
	}
	return nil
}

// An asker makes the questions.
type asker struct {
	run               *generator.Run
	template, use, os string
}

// named asks about an item that has an id of its own: it is never grouped.
func (a *asker) named(item generator.Item) {
	id, message := item.Get("id").Text(), item.Get("message").Text()
	if id == "" || len(id) > 400 || message == "" {
		a.run.Fail("err_"+clip(id, 400), `an error needs an "id" of at most 400 bytes and a "message"`)
		return
	}
	a.ask("err_"+id, entry{message: message, source: item.Get("source").Text(), count: 1})
}

func (a *asker) ask(id string, e entry) {
	message := clip(e.message, 16<<10)
	count, seen := strconv.Itoa(e.count), "once"
	if e.count > 1 {
		seen = count + " times, alike but for numbers"
	}
	source := e.source
	if source == "" {
		source = "not known"
	}
	question := generator.Fill(a.template,
		generator.Field{Name: "message", Text: message}, generator.Field{Name: "error", Text: message},
		generator.Field{Name: "source", Text: source}, generator.Field{Name: "count", Text: count},
		generator.Field{Name: "seen", Text: seen}, generator.Field{Name: "os", Text: a.os})
	q := generator.Query{ID: id, Use: a.use, User: question, Task: "error_debugging",
		Metadata: []generator.Field{{Name: "original_error", Text: message}}}
	if e.source != "" {
		q.Metadata = append(q.Metadata, generator.Field{Name: "source", Text: e.source})
	}
	if e.count > 1 {
		q.Metadata = append(q.Metadata, generator.Field{Name: "count", Text: count})
	}
	a.run.Send(q)
}

// clip shortens a text to n bytes at most, between characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + " [...]"
}

// describeOS says what system this is: the kernel says half of all errors.
func describeOS(os generator.Value) string {
	name := os.Get("name").Text()
	if name == "" {
		return "not known"
	}
	if kernel := os.Get("kernel").Text(); kernel != "" {
		name += ", kernel " + kernel
	}
	if arch := os.Get("architecture").Text(); arch != "" {
		name += ", " + arch
	}
	if virtual := os.Get("virtualization").Text(); virtual != "" {
		name += ", virtualization " + virtual
	}
	return name
}
