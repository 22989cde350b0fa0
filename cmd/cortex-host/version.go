package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/cortexlinux/cortex-host/core/wasm"
)

func newVersionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", GroupID: groupLook, Args: cobra.NoArgs,
		Example: "  cortex-host version",
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(a.stdout, "cortex-host %s (%s/%s, %s, generator ABI %d)\n",
				version, runtime.GOOS, runtime.GOARCH, runtime.Version(), wasm.ABI)
			return outputError(err)
		},
	}
}
