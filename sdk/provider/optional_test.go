package provider

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/cortexlinux/cortex-host/sdk"
)

// rich is a provider with everything that is optional.
type rich struct {
	fake
	models func() ([]sdk.Model, error)
	health func() error
	log    hclog.Logger
}

var (
	_ ModelLister   = (*rich)(nil)
	_ HealthChecker = (*rich)(nil)
	_ LogUser       = (*rich)(nil)
)

func (p *rich) ListModels(context.Context) ([]sdk.Model, error) { return p.models() }
func (p *rich) CheckHealth(context.Context) error               { return p.health() }
func (p *rich) UseLogger(log hclog.Logger)                      { p.log = log }

func TestOptionalInterfaces(t *testing.T) {
	want := []sdk.Model{{ID: "a", ContextTokens: 5}, {ID: "b", MaxOutputTokens: 7}}
	var fails error
	p := &rich{models: func() ([]sdk.Model, error) { return want, fails }, health: func() error { return fails }}
	c := connect(t, p)
	d, err := c.Describe(t.Context())
	if err != nil || !d.ListsModels || !d.ChecksHealth || !d.Stream {
		t.Errorf("described as %+v, %v", d, err)
	}
	if got, err := c.ListModels(t.Context()); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := c.CheckHealth(t.Context()); err != nil {
		t.Error(err)
	}
	fails = sdk.Errorf(sdk.Unauthenticated, "wrong key")
	if _, err := c.ListModels(t.Context()); !errors.Is(err, sdk.Unauthenticated) {
		t.Errorf("got %v", err)
	}
	if err := c.CheckHealth(t.Context()); !errors.Is(err, sdk.Unauthenticated) {
		t.Errorf("got %v", err)
	}
	p.models = func() ([]sdk.Model, error) { panic("oh") }
	p.health = func() error { panic("oh") }
	if _, err := c.ListModels(t.Context()); !errors.Is(err, sdk.Internal) {
		t.Errorf("a panic became %v", err)
	}
	if err := c.CheckHealth(t.Context()); !errors.Is(err, sdk.Internal) {
		t.Errorf("a panic became %v", err)
	}
}

func TestAPluginWithoutOptionalInterfaces(t *testing.T) {
	c := connect(t, echo)
	d, err := c.Describe(t.Context())
	if err != nil || d.ListsModels || d.ChecksHealth {
		t.Errorf("described as %+v, %v", d, err)
	}
	if _, err := c.ListModels(t.Context()); !errors.Is(err, sdk.Internal) || !strings.Contains(err.Error(), "does not implement ListModels") {
		t.Errorf("got %v", err)
	}
	if err := c.CheckHealth(t.Context()); !errors.Is(err, sdk.Internal) || !strings.Contains(err.Error(), "does not implement CheckHealth") {
		t.Errorf("got %v", err)
	}
}

// Nothing that leaves a plugin shows a secret: not an answer that echoes it,
// not the log, nor that of the configuration before.
func TestSecretsStayInThePlugin(t *testing.T) { bothWays(t, testSecretsStay) }

func testSecretsStay(t *testing.T, connect func(testing.TB, Plugin) *Client) {
	p := &fake{complete: func(_ context.Context, q *sdk.Query) (*sdk.Response, error) {
		return &sdk.Response{Content: q.Messages[0].Text, ModelServed: "m-sk-second", RequestID: "r-sk-second",
			ToolCalls: []sdk.ToolCall{{ID: "c-sk-second", Name: "sk-second", Arguments: `{"k":"sk-second"}`}}}, nil
	}}
	p.description.ConfigSchema = json.RawMessage(`{"properties":{"key":{"x-secret":true}}}`)
	c := connect(t, p)
	for _, key := range []string{`"sk-first"`, `"sk-second"`} {
		if err := c.Configure(t.Context(), sdk.Settings{"key": json.RawMessage(key)}); err != nil {
			t.Fatal(err)
		}
	}
	r, err := c.Complete(t.Context(), textQuery("you sent sk-first and sk-second"))
	if err != nil {
		t.Fatal(err)
	}
	if r.Content != "you sent [redacted] and [redacted]" || r.ModelServed != "m-[redacted]" || r.RequestID != "r-[redacted]" ||
		r.ToolCalls[0] != (sdk.ToolCall{ID: "c-[redacted]", Name: "[redacted]", Arguments: `{"k":"[redacted]"}`}) {
		t.Errorf("got %+v", r)
	}
}

func TestTheLogHasLevelsAndNoSecrets(t *testing.T) {
	t.Setenv(LogLevelVariable, "debug")
	s := newServer(&fake{description: sdk.Description{Name: "x", ConfigSchema: json.RawMessage(`{"properties":{"key":{"x-secret":true}}}`)}})
	s.learn(sdk.Settings{"key": json.RawMessage(`"sk-canary"`)})
	var b strings.Builder
	log := newLogger(s, &b)
	log.Debug("sent", "key", "sk-canary")
	log.Trace("not at this level")
	if got := b.String(); strings.Contains(got, "canary") || strings.Contains(got, "not at") || !strings.Contains(got, `"@level":"debug"`) || !strings.Contains(got, "[redacted]") {
		t.Errorf("got %s", got)
	}
}

// A panic is never the end of the plugin, not even one in Describe.
func TestAPanicInDescribe(t *testing.T) {
	c := connect(t, panicky{echo})
	if _, err := c.Describe(t.Context()); !errors.Is(err, sdk.Internal) || !strings.Contains(err.Error(), "panicked") {
		t.Errorf("got %v", err)
	}
	if r, err := c.Complete(t.Context(), textQuery("still here")); err != nil || r.Content != "still here" {
		t.Errorf("got %v, %v", r, err)
	}
}

type panicky struct{ *fake }

func (panicky) Describe() sdk.Description { panic("oh") }
