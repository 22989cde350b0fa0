package providertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

const (
	manyCalls = 1000
	hugeText  = 8 << 20
)

func (c *checker) robustChecks() []check {
	return []check{
		{Robust, "1000 calls at once", func(ctx context.Context) error { return c.manyCalls(ctx, usual) }},
		{Robust, "a prompt of 8 MiB", c.hugePrompt},
		{Robust, "a reply of 8 MiB", c.hugeReply},
	}
}

// manyCalls wants every call to get the answer to its own question.
func (c *checker) manyCalls(ctx context.Context, ask manner) error {
	return c.with(ctx, func(i Instance) error {
		if c.vendor != nil {
			c.vendor.SetScript(upstream.Always(upstream.Reply{Delay: 100 * time.Millisecond}))
		}
		errs := make([]error, manyCalls)
		var wg sync.WaitGroup
		for n := range manyCalls {
			wg.Go(func() {
				token, text := "", ""
				if c.vendor != nil {
					token = fmt.Sprintf("conformance-token-%d", 10_000+n)
					text = "Say " + token + "."
				}
				r, err := ask(ctx, i, c.fixture.query(text))
				switch {
				case err != nil:
					errs[n] = err
				case token != "" && r.Content != token:
					errs[n] = fmt.Errorf("the question for %s got the answer %.80q", token, r.Content)
				}
			})
		}
		wg.Wait()
		failed := 0
		for _, err := range errs {
			if err != nil {
				failed++
			}
		}
		if failed > 0 {
			return fmt.Errorf("%d of %d calls failed; one of them: %w", failed, manyCalls, errors.Join(firstOf(errs)))
		}
		return nil
	})
}

func firstOf(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) hugePrompt(ctx context.Context) error {
	if c.vendor == nil {
		return skip("needs an upstream")
	}
	return c.with(ctx, func(i Instance) error {
		const token = "conformance-token-3"
		r, err := i.Complete(ctx, c.fixture.query(token+" "+strings.Repeat("x", hugeText)+" "+token))
		if err != nil {
			return err
		}
		if r.Content != token {
			return fmt.Errorf("got the answer %.80q", r.Content)
		}
		return nil
	})
}

func (c *checker) hugeReply(ctx context.Context) error {
	if c.vendor == nil {
		return skip("needs an upstream")
	}
	answer := strings.Repeat("x", hugeText)
	vendor, err := c.startVendor(upstream.Config{Answer: func(upstream.Request) string { return answer }})
	if err != nil {
		return err
	}
	defer vendor.Close()
	i, err := c.openFor(ctx, vendor, nil)
	if err != nil {
		return err
	}
	defer i.Close()
	r, err := i.Complete(ctx, c.fixture.query(""))
	if err != nil {
		return err
	}
	if len(r.Content) != hugeText {
		return fmt.Errorf("the content has %d bytes of %d", len(r.Content), hugeText)
	}
	return nil
}
