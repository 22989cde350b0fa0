package main

import (
	"cmp"
	"context"
	"fmt"
	"text/tabwriter"

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
		Long: `Look at configuration, plugins, keys, generators, confinement, directories, clock
and room, and say what is wrong and how to mend it. Nothing is sent anywhere
unless --online allows to ask the providers' servers for a sign of life; no key
is sent with that.

Exit code 1 if there is a problem; warnings are none.`,
		Example: "  cortex-host doctor\n  cortex-host doctor --online --json",
	}
	asJSON := cmd.Flags().Bool("json", false, "one JSON object a finding")
	online := cmd.Flags().Bool("online", false, "see whether each provider's servers answer, and compare clocks with them")
	path := cmd.Flags().String("config", "", "read this configuration `FILE`")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		found := a.examine(cmd.Context(), cmp.Or(*path, a.lookup("CORTEX_CONFIG")), *online)
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
			fmt.Fprintf(w, "%s\t%s\t%s\n", d.Status, format.Inline(d.Name), format.Inline(d.Detail))
			if d.Mend != "" {
				fmt.Fprintf(w, "\t\t-> %s\n", format.Inline(d.Mend))
			}
		}
		if err := outputError(w.Flush()); err != nil {
			return err
		}
		if sick > 0 {
			return &failure{fmt.Errorf("the doctor found %s", countOf(sick, "problem")), "the arrows above say how to mend what is wrong", exitFatal}
		}
		return nil
	}
	return cmd
}

// examine looks at everything.
func (a *app) examine(ctx context.Context, path string, online bool) []diagnosis {
	c, err := config.Load(config.Sources{Path: path, Dir: ".", UserDir: a.configDir(), Env: a.env})
	found := []diagnosis{configDiagnosis(c, err)}
	if c == nil {
		c = &config.Config{}
	}
	found = append(found, a.examineProviders(ctx, c, online)...)
	found = append(found, a.examineStore()...)
	found = append(found, a.examineConfinement(ctx, c)...)
	found = append(found, a.examineInstances(ctx, c, online)...)
	found = append(found, a.examineGenerators(ctx, c)...)
	found = append(found, a.examineDirs()...)
	found = append(found, a.examineRuns(ctx)...)
	return append(found, a.examineMachine()...)
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

// countOf says how many there are of something.
func countOf(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
