package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/cortexlinux/cortex-host/core/config"
)

// onlineTime bounds each of the doctor's looks at the network.
const onlineTime = 5 * time.Second

func (a *app) examineProviders(ctx context.Context, c *config.Config, online bool) []diagnosis {
	all, err := a.newCatalog(c.Providers).all(ctx)
	if err != nil {
		return []diagnosis{{"plugins", ill, err.Error(), "remove or rebuild what cannot be read"}}
	}
	if len(all) == 0 {
		return []diagnosis{{"plugins", ill, "none were found in " + strings.Join(a.pluginDirs(), ", "), "`make build` builds them; " + envPluginPath + " adds a directory"}}
	}
	var found []diagnosis
	var hosts []string
	for _, o := range all {
		d := diagnosis{"provider " + o.name, healthy, o.about.Version + ", " + o.keyState(a.env), ""}
		if o.preset == nil {
			if image, err := o.plugin.Load(); err != nil {
				d.Status, d.Mend = ill, "`cortex-host provider verify` looks at all plugins"
				d.Detail = err.Error()
			} else {
				d.Detail += ", sha256 " + image.SHA256[:12] + ", " + vouched(o.plugin.Pin) + ", " + o.plugin.Path
				image.Close()
			}
			if online {
				hosts = append(hosts, o.about.EgressHosts...)
			}
		}
		found = append(found, d)
		if o.name == ollamaPreset {
			found = append(found, a.examineOllama(ctx, &o))
		}
	}
	return append(found, a.reachAll(ctx, hosts)...)
}

// examineOllama asks the server on this machine, if there is one, for its
// models.
func (a *app) examineOllama(ctx context.Context, o *offer) diagnosis {
	const name = "ollama server"
	settings, err := o.settings(nil, a.env)
	if err != nil {
		return diagnosis{name, warning, err.Error(), "see `cortex-host provider describe ollama`"}
	}
	if !o.local(settings) {
		return diagnosis{name, healthy, "is on another machine", ""}
	}
	models, err := ollamaModels(ctx, settings)
	if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
		return diagnosis{name, healthy, "does not run on this machine", ""}
	}
	if err != nil {
		return diagnosis{name, warning, "something answers, but not like an Ollama: " + err.Error(), "set OLLAMA_HOST to the server's host:port"}
	}
	if len(models) == 0 {
		return diagnosis{name, warning, "runs on this machine, and has no model", "ollama pull llama3.2"}
	}
	return diagnosis{name, healthy, fmt.Sprintf("runs on this machine with %s: %s", countOf(len(models), "model"), strings.Join(models, ", ")), ""}
}

// reachAll asks all hosts at the same time.
func (a *app) reachAll(ctx context.Context, hosts []string) []diagnosis {
	found := make([]diagnosis, len(hosts))
	var all sync.WaitGroup
	for i, host := range hosts {
		all.Go(func() { found[i] = reach(ctx, host) })
	}
	all.Wait()
	return found
}

// skew is how far clocks may differ before somebody should know.
const skew = 30 * time.Second

// reach asks a server for a sign of life, through a proxy if there is one and
// with its certificate checked, without any key. Whatever it answers is one; it
// also tells the time.
func reach(ctx context.Context, host string) diagnosis {
	name := "reach " + host
	if !strings.Contains(host, "://") {
		host = "https://" + host
	}
	ctx, cancel := context.WithTimeout(ctx, onlineTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, host, nil)
	if err != nil {
		return diagnosis{name, warning, err.Error(), "tell the plugin's author: its egress hosts are wrong"}
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return diagnosis{name, warning, err.Error(), "check the network; HTTPS_PROXY names a proxy, SSL_CERT_FILE a certificate authority"}
	}
	resp.Body.Close()
	if there, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		if off := time.Since(there); off.Abs() > skew {
			return diagnosis{name, warning, fmt.Sprintf("answers, but the clocks differ by %s", off.Round(time.Second)), "set this machine's clock (timedatectl set-ntp true)"}
		}
	}
	return diagnosis{name, healthy, "answers", ""}
}

// examineInstances looks whether the keys of the configuration's providers can
// be found. Commands are not run.
func (a *app) examineInstances(ctx context.Context, c *config.Config, online bool) []diagnosis {
	var found []diagnosis
	cat := a.newCatalog(c.Providers)
	for _, name := range sortedKeys(c.Providers) {
		d := diagnosis{"instance " + name, healthy, "", ""}
		o, err := cat.find(ctx, name)
		if err != nil {
			d.Status, d.Detail, d.Mend = ill, err.Error(), hintOf(err)
			found = append(found, d)
			continue
		}
		if err := o.checkInstance(a.env); err != nil {
			d.Status, d.Detail, d.Mend = ill, err.Error(), hintOf(err)
			found = append(found, d)
			continue
		}
		d.Detail = "plugin " + o.plugin.Name
		for _, k := range o.instance.Keys {
			what, status, mend := a.examineKey(k)
			d.Detail += ", " + what
			if status != healthy {
				d.Status, d.Mend = status, mend
			}
		}
		found = append(found, d)
		if base, ok := o.instance.Settings[baseURL].(string); ok && online {
			found = append(found, reach(ctx, base))
		}
	}
	return found
}

func (a *app) examineKey(k config.Credential) (what, status, mend string) {
	switch {
	case k.Env != "":
		if a.lookup(k.Env) == "" {
			return k.Env + " is not set", ill, "export " + k.Env + "=..."
		}
		return k.Env + " is set", healthy, ""
	case k.File != "":
		info, err := os.Stat(k.File)
		if err != nil {
			return err.Error(), ill, "put the key into " + k.File + ", mode 0600"
		}
		if info.Mode().Perm()&0o077 != 0 {
			return k.File + " can be read by others", ill, "chmod 600 " + k.File
		}
		return k.File + " is there", healthy, ""
	}
	if _, err := exec.LookPath(k.Command[0]); err != nil {
		return err.Error(), ill, "install " + k.Command[0] + ", or give its path"
	}
	return "command " + k.Command[0], healthy, ""
}
