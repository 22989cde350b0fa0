package credential_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/cortexlinux/cortex-host/core/credential"
	"github.com/cortexlinux/cortex-host/sdk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A vendor takes one key. Its clerk sends what it was configured with.
type vendor struct {
	mu           sync.Mutex
	valid, sent  string
	refusal      sdk.Error
	calls, reads int
	fresh        func() (string, error) // the next key
}

func (v *vendor) Complete(context.Context, *sdk.Query) (*sdk.Response, error) {
	v.mu.Lock()
	sent := v.sent
	v.mu.Unlock()
	time.Sleep(time.Second)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls++
	if sent != v.valid {
		e := v.refusal
		return nil, &e
	}
	return &sdk.Response{Content: sent}, nil
}

func (v *vendor) renew(context.Context) (bool, error) {
	v.mu.Lock()
	v.reads++
	v.mu.Unlock()
	time.Sleep(time.Second)
	v.mu.Lock()
	defer v.mu.Unlock()
	key, err := v.fresh()
	changed := key != v.sent
	if err == nil {
		v.sent = key
	}
	return changed, err
}

func newVendor() *vendor {
	v := &vendor{valid: "a", sent: "a", refusal: sdk.Error{Kind: sdk.Unauthenticated, Status: 401, Message: "no"}}
	v.fresh = func() (string, error) { return v.valid, nil }
	return v
}

// All calls that a key's end catches are refused, one of them renews the key,
// and everybody is told that the call can be made again.
func TestAKeyThatExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVendor()
		p := credential.New(v, v.renew)
		if r, err := p.Complete(t.Context(), new(sdk.Query)); err != nil || r.Content != "a" {
			t.Fatal(r, err)
		}
		for round := range 3 { // it expires every hour
			v.mu.Lock()
			v.valid = fmt.Sprint("b", round)
			v.mu.Unlock()
			var calls sync.WaitGroup
			var renewed atomic.Int64
			for range 50 {
				calls.Go(func() {
					if _, err := p.Complete(t.Context(), new(sdk.Query)); errors.Is(err, sdk.CredentialRenewed) {
						renewed.Add(1)
					} else {
						t.Error(err)
					}
				})
			}
			calls.Wait()
			if renewed.Load() != 50 || v.reads != round+1 {
				t.Errorf("%d calls were told, the key was read %d times", renewed.Load(), v.reads)
			}
			if r, err := p.Complete(t.Context(), new(sdk.Query)); err != nil || r.Content != v.valid {
				t.Error(r, err)
			}
		}
	})
}

// What does not help is done once, and the refusal stands.
func TestARefusalThatStands(t *testing.T) {
	for name, c := range map[string]struct {
		fresh   func() (string, error)
		refusal sdk.Error
		reads   int
		says    string
	}{
		"the same key":       {func() (string, error) { return "a", nil }, sdk.Error{Kind: sdk.Unauthenticated, Status: 401}, 1, ""},
		"no key":             {func() (string, error) { return "", errors.New("the vault is sealed") }, sdk.Error{Kind: sdk.Unauthenticated, Status: 401}, 1, "the vault is sealed"},
		"403 for other ends": {nil, sdk.Error{Kind: sdk.PermissionDenied, Status: 403, Message: "no such permission"}, 0, ""},
		"another failure":    {nil, sdk.Error{Kind: sdk.InvalidRequest, Status: 400, Message: "expired"}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newVendor()
				v.valid, v.refusal, v.fresh = "b", c.refusal, c.fresh
				p := credential.New(v, v.renew)
				for range 3 {
					_, err := p.Complete(t.Context(), new(sdk.Query))
					if !errors.Is(err, c.refusal.Kind) {
						t.Fatalf("got %v", err)
					}
					if c.says != "" && v.reads == 1 && v.calls == 1 && !strings.Contains(err.Error(), c.says) {
						t.Errorf("got %v", err)
					}
				}
				if v.reads != c.reads {
					t.Errorf("the key was read %d times", v.reads)
				}
			})
		})
	}
}

// A new key that is refused from the start is wrong: it is not read again and
// again.
func TestANewKeyThatIsWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVendor()
		n := 0
		v.valid, v.fresh = "never", func() (string, error) { n++; return fmt.Sprint("wrong", n), nil }
		p := credential.New(v, v.renew)
		for i, want := range []sdk.Kind{sdk.CredentialRenewed, sdk.Unauthenticated, sdk.Unauthenticated} {
			if _, err := p.Complete(t.Context(), new(sdk.Query)); !errors.Is(err, want) {
				t.Errorf("call %d: got %v, want %s", i, err, string(want))
			}
		}
		if v.reads != 1 {
			t.Errorf("the key was read %d times", v.reads)
		}
	})
}

func TestAnExpired403(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVendor()
		v.valid, v.refusal = "b", sdk.Error{Kind: sdk.PermissionDenied, Status: 403, Code: "ExpiredTokenException"}
		p := credential.New(v, v.renew)
		if _, err := p.Complete(t.Context(), new(sdk.Query)); !errors.Is(err, sdk.CredentialRenewed) {
			t.Errorf("got %v", err)
		}
	})
}

// Who waits for somebody else's renewal waits no longer than it may.
func TestWaitingEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVendor()
		v.valid = "b"
		hold := make(chan struct{})
		p := credential.New(v, func(context.Context) (bool, error) { <-hold; return false, nil })
		var first sync.WaitGroup
		first.Go(func() { _, _ = p.Complete(t.Context(), new(sdk.Query)) })
		time.Sleep(2 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if _, err := p.Complete(ctx, new(sdk.Query)); !errors.Is(err, sdk.Unauthenticated) {
			t.Errorf("got %v", err)
		}
		close(hold)
		first.Wait()
	})
}
