// Command mutants shows that the conformance kit guards every mapping of our
// providers: it breaks one at a time - a field's name, a case, a field that is
// filled in, an assignment - and expects the kit to fail, by the name of a check.
// The mappings that all providers share, in httpapi and on the wire, are guarded by tables in
// the same way. Nothing in the work tree is changed.
//
//	go run ./sdk/provider/providertest/internal/mutants                    # all, half an hour
//	go run ./sdk/provider/providertest/internal/mutants plugins/gemini     # one package
//	go run ./sdk/provider/providertest/internal/mutants plugins/gemini 10  # every tenth of it
//	go run ./sdk/provider/providertest/internal/mutants plugins/gemini h.S # lines that hold this
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// A target is a package and the test that guards it.
type target struct {
	dir   string
	test  string
	files []string
}

func main() {
	dir, step, word := "", 1, ""
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	if len(os.Args) > 2 {
		var err error
		if step, err = strconv.Atoi(os.Args[2]); err != nil {
			word = os.Args[2]
		}
	}
	survivors := 0
	for _, t := range targets {
		if dir != "" && t.dir != dir {
			continue
		}
		n, err := t.run(max(1, step), word)
		if err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(1)
		}
		survivors += n
	}
	if survivors > 0 {
		fmt.Fprintf(os.Stderr, "error: %d broken mappings were not noticed\n", survivors)
		os.Exit(1)
	}
}

// run tries every step-th mutant of a package, of the lines that hold a word, and
// returns how many survived.
func (t *target) run(step int, word string) (survivors int, err error) {
	all, err := t.mutants()
	if err != nil {
		return 0, err
	}
	work, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(work)
	began, tried, pointless := time.Now(), 0, 0
	for i := 0; i < len(all); i += step {
		m := all[i]
		if !strings.Contains(m.was, word) {
			continue
		}
		v, err := t.try(m, work)
		if err != nil {
			return survivors, err
		}
		switch {
		case v.invalid:
			pointless++
		case v.survived:
			tried++
			survivors++
			fmt.Printf("NOT NOTICED  %s\n", m)
		default:
			tried++
			fmt.Printf("noticed      %s  by %s\n", m, v.by)
		}
	}
	fmt.Printf("%s: %d broken mappings, %d not noticed (%d more do not compile), %v\n",
		t.dir, tried, survivors, pointless, time.Since(began).Round(time.Second))
	return survivors, nil
}
