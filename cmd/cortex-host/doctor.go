package main

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/cortexlinux/cortex-host/core/config"
	"github.com/cortexlinux/cortex-host/core/format"
)

// The outcomes of one of the doctor's looks.
const (
	healthy = "ok"
	warning = "warning"
	ill     = "problem"
)

// A diagnosis is what the doctor found out about one thing.
type diagnosis struct {
	Name   string `json:"name"`
	Status string `json:"status"`
	Detail string `json:"detail"`
	// Mend says what to do.
	Mend string `json:"mend,omitempty"`
}

func newDoctorCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "doctor", Short: "Look for what is wrong, and say how to mend it", GroupID: groupLook, Args: cobra.NoArgs,
		Long: `Look at plugins, keys, generators, confinement, configuration and directories,
and say what is wrong and how to mend it. Nothing is sent anywhere unless
--online allows to open a connection to the providers' servers.

Exit code 1 if there is a problem.`,
		Example: "  cortex-host doctor\n  cortex-host doctor --online --json",
	}
	asJSON := cmd.Flags().Bool("json", false, "one JSON object a finding")
	online := cmd.Flags().Bool("online", false, "open a connection to each provider's servers")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		found := a.examine(cmd.Context(), *online)
		sick := 0
		w := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', 0)
		for _, d := range found {
			if d.Status == ill {
				sick++
			}
			if *asJSON {
				if err := a.printJSON(d); err != nil {
					return err
				}
				continue
			}
			fmt.Fprintf(w, "%s\t%s\t%s\n", d.Status, d.Name, format.Inline(d.Detail))
			if d.Mend != "" {
				fmt.Fprintf(w, "\t\t-> %s\n", format.Inline(d.Mend))
			}
		}
		if err := outputError(w.Flush()); err != nil {
			return err
		}
		if sick > 0 {
			return &failure{fmt.Errorf("the doctor found %d problems", sick), "the arrows above say how to mend them", exitFatal}
		}
		return nil
	}
	return cmd
}

// examine looks at everything.
func (a *app) examine(ctx context.Context, online bool) []diagnosis {
	c, err := config.Load(config.Sources{Path: a.lookup("CORTEX_CONFIG"), Dir: ".", UserDir: a.configDir(), Env: a.env})
	found := []diagnosis{configDiagnosis(c, err)}
	if c == nil {
		c = &config.Config{}
	}
	found = append(found, a.examineProviders(ctx, c, online)...)
	found = append(found, a.examineGenerators(ctx, c)...)
	return append(found, a.examineDirs()...)
}

func configDiagnosis(c *config.Config, err error) diagnosis {
	switch {
	case err != nil:
		return diagnosis{"configuration", ill, err.Error(), hintOf(err)}
	case c.File == "":
		return diagnosis{"configuration", healthy, "no file; defaults and CORTEX_* variables", ""}
	}
	return diagnosis{"configuration", healthy, c.File, ""}
}

func (a *app) examineProviders(ctx context.Context, c *config.Config, online bool) []diagnosis {
	all, err := a.newCatalog(c.Providers).all(ctx)
	if err != nil {
		return []diagnosis{{"plugins", ill, err.Error(), ""}}
	}
	if len(all) == 0 {
		return []diagnosis{{"plugins", ill, "none were found in " + strings.Join(a.pluginDirs(), ", "), "`make build` builds them; " + envPluginPath + " adds a directory"}}
	}
	var found []diagnosis
	for _, o := range all {
		d := diagnosis{"provider " + o.name, healthy, o.about.Version + ", " + o.keyState(a.env), ""}
		if o.preset == nil {
			if hash, err := o.plugin.Hash(); err == nil {
				d.Detail += ", sha256 " + hash[:12] + ", " + o.plugin.Path
			}
		}
		found = append(found, d)
		if o.name == ollamaPreset {
			state := "does not run on this machine"
			if a.answers(ctx, &o) {
				state = "runs on this machine"
			}
			found = append(found, diagnosis{"ollama server", healthy, state, ""})
		}
		if online && o.preset == nil {
			for _, host := range o.about.EgressHosts {
				found = append(found, reach(ctx, host))
			}
		}
	}
	return found
}

// reach opens a connection to a provider's server and closes it.
func reach(ctx context.Context, host string) diagnosis {
	if u, err := url.Parse(host); err == nil && u.Host != "" {
		host = u.Host
	}
	if !strings.Contains(host, ":") {
		host += ":443"
	}
	dialer := net.Dialer{Timeout: 5 * time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", host)
	if err != nil {
		return diagnosis{"reach " + host, warning, err.Error(), "check the network, and HTTPS_PROXY if there is a proxy"}
	}
	conn.Close()
	return diagnosis{"reach " + host, healthy, "connected", ""}
}

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
		return append(found, diagnosis{"confinement", ill, err.Error(), ""})
	}
	contained, err := runner.Containment(ctx)
	if err != nil {
		return append(found, diagnosis{"confinement", ill, err.Error(), "generators cannot run on this machine"})
	}
	for _, m := range contained.Report.Measures {
		d := diagnosis{"confinement " + m.Name, healthy, "enforced: " + m.Detail, ""}
		if !m.Enforced {
			d.Status, d.Detail, d.Mend = warning, "not enforced: "+m.Detail, "this kernel does not offer it; a newer one may"
		}
		found = append(found, d)
	}
	for _, p := range contained.Probe {
		if !p.Denied {
			found = append(found, diagnosis{"confinement probe " + p.Name, warning, "a generator's process could do it: " + p.Detail, "run a kernel with Landlock and seccomp"})
		}
	}
	return found
}

// examineDirs looks at this program's own directories.
func (a *app) examineDirs() []diagnosis {
	var found []diagnosis
	state := a.xdg("XDG_STATE_HOME", ".local/state")
	for _, d := range []struct{ name, path string }{{"cache", a.cacheDir()}, {"runs", filepath.Join(state, "runs")}} {
		if d.path == "" || state == "" {
			found = append(found, diagnosis{d.name, ill, "there is no directory for it", "set HOME"})
			continue
		}
		info, err := os.Stat(d.path)
		switch {
		case os.IsNotExist(err):
			found = append(found, diagnosis{d.name, healthy, d.path + " (not there yet)", ""})
		case err != nil:
			found = append(found, diagnosis{d.name, ill, err.Error(), ""})
		case info.Mode().Perm()&0o022 != 0:
			found = append(found, diagnosis{d.name, ill, d.path + " can be written by others", "chmod go-w " + d.path})
		default:
			found = append(found, diagnosis{d.name, healthy, fmt.Sprintf("%s, %.1f MB", d.path, float64(sizeOf(d.path))/1e6), ""})
		}
	}
	return found
}

// sizeOf adds up the files of a directory.
func sizeOf(dir string) (size int64) {
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil // what cannot be read is not counted
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return nil
	})
	return size
}
