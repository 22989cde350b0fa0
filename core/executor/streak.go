package executor

import "github.com/cortexlinux/cortex-host/sdk"

// A streak counts permanent failures of one kind in a row.
type streak struct {
	kind sdk.Kind
	n    int
}

// add counts a result. It returns why the run should end, if it should after
// so many failures of one kind; 0 means never.
func (s *streak) add(r *sdk.Result, most int) error {
	if r.Error == nil {
		*s = streak{}
		return nil
	}
	if r.Error.Kind == sdk.Canceled {
		return nil
	}
	if r.Error.Kind != s.kind {
		*s = streak{kind: r.Error.Kind}
	}
	s.n++
	if most == 0 || s.n < most {
		return nil
	}
	return &AbortError{Failures: s.n, Last: r.Error}
}
