package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const (
	helpAllName = "help-all"
	// manyFlags is from how many flags on --help shows the common ones only, so
	// that it fits a screen.
	manyFlags = 14
	helpWidth = 80
)

// A flagSection is a heading of --help-all. The common flags are in --help too.
type flagSection struct {
	title        string
	common, rest []string
}

// flagSections are the headings of commands with many flags. A flag that is in
// none comes last.
var flagSections = []flagSection{
	{"Whom to ask", []string{"provider", "model"}, []string{"base-url", "temperature", "max-tokens", "priority"}},
	{"What to ask", []string{"input", "param", "prompt"}, []string{"preset", "seed", "system", "input-format", "id-column", "limit",
		"keep-going", "no-preflight", "generator-timeout"}},
	{"Results", []string{"output", "format", "report"}, []string{"errors", "force", "summary", "fail-on"}},
	{"Limits", []string{"max-concurrent", "requests-per-second"}, []string{"burst", "tokens-per-minute", "share", "timeout", "deadline"}},
	{"Money", []string{"max-cost", "dry-run"}, []string{"max-total-tokens", "price", "price-file", "yes"}},
	{"Failures", nil, []string{"retry-failed", "max-retries", "abort-after"}},
	{"Going on", []string{"resume"}, []string{"failed", "degraded", "new-run", "sync", "drain"}},
	{"What is shown", []string{"progress"}, []string{"quiet", "verbose", "metrics", "control", "log", "log-format", "log-content"}},
	{"Configuration", nil, []string{"config", "profile", helpAllName}},
}

// helpAllFlag is --help-all: the same as --help, with every flag.
type helpAllFlag struct{ wanted *bool }

var _ pflag.Value = helpAllFlag{}

func (f helpAllFlag) String() string   { return "" }
func (f helpAllFlag) Type() string     { return "" }
func (f helpAllFlag) IsBoolFlag() bool { return true }

// Set ends the reading of flags like --help does.
func (f helpAllFlag) Set(string) error {
	*f.wanted = true
	return pflag.ErrHelp
}

// addHelp replaces cobra's help by one that fits a screen.
func addHelp(a *app, root *cobra.Command) {
	all := new(bool)
	root.PersistentFlags().Var(helpAllFlag{all}, helpAllName, "help with every flag")
	root.PersistentFlags().Lookup(helpAllName).NoOptDefVal = "true"
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		every := *all || slices.Contains(args, "--"+helpAllName)
		_, a.unsaid = io.WriteString(cmd.OutOrStdout(), helpText(cmd, every))
	})
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if errors.Is(err, pflag.ErrHelp) {
			return pflag.ErrHelp
		}
		return usagef(flagHint(cmd, err), "%w", err)
	})
}

// helpText is the help of one command.
func helpText(cmd *cobra.Command, every bool) string {
	var b strings.Builder
	text := cmd.Long
	if text == "" {
		text = cmd.Short + "."
	}
	b.WriteString(strings.TrimSpace(text) + "\n")
	if cmd.IsAdditionalHelpTopicCommand() {
		return b.String()
	}
	fmt.Fprintf(&b, "\nUsage: %s\n", usageLine(cmd))
	if cmd.HasExample() {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", strings.TrimRight(cmd.Example, "\n"))
	}
	writeCommands(&b, cmd)
	writeFlags(&b, cmd, every)
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n`%s COMMAND --help` tells more of a command.\n", cmd.CommandPath())
	}
	return b.String()
}

func usageLine(cmd *cobra.Command) string {
	if cmd.HasAvailableSubCommands() {
		return cmd.CommandPath() + " COMMAND"
	}
	if cmd.DisableFlagParsing {
		return cmd.CommandPath() + strings.TrimPrefix(cmd.Use, cmd.Name())
	}
	return cmd.UseLine()
}

func writeCommands(b *strings.Builder, cmd *cobra.Command) {
	section := func(title, id string, wanted func(*cobra.Command) bool) {
		headed := false
		for _, sub := range cmd.Commands() {
			if sub.GroupID != id || !wanted(sub) {
				continue
			}
			if !headed {
				fmt.Fprintf(b, "\n%s\n", title)
				headed = true
			}
			fmt.Fprintf(b, "  %-12s %s\n", sub.Name(), sub.Short)
		}
	}
	available := func(sub *cobra.Command) bool { return sub.IsAvailableCommand() }
	for _, g := range cmd.Groups() {
		section(g.Title, g.ID, available)
	}
	section("Commands:", "", available)
	section("Further help:", "", func(sub *cobra.Command) bool { return sub.IsAdditionalHelpTopicCommand() })
}

func writeFlags(b *strings.Builder, cmd *cobra.Command, every bool) {
	var flags []*pflag.Flag
	visit := func(f *pflag.Flag) {
		if !f.Hidden && f.Name != "help" { // whoever reads this knows it
			flags = append(flags, f)
		}
	}
	cmd.LocalFlags().VisitAll(visit)
	if len(flags) <= manyFlags && !every {
		cmd.InheritedFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name != helpAllName {
				visit(f)
			}
		})
		writeFlagList(b, "Flags:", flags)
		return
	}
	cmd.InheritedFlags().VisitAll(visit)
	if !every {
		writeCommonFlags(b, cmd, flags)
		return
	}
	for _, s := range flagSections {
		writeFlagList(b, s.title+":", pick(&flags, slices.Concat(s.common, s.rest)))
	}
	writeFlagList(b, "More:", flags)
}

// writeCommonFlags shows the flags that most people need and counts the rest.
func writeCommonFlags(b *strings.Builder, cmd *cobra.Command, flags []*pflag.Flag) {
	var common []*pflag.Flag
	for _, s := range flagSections {
		common = append(common, pick(&flags, s.common)...)
	}
	b.WriteString("\nFlags that most people need:\n")
	for _, f := range common {
		head, usage := flagHead(f)
		if first, _, long := strings.Cut(head, "|"); long && len(head) > shortHead {
			head = first + "|..."
		}
		fmt.Fprintf(b, "  %-*s  %s\n", shortHead, head, outline(usage))
	}
	fmt.Fprintf(b, "\n%d more: `%s --%s`\n", len(flags), cmd.CommandPath(), helpAllName)
}

// shortHead is the width of flags in the short list.
const shortHead = 32

// outline is the beginning of a usage, without what is bracketed or explained.
func outline(usage string) string {
	for _, end := range []string{" (", ";", ": ", ", such"} {
		usage, _, _ = strings.Cut(usage, end)
	}
	return usage
}

// pick takes the flags of these names out of a list, in the order of the names.
func pick(flags *[]*pflag.Flag, names []string) []*pflag.Flag {
	var picked []*pflag.Flag
	for _, name := range names {
		i := slices.IndexFunc(*flags, func(f *pflag.Flag) bool { return f.Name == name })
		if i >= 0 {
			picked = append(picked, (*flags)[i])
			*flags = slices.Delete(*flags, i, i+1)
		}
	}
	return picked
}

func writeFlagList(b *strings.Builder, title string, flags []*pflag.Flag) {
	if len(flags) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", title)
	heads, widest := make([]string, len(flags)), 0
	usages := make([]string, len(flags))
	for i, f := range flags {
		heads[i], usages[i] = flagHead(f)
		widest = max(widest, len(heads[i]))
	}
	widest = min(widest, 30)
	for i := range flags {
		margin := widest + 4
		lines := fold(usages[i], helpWidth-margin)
		if len(heads[i]) > widest {
			fmt.Fprintf(b, "  %s\n", heads[i])
		} else {
			fmt.Fprintf(b, "  %-*s  %s\n", widest, heads[i], lines[0])
			lines = lines[1:]
		}
		for _, line := range lines {
			fmt.Fprintf(b, "%*s%s\n", margin, "", line)
		}
	}
}

// flagHead is a flag as one types it, and what it is for.
func flagHead(f *pflag.Flag) (head, usage string) {
	value, usage := pflag.UnquoteUsage(f)
	head = "    --" + f.Name
	if f.Shorthand != "" {
		head = "-" + f.Shorthand + ", --" + f.Name
	}
	switch {
	case value != "" && f.NoOptDefVal == "":
		head += " " + value
	case value != "":
		head += "[=false]" // of the settings that are true or false
	}
	switch f.DefValue {
	case "", "false", "0", "[]":
	default:
		usage += " (default " + f.DefValue + ")"
	}
	return head, usage
}

// fold breaks a text into lines of at most width bytes, at spaces.
func fold(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
