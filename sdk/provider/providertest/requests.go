package providertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"strings"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// requestChecks hold what the plugin sends against the fixture.
func (c *checker) requestChecks() []check {
	var all []check
	for _, r := range c.fixture.Upstream.Requests {
		all = append(all, check{Basic, "request: " + r.Name, func(ctx context.Context) error { return c.request(ctx, r) }})
	}
	return all
}

func (c *checker) request(ctx context.Context, want RequestCase) error {
	u := c.fixture.Upstream
	vendor, settings := c.vendor, want.Settings
	if want.BasePath != nil {
		settings = maps.Clone(settings)
		if settings == nil {
			settings = sdk.Settings{}
		}
		vendor, settings[u.BaseURL] = nil, quote(c.vendor.URL()+*want.BasePath)
	}
	i, err := c.openFor(ctx, vendor, settings)
	if err != nil {
		return err
	}
	defer i.Close()
	before := len(c.vendor.Requests())
	_, err = i.Complete(ctx, want.Query)
	sent := c.vendor.Requests()[before:]
	if want.Kind != "" {
		if _, err := c.wantError(&sdk.Response{}, err, want.Kind); err != nil {
			return err
		}
		if len(sent) > 0 {
			return errors.New("a query that can't be sent was sent nevertheless: it may have been paid for")
		}
		return nil
	}
	if err != nil {
		return err
	}
	if len(sent) != 1 {
		return fmt.Errorf("one Complete made %d requests", len(sent))
	}
	return want.satisfied(sent[0])
}

// satisfied says how the request differs from what it should be.
func (r *RequestCase) satisfied(got upstream.Request) error {
	if r.Path != "" && got.Path != r.Path {
		return fmt.Errorf("the path is %s, want %s", got.Path, r.Path)
	}
	for name, value := range r.Headers {
		if h := got.Header.Get(name); h != value {
			return fmt.Errorf("the header %s is %q, want %q", http.CanonicalHeaderKey(name), h, value)
		}
	}
	if len(r.Body) == 0 {
		return nil
	}
	var is, should any
	if err := json.Unmarshal(got.Body, &is); err != nil {
		return fmt.Errorf("the body is no JSON: %w", err)
	}
	if err := json.Unmarshal(r.Body, &should); err != nil {
		return fmt.Errorf("the fixture's body of the request %s is no JSON: %w", r.Name, err)
	}
	return different("", is, should)
}

// different names the first place at which two JSON values differ, nil for none.
func different(path string, is, should any) error {
	members, ok := should.(map[string]any)
	others, same := is.(map[string]any)
	if !ok || !same {
		if reflect.DeepEqual(is, should) {
			return nil
		}
		return fmt.Errorf("%s is %s, want %s", orBody(path), compact(is), compact(should))
	}
	for name, value := range members {
		other, ok := others[name]
		if !ok {
			return fmt.Errorf("%s is missing, want %s", path+"."+name, compact(value))
		}
		if err := different(path+"."+name, other, value); err != nil {
			return err
		}
	}
	for name, value := range others {
		if _, ok := members[name]; !ok {
			return fmt.Errorf("%s should not be there: %s", path+"."+name, compact(value))
		}
	}
	return nil
}

func orBody(path string) string {
	if path == "" {
		return "the body"
	}
	return path
}

func compact(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	s := strings.TrimSpace(b.String())
	if len(s) > 300 {
		s = strings.ToValidUTF8(s[:300], "") + "..."
	}
	return s
}

// contains says which of the wanted members the response lacks.
func contains(r *sdk.Response, want json.RawMessage) error {
	if len(want) == 0 {
		return nil
	}
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	var is, should map[string]any
	if err := json.Unmarshal(data, &is); err != nil {
		return err
	}
	if err := json.Unmarshal(want, &should); err != nil {
		return fmt.Errorf("the fixture's response is not an object: %w", err)
	}
	for name, value := range should {
		if err := different("the response's "+name, is[name], value); err != nil {
			return err
		}
	}
	return nil
}
