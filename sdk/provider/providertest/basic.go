package providertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// promptly is how soon a call must return once its context is done.
const promptly = 2 * time.Second

func (c *checker) basicChecks() []check {
	return []check{
		{Basic, "describe", c.describe},
		{Basic, "unconfigured", c.unconfigured},
		{Basic, "configure refuses", c.refuses},
		{Basic, oneCall, func(ctx context.Context) error { return c.call(ctx, usual) }},
		{Basic, "unknown fields", c.unknownFields},
		{Basic, "configure twice", c.configureTwice},
		{Basic, "metadata stays home", c.metadataStaysHome},
		{Basic, "cancel", func(ctx context.Context) error { return c.giveUp(ctx, context.Canceled) }},
		{Basic, "deadline", func(ctx context.Context) error { return c.giveUp(ctx, context.DeadlineExceeded) }},
		{Basic, "no secret in the log", c.quietLog},
	}
}

var (
	nameForm    = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)
	versionForm = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?$`)
)

func (c *checker) describe(ctx context.Context) error {
	d := c.about
	switch {
	case !nameForm.MatchString(d.Name):
		return fmt.Errorf("name %q: want letters a to z, digits and -", d.Name)
	case !versionForm.MatchString(d.Version):
		return fmt.Errorf("version %q: want a semantic version without a leading v", d.Version)
	case d.Summary == "":
		return errors.New("summary is empty")
	}
	props, err := properties(d.ConfigSchema)
	if err != nil {
		return err
	}
	for name, raw := range props {
		var p struct {
			Secret bool            `json:"x-secret"`
			Env    json.RawMessage `json:"x-env"`
		}
		if err := json.Unmarshal(raw, &p); err != nil {
			return fmt.Errorf("config_schema: %s: x-secret must be true or false", name)
		}
		var one string
		var list []string
		if len(p.Env) > 0 && json.Unmarshal(p.Env, &one) != nil && json.Unmarshal(p.Env, &list) != nil {
			return fmt.Errorf("config_schema: %s: x-env must be a variable's name or a list of them", name)
		}
	}
	for _, p := range d.Presets {
		for name := range p.Values {
			if props[name] == nil {
				return fmt.Errorf("the preset %s sets %s, which config_schema does not know", p.Name, name)
			}
		}
	}
	return c.with(ctx, func(i Instance) error {
		again, err := i.Describe(ctx)
		if err != nil {
			return err
		}
		if !reflect.DeepEqual(again, d) {
			return errors.New("it says something else once it is configured")
		}
		return nil
	})
}

func (c *checker) unconfigured(ctx context.Context) error {
	i, err := c.door.Open(ctx, Surroundings{})
	if err != nil {
		return err
	}
	defer i.Close()
	if _, err := i.Complete(ctx, c.fixture.query("")); err != nil {
		var e *sdk.Error
		if !errors.As(err, &e) {
			return fmt.Errorf("want an *sdk.Error, got %T: %w", err, err)
		}
	}
	return nil // some providers need no configuration
}

func (c *checker) refuses(ctx context.Context) error {
	const canary = "conformance-canary-value"
	bad := append([]BadSettings{{Settings: sdk.Settings{"no_such_property": quote(canary)}, Names: "no_such_property"}}, c.fixture.BadSettings...)
	for _, b := range bad {
		i, err := c.door.Open(ctx, Surroundings{})
		if err != nil {
			return err
		}
		err = i.Configure(ctx, c.settingsFor(nil, b.Settings))
		i.Close()
		switch {
		case err == nil:
			return fmt.Errorf("settings with a bad %s are accepted", b.Names)
		case !strings.Contains(err.Error(), b.Names):
			return fmt.Errorf("the refusal does not name %s: %w", b.Names, err)
		case strings.Contains(err.Error(), canary):
			return fmt.Errorf("the refusal shows the value, which may be a secret: %w", err)
		}
		if err := c.shownSecret(err.Error()); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) call(ctx context.Context, ask manner) error {
	return c.with(ctx, func(i Instance) error {
		text, want := "", ""
		if c.vendor != nil {
			text, want = "Say conformance-token-1.", "conformance-token-1"
		}
		before := 0
		if c.vendor != nil {
			before = c.vendor.Stats().Requests
		}
		r, err := ask(ctx, i, c.fixture.query(text))
		switch {
		case err != nil:
			return err
		case r.Content == "":
			return errors.New("the content is empty")
		case want != "" && r.Content != want:
			return fmt.Errorf("the content is %.80q, the upstream answered %q", r.Content, want)
		case r.FinishReason != sdk.Stop:
			return fmt.Errorf("the finish reason of a complete reply is %q, want %q", r.FinishReason, sdk.Stop)
		case c.vendor == nil:
			return nil
		case r.Usage == nil:
			return errors.New("no usage, though the upstream reported it")
		}
		u := c.fixture.Upstream
		if u.Usage != nil && *r.Usage != *u.Usage {
			return fmt.Errorf("usage is %+v, the upstream reported %+v", *r.Usage, *u.Usage)
		}
		if n := c.vendor.Stats().Requests - before; n != 1 {
			return fmt.Errorf("one Complete made %d requests", n)
		}
		return contains(r, u.Response)
	})
}

func (c *checker) configureTwice(ctx context.Context) error {
	return c.with(ctx, func(i Instance) error {
		if c.vendor != nil {
			c.vendor.SetScript(upstream.Always(upstream.Reply{Delay: 200 * time.Millisecond}))
		}
		before := make(chan error, 1)
		go func() {
			_, err := i.Complete(ctx, c.fixture.query(""))
			before <- err
		}()
		time.Sleep(50 * time.Millisecond)
		if err := i.Configure(ctx, c.settingsFor(c.vendor, nil)); err != nil {
			return fmt.Errorf("the second Configure is refused: %w", err)
		}
		if err := <-before; err != nil {
			return fmt.Errorf("a call that was under way failed: %w", err)
		}
		_, err := i.Complete(ctx, c.fixture.query(""))
		return err
	})
}

func (c *checker) metadataStaysHome(ctx context.Context) error {
	if c.vendor == nil {
		return skip("needs an upstream")
	}
	return c.with(ctx, func(i Instance) error {
		q := c.fixture.query("Say conformance-token-2.")
		q.ID, q.Metadata = "conformance-private-id", map[string]string{"owner": "conformance-private-metadata"}
		if _, err := i.Complete(ctx, q); err != nil {
			return err
		}
		for _, r := range c.vendor.Requests() {
			if strings.Contains(string(r.Body), "conformance-private") {
				return errors.New("the query's id or metadata is sent to the vendor")
			}
			if r.Header.Get("Idempotency-Key") != "" {
				return errors.New("an Idempotency-Key is sent: some HTTP clients then send a request twice by themselves")
			}
		}
		return nil
	})
}

// giveUp ends the context of a call that gets no answer.
func (c *checker) giveUp(ctx context.Context, how error) error {
	if c.vendor == nil {
		return skip("needs an upstream")
	}
	return c.with(ctx, func(i Instance) error {
		c.vendor.SetScript(upstream.Always(upstream.Reply{Fault: upstream.Hang}))
		const after = 200 * time.Millisecond
		ctx, cancel := context.WithTimeout(ctx, after)
		if errors.Is(how, context.Canceled) {
			ctx, cancel = context.WithCancel(context.WithoutCancel(ctx))
			time.AfterFunc(after, cancel)
		}
		defer cancel()
		start := time.Now()
		r, err := i.Complete(ctx, c.fixture.query(""))
		if took := time.Since(start); took > after+promptly {
			return fmt.Errorf("it returned %v after its context was done", (took - after).Round(time.Millisecond))
		}
		if _, err = c.wantError(r, err, sdk.InDoubt); err != nil {
			return err
		}
		// The host stops to wait whatever the plugin does; the vendor sees it.
		for end := time.Now().Add(promptly); c.vendor.Stats().InFlight > 0; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				return fmt.Errorf("its request to the vendor is still open %v after its context was done", promptly)
			}
		}
		return nil
	})
}
