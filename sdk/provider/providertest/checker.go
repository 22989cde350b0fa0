package providertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// checkTimeout bounds one check: a plugin that hangs fails, and the kit goes on.
const checkTimeout = 60 * time.Second

// oneCall is the check that most others build on.
const oneCall = "one call"

// A check is one thing that a provider must do.
type check struct {
	level Level
	name  string
	run   func(ctx context.Context) error
}

// skipped is the error of a check that could not be made.
type skipped struct{ why string }

func (s *skipped) Error() string { return "skipped: " + s.why }

func skip(why string) error { return &skipped{why} }

// A checker is the kit at work on one plugin.
type checker struct {
	door    Door
	fixture Fixture
	about   sdk.Description
	vendor  *upstream.Server // nil without an upstream
	secrets []string
}

func newChecker(door Door, f Fixture) (*checker, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	c := &checker{door: door, fixture: f}
	if f.Upstream == nil {
		return c, nil
	}
	var err error
	if c.vendor, err = c.startVendor(upstream.Config{}); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *checker) close() {
	if c.vendor != nil {
		c.vendor.Close()
	}
}

func (c *checker) claimed() Level {
	if len(c.about.EgressHosts) > 0 {
		return Faults
	}
	return Robust
}

// checks are all but the handshake, which must have succeeded.
func (c *checker) checks() []check {
	all := slices.Concat(c.basicChecks(), c.robustChecks(), c.optionalChecks())
	if c.vendor == nil {
		return all
	}
	return slices.Concat(all, c.requestChecks(), c.faultChecks())
}

func (c *checker) run(ctx context.Context, one check) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if c.vendor != nil {
		c.vendor.SetScript(nil)
	}
	err := one.run(ctx)
	var skip *skipped
	if err == nil || errors.As(err, &skip) {
		return err
	}
	// The kit must not be the one that shows a secret.
	text := err.Error()
	for _, s := range c.secrets {
		text = strings.ReplaceAll(text, s, "[secret]")
	}
	return errors.New(text)
}

// echo finds the token of a query in whatever the plugin makes of it.
var echo = regexp.MustCompile(`conformance-token-[0-9]+`)

// startVendor starts an upstream that answers with the fixture's success. The
// answer is the token in the request, so that each answer can be told to be the
// right one.
func (c *checker) startVendor(cfg upstream.Config) (*upstream.Server, error) {
	u := c.fixture.Upstream
	success := string(u.Success)
	cfg.Keep = 20_000
	cfg.Dialect = upstream.Dialect{
		Name:  "fixture",
		Parse: func(_ string, body []byte) (string, string, error) { return "", echo.FindString(bound(body)), nil },
		Answer: func(_, text string) []byte {
			quoted := string(quote(text))
			return []byte(strings.ReplaceAll(success, answerMark, quoted[1:len(quoted)-1]))
		},
		Problem: func(int, string) []byte { return []byte("{}") },
		Models:  func() []byte { return []byte("{}") },
	}
	if cfg.Answer == nil {
		cfg.Answer = func(r upstream.Request) string {
			if r.Query == "" {
				return "hello"
			}
			return r.Query
		}
	}
	return upstream.Start(cfg)
}

// bound keeps the search for a token short in huge requests: it is at their
// end or their beginning.
func bound(body []byte) string {
	const n = 64 << 10
	if len(body) <= 2*n {
		return string(body)
	}
	return string(body[:n]) + " " + string(body[len(body)-n:])
}

// open returns a configured instance.
func (c *checker) open(ctx context.Context) (Instance, error) {
	return c.openFor(ctx, c.vendor, nil)
}

// openFor returns an instance that is configured for a vendor.
func (c *checker) openFor(ctx context.Context, vendor *upstream.Server, changes sdk.Settings) (Instance, error) {
	i, err := c.door.Open(ctx, Surroundings{})
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	if err := i.Configure(ctx, c.settingsFor(vendor, changes)); err != nil {
		i.Close()
		return nil, fmt.Errorf("the fixture's settings are refused: %w", err)
	}
	return i, nil
}

func (c *checker) settingsFor(vendor *upstream.Server, changes sdk.Settings) sdk.Settings {
	s := c.fixture.settings(changes)
	if vendor != nil {
		u := c.fixture.Upstream
		s[u.BaseURL] = quote(vendor.URL() + u.Path)
	}
	return s
}

// with runs f on a configured instance.
func (c *checker) with(ctx context.Context, f func(i Instance) error) error {
	i, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	err = f(i)
	if errors.Is(err, sdk.Internal) {
		return fmt.Errorf("%w%s", err, logTail(i, c.about.Name)) // the plugin's own fault: it may have told more
	}
	return err
}

// wantError says what is wrong with an error that should be of one of kinds.
func (c *checker) wantError(r *sdk.Response, err error, kinds ...sdk.Kind) (*sdk.Error, error) {
	if err == nil {
		return nil, errors.New("want an error of kind " + string(kinds[0]) + ", got the answer " + strconv.Quote(r.Content[:min(len(r.Content), 80)]))
	}
	var e *sdk.Error
	if !errors.As(err, &e) {
		return nil, fmt.Errorf("want an *sdk.Error of kind %q, got %T: %w", string(kinds[0]), err, err)
	}
	if shown := c.shownSecret(fmt.Sprintf("%v %s %s", e, e.Code, e.RequestID)); shown != nil {
		return e, shown
	}
	for _, k := range kinds {
		if e.Kind == k {
			return e, nil
		}
	}
	return e, fmt.Errorf("want kind %q, got %w", string(kinds[0]), err)
}

// shownSecret is an error if text holds a secret.
func (c *checker) shownSecret(text string) error {
	for _, s := range c.secrets {
		if strings.Contains(text, s) {
			return errors.New(secretShows + text)
		}
	}
	return nil
}

// properties returns the names in a configuration's schema.
func properties(schema json.RawMessage) (map[string]json.RawMessage, error) {
	var s struct {
		Type       string                     `json:"type"`
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal(schema, &s); err != nil {
		return nil, fmt.Errorf("config_schema is not a JSON Schema: %w", err)
	}
	if s.Type != "object" {
		return nil, fmt.Errorf("config_schema must be of type object, not %q", s.Type)
	}
	return s.Properties, nil
}

// logTail is the end of what a failed plugin of that name wrote, ready to be
// appended to an error, or "". What it wrote may still be on its way.
func logTail(i Instance, plugin string) string {
	l, ok := i.(Logger)
	if !ok {
		return ""
	}
	const lines, most = 8, 300
	var last []string
	for try := 0; len(last) == 0 && try < 10; try++ {
		time.Sleep(30 * time.Millisecond)
		for line := range strings.Lines(l.Log()) {
			// What the host says beside it is left out.
			if _, text, ok := strings.Cut(strings.TrimSpace(line), "cortex-provider-"+plugin+": "); ok {
				last = append(last, strings.ToValidUTF8(text[:min(len(text), most)], "?"))
			}
		}
	}
	if len(last) == 0 {
		return ""
	}
	return "\nits log ends:\n" + strings.Join(last[max(0, len(last)-lines):], "\n")
}
