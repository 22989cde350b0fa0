package providertest

import (
	"context"
	"fmt"
	"time"
)

// endTime is how long an instance may take to end.
const endTime = 6 * time.Second

func (c *checker) handshakeCheck() check { return check{Basic, "handshake", c.handshake} }

// handshake starts the plugin, asks what it is, ends it, and then starts it as
// no host would. All other checks need what it finds out.
func (c *checker) handshake(ctx context.Context) error {
	i, err := c.door.Open(ctx, Surroundings{})
	if err != nil {
		return fmt.Errorf("the plugin does not start: %w", err)
	}
	c.about, err = i.Describe(ctx)
	began := time.Now()
	i.Close()
	switch took := time.Since(began); {
	case err != nil:
		return fmt.Errorf("the plugin does not start or does not describe itself: %w", err)
	case took > endTime:
		return fmt.Errorf("it took %v to end: implement plugin.GRPCController's Shutdown", took.Round(time.Millisecond))
	}
	if err := c.named(); err != nil {
		return err
	}
	c.secrets = c.fixture.secrets(c.about)
	if k, ok := c.door.(Knocker); ok {
		if err := k.Knock(ctx); err != nil {
			return fmt.Errorf("started without a host: %w", err)
		}
	}
	return nil
}

// named says whether the plugin calls itself as its file does.
func (c *checker) named() error {
	n, ok := c.door.(Named)
	if !ok || n.Name() == "" || n.Name() == c.about.Name {
		return nil
	}
	return fmt.Errorf("the plugin calls itself %s, its file cortex-provider-%s: nobody can install or run it; rename one of them", c.about.Name, n.Name())
}
