package main

import (
	"context"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/journal"
	"github.com/cortexlinux/cortex-host/sdk"
)

// A pastSink stands for the sink of a run that is only planned, and knows what
// earlier sessions have settled and spent. Nothing is written to it.
type pastSink struct {
	streamSink
	past *journal.Past // nil: there were none
}

var _ sink = (*pastSink)(nil)

// openPast reads what the run has settled before, if it is one that is resumed.
func (a *app) openPast(ctx context.Context, o *outputFlags, plan journal.Plan) (*pastSink, error) {
	if !o.record.resume || o.path == "" || isStream(o.path) {
		return &pastSink{}, nil
	}
	cfg, err := a.journalConfig(o.record.sync)
	if err != nil {
		return nil, err
	}
	plan.Output = outputOf(o)
	info, err := journal.Find(ctx, cfg, plan.Output.Path)
	if err != nil {
		return nil, journalFailure(err, o.path)
	}
	past, err := journal.ReadPast(ctx, cfg, info.ID, plan, o.record.again())
	if err != nil {
		return nil, journalFailure(err, o.path)
	}
	return &pastSink{past: past}, nil
}

func (s *pastSink) recorder() executor.Recorder {
	if s.past == nil {
		return nil
	}
	return pastRecorder{s.past}
}

func (s *pastSink) spent() (sdk.Money, int64) {
	if s.past == nil {
		return 0, 0
	}
	return spentBefore(s.past.Before())
}

func (s *pastSink) unpriced() int64 {
	if s.past == nil {
		return 0
	}
	return s.past.Before().Unpriced
}

// A pastRecorder records nothing: a plan makes no attempts.
type pastRecorder struct{ *journal.Past }

func (pastRecorder) AttemptStarted(sdk.Attempt) error { return nil }
func (pastRecorder) AttemptEnded(sdk.Attempt) error   { return nil }
