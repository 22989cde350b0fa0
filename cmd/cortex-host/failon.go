package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/cortexlinux/cortex-host/core/executor"
)

// failOn says how many failures make a finished run exit with 3. The zero value
// is "any".
type failOn struct {
	text string
	// most is the part of failures that is still fine, for N%.
	most float64
}

var _ pflag.Value = (*failOn)(nil)

func (f *failOn) String() string {
	if f.text == "" {
		return "any"
	}
	return f.text
}

// Type is not shown: the usage names the form.
func (f *failOn) Type() string { return "string" }

// Set reads none, any, all or N%.
func (f *failOn) Set(s string) error {
	if number, ok := strings.CutSuffix(s, "%"); ok {
		percent, err := strconv.ParseFloat(number, 64)
		if err != nil || !(percent >= 0 && percent <= 100) {
			return fmt.Errorf("%q is not a percentage from 0%% to 100%%", s)
		}
		f.text, f.most = s, percent/100
		return nil
	}
	switch s {
	case "none", "any", "all":
		f.text = s
		return nil
	}
	return fmt.Errorf("must be none, any, all or a percentage such as 5%%, not %q", s)
}

// exceeded reports whether too many queries failed.
func (f *failOn) exceeded(s executor.Summary) bool {
	switch {
	case s.FailureCount == 0, f.text == "none":
		return false
	case f.text == "" || f.text == "any":
		return true
	case f.text == "all":
		return s.SuccessCount+s.SkippedCount == 0
	}
	total := s.SuccessCount + s.SkippedCount + s.FailureCount
	return float64(s.FailureCount) > f.most*float64(total)
}
