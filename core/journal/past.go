package journal

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A Past is what the sessions of a run have settled: it tells what [Resume]
// would ask, and changes nothing. It is not safe for concurrent use.
type Past struct {
	id     string
	again  Again
	hash   hasher
	ledger *ledger
}

// ReadPast reads what there is of a run. It refuses the plans that [Resume]
// refuses, with the same [*ChangedError], but not a run that is in use.
func ReadPast(ctx context.Context, cfg Config, id string, plan Plan, again Again) (*Past, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := plan.prepare(); err != nil {
		return nil, err
	}
	if !validID(id) {
		return nil, fmt.Errorf("run %q: %w", id, ErrNoRun)
	}
	path := cfg.journalPath(id)
	f, err := cfg.Disk.Open(path, OpenRead)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", id, errors.Join(ErrNoRun, err))
	}
	defer f.Close()
	h, err := replay(ctx, f, path, func(h *history) (io.ReaderAt, error) {
		if list := differences(h.plan.Plan.settings(), plan.settings()); len(list) > 0 {
			return nil, &ChangedError{Run: id, Differences: list}
		}
		return nil, nil
	})
	if err != nil {
		return nil, err
	}
	h.nextSession()
	return &Past{id: id, again: again, hash: hasher{byID: plan.ByID}, ledger: h.ledger}, nil
}

// Admit says what [Run.Admit] would: whether a query is still to be asked.
func (p *Past) Admit(index int64, q *sdk.Query) (ask bool, err error) {
	_, ask, err = p.ledger.asks(p.id, p.again, index, q, p.hash.sum(q))
	return ask, err
}

// Before returns what the sessions add up to.
func (p *Past) Before() Totals { return p.ledger.totals.clone() }

// asks tells how a query was settled, and whether it is to be asked.
func (l *ledger) asks(run string, again Again, index int64, q *sdk.Query, hash uint64) (was class, ask bool, err error) {
	if l.slots != nil {
		s := l.slots.get(index)
		if was = s.class(); was != classNone && !s.matches(hash) && !s.matches(0) {
			return was, false, &InputError{Run: run, Index: index, ID: q.ID}
		}
	}
	return was, again.includes(was), nil
}
