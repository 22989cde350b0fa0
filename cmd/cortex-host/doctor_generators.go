package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/cortexlinux/cortex-host/core/config"
)

func (a *app) examineGenerators(ctx context.Context, c *config.Config) []diagnosis {
	var found []diagnosis
	paths := a.generatorPaths()
	if len(paths) == 0 {
		found = append(found, diagnosis{"generators", ill, "none were found in " + strings.Join(a.generatorDirs(), ", "), "`make build` builds them; " + envGeneratorPath + " adds a directory"})
	}
	for _, path := range paths {
		m, err := a.openGenerator(path)
		if err != nil {
			found = append(found, diagnosis{"generator " + filepath.Base(path), ill, err.Error(), "remove or rebuild " + path})
			continue
		}
		found = append(found, diagnosis{"generator " + m.Name(), healthy, m.Manifest.Version + ", sha256 " + m.SHA256[:12] + ", " + path, ""})
	}
	runner, err := a.newRunner(c)
	if err != nil {
		return append(found, diagnosis{"confinement", ill, err.Error(), "set HOME or XDG_CACHE_HOME"})
	}
	contained, err := runner.Containment(ctx)
	if err != nil {
		return append(found, diagnosis{"confinement", ill, err.Error(), "generators cannot run on this machine"})
	}
	for _, m := range contained.Report.Measures {
		d := diagnosis{"confinement " + m.Name, healthy, strings.TrimSuffix("enforced: "+m.Detail, ": "), ""}
		if !m.Enforced {
			d.Status, d.Detail, d.Mend = warning, "not enforced: "+m.Detail, "this kernel does not offer it; a newer one may"
		}
		found = append(found, d)
	}
	if contained.Complete() {
		found = append(found, diagnosis{"confinement probe", healthy, fmt.Sprintf("a generator's process tried %d forbidden things, and each was denied", len(contained.Probe)), ""})
	}
	for _, p := range contained.Probe {
		if !p.Denied {
			found = append(found, diagnosis{"confinement probe " + p.Name, warning, "a generator's process could do it: " + p.Detail, "run a kernel with Landlock and seccomp"})
		}
	}
	return found
}
