// Package credential replaces a key that expires while a run goes on.
//
//	p := credential.New(plugin, func(ctx context.Context) (bool, error) {
//		key, err := read(ctx) // a file, or a command that prints it
//		if err != nil || key == last { return false, err }
//		last = key
//		return true, plugin.Configure(ctx, settingsWith(key))
//	})
//
// When a vendor refuses a key (401, or a 403 that says that it has expired), the
// key is read once more. If it is a new one, the refused calls fail as
// sdk.CredentialRenewed, which costs nothing and lets the executor send them
// again within its limits; otherwise the refusal stands. A new key that was
// never accepted is not replaced again: it is wrong, not expired.
package credential

import (
	"context"
	"strings"
	"sync"

	"github.com/cortexlinux/cortex-host/sdk"
)

// Renew gets the key anew and hands it to the provider. It reports whether the
// key is another one. It is called by one goroutine at a time.
type Renew func(ctx context.Context) (changed bool, err error)

// A Provider asks another one, whose key it has renewed when it has expired. It
// is safe for concurrent use.
type Provider struct {
	asked sdk.Provider
	renew Renew

	mu       sync.Mutex
	age      int           // counts the keys, from 0
	accepted bool          // the present key was
	tried    bool          // to replace the present key
	renewing chan struct{} // closed at the end of the renewal that is under way, else nil
}

var _ sdk.Provider = (*Provider)(nil)

// New returns a provider that asks p and renews its key.
func New(p sdk.Provider, renew Renew) *Provider { return &Provider{asked: p, renew: renew} }

// Lost returns how many calls were under way when that process died.
func (p *Provider) Lost() int {
	if l, ok := p.asked.(interface{ Lost() int }); ok {
		return l.Lost()
	}
	return 0
}

// Restarts returns how often the process of the provider that is asked was
// started again, 0 if it is none.
func (p *Provider) Restarts() int {
	if r, ok := p.asked.(interface{ Restarts() int }); ok {
		return r.Restarts()
	}
	return 0
}

// BrokenStreams returns how many streams to that process broke.
func (p *Provider) BrokenStreams() int {
	if s, ok := p.asked.(interface{ BrokenStreams() int }); ok {
		return s.BrokenStreams()
	}
	return 0
}

// Complete implements sdk.Provider. It makes one call; a call whose key had
// expired is not made again here.
func (p *Provider) Complete(ctx context.Context, q *sdk.Query) (*sdk.Response, error) {
	p.mu.Lock()
	age := p.age
	p.mu.Unlock()
	r, err := p.asked.Complete(ctx, q)
	refusal := refused(err)
	if refusal == nil {
		p.accept(age, err)
		return r, err
	}
	renewed, problem := p.replaced(ctx, age)
	switch {
	case renewed:
		again := *refusal
		again.ShouldRetry, again.RetryAfter = nil, nil // they were about the old key
		again.Kind, again.Message = sdk.CredentialRenewed, "the key was refused and there is a new one now: "+refusal.Message
		return nil, &again
	case problem != nil:
		told := *refusal
		told.Message += "; the key could not be renewed: " + problem.Error()
		return nil, &told
	}
	return nil, refusal
}

// accept notes that the vendor took the key.
func (p *Provider) accept(age int, err error) {
	if err != nil && sdk.AsError(err, sdk.Internal).Status == 0 {
		return // nobody looked at the key
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if age == p.age {
		p.accepted, p.tried = true, false
	}
}

// replaced reports whether the key of that age is, or was by now, replaced by
// another. The first who asks does it; the others wait.
func (p *Provider) replaced(ctx context.Context, age int) (renewed bool, problem error) {
	p.mu.Lock()
	for p.renewing != nil && p.age == age {
		under := p.renewing
		p.mu.Unlock()
		select {
		case <-under:
		case <-ctx.Done():
			return false, nil
		}
		p.mu.Lock()
	}
	if p.age != age || p.tried || age > 0 && !p.accepted {
		defer p.mu.Unlock()
		return p.age != age, nil
	}
	p.tried, p.renewing = true, make(chan struct{})
	p.mu.Unlock()

	changed, err := p.renew(ctx)

	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.renewing)
	p.renewing = nil
	if err != nil && ctx.Err() != nil {
		p.tried = false // who asked for it could not wait: the next one may
	}
	if err != nil || !changed {
		return false, err
	}
	p.age++
	p.accepted, p.tried = false, false
	return true, nil
}

// refused returns err if it says that the key is not taken any more, else nil.
func refused(err error) *sdk.Error {
	e := sdk.AsError(err, sdk.Internal)
	switch {
	case e == nil:
		return nil
	case e.Kind == sdk.Unauthenticated:
		return e
	case e.Kind == sdk.PermissionDenied && strings.Contains(strings.ToLower(e.Code+" "+e.Message), "expired"):
		return e
	}
	return nil
}
