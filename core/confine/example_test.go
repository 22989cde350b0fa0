package confine_test

import (
	"fmt"
	"os"
	"strings"

	"github.com/cortexlinux/cortex-host/core/confine"
)

// A program that it does not trust sorts lines: with 256 MiB of memory, no
// network and no files but its own.
func Example() {
	cmd, err := confine.Command(confine.Policy{DataBytes: 256 << 20, NoNetwork: true}, "/bin/sh", "-c", "sort")
	if err != nil {
		fmt.Println(err)
		return
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader("b\na\n"), os.Stdout, os.Stdout
	p, err := confine.Start(cmd)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Wait())
	// Output:
	// a
	// b
	// <nil>
}
