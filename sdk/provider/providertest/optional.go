package providertest

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider"
	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// optionalChecks are those of the optional parts of the wire that the plugin's
// description claims.
func (c *checker) optionalChecks() []check {
	var all []check
	if c.about.Stream {
		all = append(all,
			check{Basic, "one call, unary", func(ctx context.Context) error { return c.call(ctx, unary) }},
			check{Robust, "1000 calls at once, unary", func(ctx context.Context) error { return c.manyCalls(ctx, unary) }})
	}
	if c.about.ListsModels {
		all = append(all, check{Basic, "list models", c.listModels})
	}
	if c.about.ChecksHealth {
		all = append(all, check{Basic, "check health", c.checkHealth})
	}
	return all
}

// A manner is a way to ask an instance.
type manner func(context.Context, Instance, *sdk.Query) (*sdk.Response, error)

func usual(ctx context.Context, i Instance, q *sdk.Query) (*sdk.Response, error) {
	return i.Complete(ctx, q)
}

func unary(ctx context.Context, i Instance, q *sdk.Query) (*sdk.Response, error) {
	client, err := i.Client(ctx)
	if err != nil {
		return nil, err
	}
	return client.CompleteUnary(ctx, q)
}

func (c *checker) listModels(ctx context.Context) error {
	if c.vendor == nil {
		return c.withClient(ctx, func(client *provider.Client) error {
			_, err := client.ListModels(ctx)
			return err
		})
	}
	want := c.fixture.Upstream.Models
	if want == nil {
		return skip("the fixture has no models")
	}
	return c.withClient(ctx, func(client *provider.Client) error {
		c.vendor.SetScript(upstream.Always(upstream.Reply{Body: want.Body}))
		got, err := client.ListModels(ctx)
		if err != nil {
			return err
		}
		if !reflect.DeepEqual(got, want.Models) {
			return fmt.Errorf("got %+v, want %+v", got, want.Models)
		}
		return c.refusesKey(func() error { _, err := client.ListModels(ctx); return err })
	})
}

func (c *checker) checkHealth(ctx context.Context) error {
	return c.withClient(ctx, func(client *provider.Client) error {
		if c.vendor == nil {
			return client.CheckHealth(ctx)
		}
		if want := c.fixture.Upstream.Models; want != nil {
			c.vendor.SetScript(upstream.Always(upstream.Reply{Body: want.Body}))
		}
		if err := client.CheckHealth(ctx); err != nil {
			return fmt.Errorf("though all is well: %w", err)
		}
		return c.refusesKey(func() error { return client.CheckHealth(ctx) })
	})
}

// refusesKey wants the error of a wrong key, of one request without a body.
func (c *checker) refusesKey(ask func() error) error {
	refusal := upstream.Reply{Status: 401, Body: []byte("{}")}
	for _, e := range c.fixture.Upstream.Errors {
		if e.Kind == sdk.Unauthenticated {
			refusal.Status, refusal.Body = e.Status, e.Body
		}
	}
	c.vendor.SetScript(upstream.Always(refusal))
	before := len(c.vendor.Requests())
	if _, err := c.wantError(&sdk.Response{}, ask(), sdk.Unauthenticated); err != nil {
		return fmt.Errorf("with a wrong key: %w", err)
	}
	sent := c.vendor.Requests()[before:]
	if len(sent) != 1 || len(sent[0].Body) > 0 {
		return errors.New("it must be one request that costs nothing")
	}
	return nil
}

func (c *checker) withClient(ctx context.Context, f func(*provider.Client) error) error {
	return c.with(ctx, func(i Instance) error {
		client, err := i.Client(ctx)
		if err != nil {
			return err
		}
		return f(client)
	})
}

// unknownFields asks as a later host would.
func (c *checker) unknownFields(ctx context.Context) error {
	i, err := c.door.Open(ctx, Surroundings{})
	if err != nil {
		return err
	}
	defer i.Close()
	now, err := i.Client(ctx)
	if err != nil {
		return err
	}
	later := now.Future()
	if _, err := later.Describe(ctx); err != nil {
		return err
	}
	if err := later.Configure(ctx, c.settingsFor(c.vendor, nil)); err != nil {
		return err
	}
	if _, err := later.CompleteUnary(ctx, c.fixture.query("")); err != nil {
		return err
	}
	if !c.about.Stream {
		return nil
	}
	_, err = later.Complete(ctx, c.fixture.query(""))
	return err
}

// quietLog wants nothing in the log that is a secret.
func (c *checker) quietLog(ctx context.Context) error {
	return c.with(ctx, func(i Instance) error {
		l, ok := i.(Logger)
		if !ok {
			return skip("this door does not see the log")
		}
		if c.vendor != nil {
			c.vendor.SetScript(upstream.Sequence(upstream.Reply{Status: 401}, upstream.Reply{Fault: upstream.ResetBefore}))
		}
		for range 3 {
			_, _ = i.Complete(ctx, c.fixture.query("")) // what comes of it is another check's
		}
		i.Close()
		return c.shownSecret(l.Log())
	})
}
