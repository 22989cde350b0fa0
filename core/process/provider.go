package process

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/cortexlinux/cortex-host/core/confine"
	"github.com/cortexlinux/cortex-host/core/store"
	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider"
)

// A plugin that dies is started again after a pause that doubles from
// firstPause, and no more once it has died maxDeaths times within deathWindow.
const (
	firstPause  = 100 * time.Millisecond
	maxDeaths   = 5
	deathWindow = time.Minute
)

// retireTimeout is how long the calls on a process whose place another has taken
// may go on. Each has a deadline of its own; this one is for calls without.
const retireTimeout = 10 * time.Minute

var errClosed = sdk.Errorf(sdk.Internal, "the plugin was closed")

var _ sdk.Provider = (*Provider)(nil)

// A Provider asks a plugin that runs as a child process. It starts the plugin
// on first use. It is safe for concurrent use.
type Provider struct {
	cfg Config

	mu       sync.Mutex
	settings sdk.Settings
	current  *instance
	starting *start
	refusal  error // of the settings, until there are others
	deaths   []time.Time
	starts   int    // that succeeded
	broken   int    // streams, of those that are dead
	lost     int    // calls that were under way when a process died
	words    string // the last words of the last dead
	image    *store.Image
	release  func() // of the image
	closed   bool
	closing  chan struct{}
	retiring sync.WaitGroup
}

// A start is one attempt to start the plugin, which any number of calls wait
// for.
type start struct {
	done chan struct{}
	inst *instance
	err  error
}

// New returns a provider for the plugin; nothing is started yet. Close it.
func New(cfg Config) (*Provider, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	return &Provider{cfg: cfg, settings: maps.Clone(cfg.Settings), closing: make(chan struct{})}, nil
}

// Start starts the plugin and configures it, unless that is done. It need not
// be called: the first call does the same.
func (p *Provider) Start(ctx context.Context) error {
	_, err := p.instance(ctx)
	return err
}

// Complete implements sdk.Provider.
func (p *Provider) Complete(ctx context.Context, q *sdk.Query) (*sdk.Response, error) {
	i, err := p.instance(ctx)
	if err != nil {
		return nil, err
	}
	r, err := i.complete(ctx, q)
	if err != nil && i.dead() {
		p.mu.Lock()
		p.lost++
		p.mu.Unlock()
	}
	return r, err
}

// Restarts returns how often the plugin was started again after its death.
func (p *Provider) Restarts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(0, p.starts-1)
}

// BrokenStreams returns how many streams of calls broke, in all lives of the
// plugin.
func (p *Provider) BrokenStreams() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current == nil {
		return p.broken
	}
	return p.broken + p.current.client.BrokenStreams()
}

// Confinement returns what is enforced on the running plugin. It starts the
// plugin if that is not done.
func (p *Provider) Confinement(ctx context.Context) (confine.Report, error) {
	i, err := p.instance(ctx)
	if err != nil {
		return confine.Report{}, err
	}
	if i.child == nil {
		return confine.Report{}, errors.New("the plugin runs under a debugger, and is not confined")
	}
	report, _, err := i.child.process.Report(ctx)
	return report, err
}

// Lost returns how many calls were under way when the plugin died under them.
// Each failed as sdk.Internal; whether it is asked again is the caller's policy.
func (p *Provider) Lost() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lost
}

// Describe asks the running plugin what it is.
func (p *Provider) Describe(ctx context.Context) (sdk.Description, error) {
	i, err := p.instance(ctx)
	if err != nil {
		return sdk.Description{}, err
	}
	return i.client.Describe(ctx)
}

// Client returns the wire to the running plugin, for what is not in this
// package. It is good for as long as this life of the plugin lasts.
func (p *Provider) Client(ctx context.Context) (*provider.Client, error) {
	i, err := p.instance(ctx)
	if err != nil {
		return nil, err
	}
	return i.client, nil
}

// Configure replaces the settings, on a live plugin too: calls that are under
// way keep the old ones. A refusal is the plugin's own error, and leaves the
// old settings in force.
func (p *Provider) Configure(ctx context.Context, s sdk.Settings) error {
	p.mu.Lock()
	i, old := p.current, p.settings
	p.settings, p.refusal = maps.Clone(s), nil
	p.mu.Unlock()
	var err error
	if i != nil && !i.useless() {
		i.words.secrets.hide(s, p.cfg.Secret)
		err = i.client.Configure(ctx, s)
	} else {
		err = p.Start(ctx)
	}
	if err != nil {
		p.mu.Lock()
		p.settings, p.refusal = old, nil
		p.mu.Unlock()
	}
	return err
}

// Close lets calls that are under way end, for a StopTimeout, then ends the
// plugin and waits for its end, at most a little longer than another one.
func (p *Provider) Close() error {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.closing)
	}
	s := p.starting
	p.mu.Unlock()
	if s != nil {
		<-s.done
	}
	p.mu.Lock()
	i, release := p.current, p.release
	p.current, p.image, p.release = nil, nil, nil
	p.mu.Unlock()
	if i != nil {
		i.drain(p.cfg.StopTimeout, nil)
		i.stop()
	}
	p.retiring.Wait()
	if release != nil {
		release()
	}
	return nil
}

// instance returns the living plugin and starts it if there is none.
func (p *Provider) instance(ctx context.Context) (*instance, error) {
	p.mu.Lock()
	switch {
	case p.closed:
		p.mu.Unlock()
		return nil, errClosed
	case p.refusal != nil:
		defer p.mu.Unlock()
		return nil, p.refusal
	case p.current != nil && !p.current.useless():
		defer p.mu.Unlock()
		return p.current, nil
	}
	if p.starting == nil {
		p.starting = &start{done: make(chan struct{})}
		go p.start(p.starting, p.bury())
	}
	s := p.starting
	p.mu.Unlock()
	select {
	case <-s.done:
		return s.inst, s.err
	case <-ctx.Done():
		return nil, sdk.Errorf(sdk.Unreachable, "the plugin %s was still starting: %w", p.cfg.Name, context.Cause(ctx))
	}
}

// bury notes the end of the current instance. It requires that p.mu is held.
func (p *Provider) bury() *instance {
	dead := p.current
	p.current = nil
	if dead != nil {
		p.deaths = append(p.deaths, time.Now())
		p.broken += dead.client.BrokenStreams()
	}
	return dead
}

// start makes one attempt to start the plugin, after the remains of the last
// one are gone.
func (p *Provider) start(s *start, dead *instance) {
	words := ""
	switch {
	case dead == nil:
	case dead.dead():
		words = dead.lastWords()
		dead.stop()
	default: // other calls may still be under way on it
		words = dead.lastWords()
		p.retiring.Go(func() { p.retire(dead) })
	}
	s.inst, s.err = p.startAgain(words)
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.err == nil {
		p.current = s.inst
		p.starts++
	}
	p.starting = nil
	close(s.done)
}

// retire ends a process after the calls on it, which were paid for. Close leaves
// them a StopTimeout, as it does those on the current one.
func (p *Provider) retire(i *instance) {
	i.drain(retireTimeout, p.closing)
	i.drain(p.cfg.StopTimeout, nil)
	i.stop()
}

func (p *Provider) startAgain(lastWords string) (*instance, error) {
	pause, err := p.pause(lastWords)
	if err != nil {
		return nil, err
	}
	select {
	case <-time.After(pause):
	case <-p.closing:
		return nil, errClosed
	}
	image, err := p.load()
	if err != nil {
		return nil, err
	}
	open, cancel := p.untilClosed()
	defer cancel()
	i, err := newInstance(open, &p.cfg, image)
	switch {
	case err != nil && open.Err() != nil:
		return nil, errClosed
	case err != nil:
		return nil, p.failed(err)
	}
	i.note("started %s, version %d of the wire, confinement %s%s", p.cfg.Plugin.Path, i.plugin.NegotiatedVersion(), p.cfg.Confinement, i.unenforced())
	p.mu.Lock()
	settings := p.settings
	p.mu.Unlock()
	i.words.secrets.hide(settings, p.cfg.Secret)
	if settings == nil && p.cfg.ConfigureLater {
		return i, nil
	}
	ctx, cancel := context.WithTimeout(open, p.cfg.StartTimeout)
	defer cancel()
	err = i.client.Configure(ctx, settings)
	if err == nil {
		return i, nil
	}
	died := i.dead()
	i.stop()
	if open.Err() != nil {
		return nil, errClosed
	}
	var e *sdk.Error
	if died || errors.As(err, &e) && e.Cause != nil {
		return nil, p.failed(err)
	}
	p.mu.Lock()
	p.refusal = err
	p.mu.Unlock()
	return nil, err
}

// untilClosed returns a context that ends when the provider is closed.
func (p *Provider) untilClosed() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		select {
		case <-p.closing:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// load returns the program, which is read once: what is started again is what
// was started, whatever became of the file.
func (p *Provider) load() (*store.Image, error) {
	p.mu.Lock()
	image := p.image
	p.mu.Unlock()
	if image != nil || p.cfg.Reattach != nil {
		return image, nil
	}
	var shared images
	from := &shared
	if p.cfg.RunDir != nil {
		from = &p.cfg.RunDir.images
	}
	image, release, err := from.load(p.cfg.Plugin)
	if err != nil {
		return nil, sdk.Errorf(sdk.Internal, "%w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.image, p.release = image, release // Close waits for the start that this is a part of
	return image, nil
}

// failed counts a failed start as a death.
func (p *Provider) failed(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deaths = append(p.deaths, time.Now())
	return err
}

// pause returns how long to wait before the next start, or why there is none.
func (p *Provider) pause(lastWords string) (time.Duration, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if lastWords != "" {
		p.words = lastWords
	}
	for len(p.deaths) > 0 && time.Since(p.deaths[0]) > deathWindow {
		p.deaths = p.deaths[1:]
	}
	n := len(p.deaths)
	if n == 0 {
		return 0, nil
	}
	if n < maxDeaths {
		return firstPause << (n - 1), nil
	}
	return 0, sdk.Errorf(sdk.Internal, "the plugin %s died %d times within a minute and is not started again before %s%s",
		p.cfg.Name, n, p.deaths[0].Add(deathWindow).Format(time.TimeOnly), p.words)
}
