package main

import (
	"context"
	"strings"

	"github.com/cortexlinux/cortex-host/core/config"
	"github.com/cortexlinux/cortex-host/core/confine"
	"github.com/cortexlinux/cortex-host/core/process"
	"github.com/cortexlinux/cortex-host/core/store"
)

// examineStore looks for plugins that are there and must not run.
func (a *app) examineStore() []diagnosis {
	s, err := a.store()
	if err != nil {
		return []diagnosis{{"plugins", ill, err.Error(), hintOf(err)}}
	}
	_, refused, err := s.List()
	if err != nil {
		return []diagnosis{{"plugins", ill, err.Error(), "remove or rebuild what cannot be read"}}
	}
	var found []diagnosis
	for _, why := range refused {
		found = append(found, diagnosis{"plugin refused", ill, why.Error(), "`cortex-host provider verify` looks at all plugins"})
	}
	return found
}

// openByDesign are what plugins need for their work, or what only the newest
// kernels can take away from them: it is told, and is no fault of this machine.
var openByDesign = map[string]string{
	"egress":      "plugins can open connections to any server; the hosts that they declare are shown, not enforced",
	"unix_socket": "plugins can connect to those Unix sockets of this user whose paths they know, such as the desktop's; those of runs and of other plugins they do not. Linux 7.1 (Landlock 9) prevents it",
}

// examineConfinement lets a process that is confined like a plugin try what it
// must not be able to do.
func (a *app) examineConfinement(ctx context.Context, c *config.Config) []diagnosis {
	if c.PluginConfinement == process.ConfineOff {
		return []diagnosis{{"plugin confinement", warning, "off, says " + c.Origin("plugin_confinement"), "remove plugin_confinement"}}
	}
	_ = confine.HideSelf() // as a run does
	contained, err := process.Contain(ctx, process.Config{Confinement: c.PluginConfinement})
	if err != nil {
		return []diagnosis{{"plugin confinement", warning, err.Error(), "run providers that you trust only"}}
	}
	var found []diagnosis
	for _, m := range contained.Report.Measures {
		if m.Name == "unix_sockets" && m.Missing {
			continue // its probe tells
		}
		d := diagnosis{"plugin confinement " + m.Name, healthy, strings.TrimSuffix("enforced: "+m.Detail, ": "), ""}
		if !m.Enforced {
			d.Status, d.Detail, d.Mend = warning, "not enforced: "+m.Detail, "a newer kernel may offer it; until then run providers that you trust only"
		}
		found = append(found, d)
	}
	var denied []string
	for _, p := range contained.Probe {
		switch note, open := openByDesign[p.Name]; {
		case p.Denied:
			denied = append(denied, p.Name)
		case open:
			found = append(found, diagnosis{"plugin probe " + p.Name, healthy, "not enforced: " + note, ""})
		default:
			found = append(found, diagnosis{"plugin probe " + p.Name, warning, "a plugin's process could do it: " + p.Detail, "run a kernel with Landlock (5.13, for signals 6.12)"})
		}
	}
	return append(found, diagnosis{"plugin probe", healthy, "tried and denied: " + strings.Join(denied, ", "), ""})
}

// vouched says what vouches for a plugin, for people.
func vouched(p store.Pin) string {
	switch p.By {
	case store.ByBuild:
		return "pinned by this build"
	case store.ByLock:
		return "pinned by the lock file"
	case store.ByOverride:
		return "NOT VERIFIED (development override)"
	}
	return "not verified"
}
