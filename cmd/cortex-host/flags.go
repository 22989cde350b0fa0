package main

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cortexlinux/cortex-host/core/config"
)

// settings are the flags of one command that are settings as well: they can
// also come from the file and the environment.
type settings struct {
	a       *app
	flags   *pflag.FlagSet
	names   []string
	path    string
	profile string
}

// settingFlags adds a flag for each of the named settings.
func settingFlags(a *app, cmd *cobra.Command, names ...string) *settings {
	s := &settings{a: a, flags: cmd.Flags(), names: names}
	for _, k := range config.Keys() {
		for _, name := range names {
			if k.Name == name {
				addFlag(s.flags, k)
			}
		}
	}
	s.flags.StringVar(&s.path, "config", "", "read this configuration `FILE`")
	s.flags.StringVar(&s.profile, "profile", "", "lay this `PROFILE` of the file over it")
	return s
}

// addFlag adds one flag. Its value stays a text: the configuration reads it by
// the same rules as a line of the file.
func addFlag(flags *pflag.FlagSet, k config.Key) {
	usage := k.Usage
	if k.Default != "" {
		usage += " (default " + k.Default + ")"
	}
	short := ""
	if k.Name == "max_concurrent" {
		short = "j"
	}
	value := &textFlag{form: k.Form}
	flags.VarP(value, k.Flag(), short, usage)
	if k.Form == "true|false" {
		flags.Lookup(k.Flag()).NoOptDefVal = "true"
	}
}

// textFlag is a flag that keeps its text; its type in the help is its form.
type textFlag struct{ text, form string }

func (f *textFlag) String() string     { return f.text }
func (f *textFlag) Set(s string) error { f.text = s; return nil }
func (f *textFlag) Type() string       { return f.form }

// limitFlag is a number of queries. None and fewer are refused: 0 stands for no
// limit where nobody gave one, and who gives it means something else.
type limitFlag struct{ n *int64 }

func (f limitFlag) String() string { return "" }
func (f limitFlag) Type() string   { return "N" }

func (f limitFlag) Set(s string) error {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 {
		return errors.New("must be a whole number of at least 1")
	}
	*f.n = n
	return nil
}

// waitFlag is a time that may be none, but not less than that.
type waitFlag struct{ d *time.Duration }

func (f waitFlag) Type() string { return "TIME" }

func (f waitFlag) String() string {
	if f.d == nil || *f.d == 0 {
		return ""
	}
	return f.d.String()
}

func (f waitFlag) Set(s string) error {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return errors.New("must be a time such as 30s, 10m or 720h, and not less than 0s")
	}
	*f.d = d
	return nil
}

// load reads all layers of the configuration.
func (s *settings) load() (*config.Config, error) {
	path, profile := s.path, s.profile
	if path == "" {
		path = s.a.lookup("CORTEX_CONFIG")
	}
	if profile == "" {
		profile = s.a.lookup("CORTEX_PROFILE")
	}
	given := map[string]string{}
	for _, name := range s.names {
		if f := s.flags.Lookup(strings.ReplaceAll(name, "_", "-")); f != nil && f.Changed {
			given[name] = f.Value.String()
		}
	}
	c, err := config.Load(config.Sources{
		Path: path, Dir: ".", UserDir: s.a.configDir(), Profile: profile,
		Env: s.a.env, Flags: given,
	})
	s.a.warnOfVariables(os.Environ())
	if err == nil && slices.Contains(s.names, "log") && c.Log == "-" {
		s.a.noteTo = (&runLog{logger: s.a.logTo(c, s.a.stderr)}).note
	}
	return c, err
}

// warnOfVariables tells of variables that were meant to be settings. Others of
// the same beginning may be those of another program.
func (a *app) warnOfVariables(environ []string) {
	var names []string
	for _, k := range config.Keys() {
		names = append(names, k.Name)
	}
	for _, variable := range environ {
		variable, _, _ = strings.Cut(variable, "=")
		rest, ours := strings.CutPrefix(variable, "CORTEX_")
		name := strings.ToLower(rest)
		if !ours || strings.HasPrefix(rest, "HOST_") || slices.Contains(append(names, "config", "profile"), name) {
			continue
		}
		if near := config.Nearest(name, names); near != "" {
			a.info("warning: %s is no setting; did you mean CORTEX_%s?", variable, strings.ToUpper(near))
		}
	}
}
