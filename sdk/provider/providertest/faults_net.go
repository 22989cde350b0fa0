package providertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// redirect wants that neither the question nor the key follows.
func (c *checker) redirect(ctx context.Context) error {
	other, err := c.startVendor(upstream.Config{})
	if err != nil {
		return err
	}
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		_, err := c.fault(ctx, upstream.Reply{Status: status, Header: http.Header{"Location": {other.URL()}}},
			sdk.NotFound, sdk.InvalidRequest, sdk.BadResponse)
		if n := other.Stats().Requests; n != 0 {
			return fmt.Errorf("%d: %d requests followed the redirect to another host", status, n)
		}
		if err != nil {
			return fmt.Errorf("%d: %w", status, err)
		}
	}
	return nil
}

func (c *checker) nobodyListens(ctx context.Context) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := l.Addr().String()
	l.Close()
	u := c.fixture.Upstream
	i, err := c.openFor(ctx, nil, sdk.Settings{u.BaseURL: quote("http://" + address + u.Path)})
	if err != nil {
		return err
	}
	defer i.Close()
	r, err := i.Complete(ctx, c.fixture.query(""))
	_, err = c.wantError(r, err, sdk.Unreachable)
	return err
}

// invalidTLS wants no request to be sent to a server whose certificate is not
// to be trusted: for want of a CA, and with one because it has expired or is
// another host's.
func (c *checker) invalidTLS(ctx context.Context) error {
	for _, cert := range []struct {
		fault upstream.CertFault
		what  string
	}{
		{upstream.NoCertFault, "that nobody vouches for"}, {upstream.ExpiredCert, "that has expired"}, {upstream.OtherCert, "of another host"},
	} {
		vendor, err := c.startVendor(upstream.Config{TLS: true, CertFault: cert.fault})
		if err != nil {
			return err
		}
		err = c.distrusts(ctx, vendor, cert.fault != upstream.NoCertFault)
		sent := vendor.Stats().Requests
		vendor.Close()
		if err != nil {
			return fmt.Errorf("a certificate %s: %w", cert.what, err)
		}
		if sent != 0 {
			return fmt.Errorf("a request was sent to a server with a certificate %s", cert.what)
		}
	}
	return nil
}

// distrusts asks a server whose certificate is not right, with its CA in the
// configuration if known.
func (c *checker) distrusts(ctx context.Context, vendor *upstream.Server, known bool) error {
	settings, around := c.settingsFor(vendor, nil), Surroundings{}
	if name := c.fixture.Upstream.CA; known && name != "" {
		file, remove, err := caFile(vendor)
		if err != nil {
			return err
		}
		defer remove()
		settings[name], around.Readable = quote(file), []string{file}
	}
	i, err := c.door.Open(ctx, around)
	if err != nil {
		return err
	}
	defer i.Close()
	if err := i.Configure(ctx, settings); err != nil {
		return err
	}
	r, err := i.Complete(ctx, c.fixture.query(""))
	_, err = c.wantError(r, err, sdk.Unreachable)
	return err
}

// caFile writes the server's CA into a file.
func caFile(vendor *upstream.Server) (path string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "conformance-")
	if err != nil {
		return "", nil, err
	}
	path = filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(path, vendor.CA(), 0o600); err != nil {
		os.RemoveAll(dir)
		return "", nil, err
	}
	return path, func() { os.RemoveAll(dir) }, nil
}

// ownCA wants a certificate authority of a company's own to be trusted, by a
// setting or by SSL_CERT_FILE.
func (c *checker) ownCA(ctx context.Context) error {
	vendor, err := c.startVendor(upstream.Config{TLS: true})
	if err != nil {
		return err
	}
	defer vendor.Close()
	file, remove, err := caFile(vendor)
	if err != nil {
		return err
	}
	defer remove()
	settings := c.settingsFor(vendor, nil)
	tried := false
	if name := c.fixture.Upstream.CA; name != "" {
		settings[name] = quote(file)
		if !c.isFile(name) {
			return fmt.Errorf(`config_schema: mark %s with "x-file": true, so that a plugin that is confined is let read it`, name)
		}
		if err := c.trusts(ctx, Surroundings{Readable: []string{file}}, settings); err != nil {
			return fmt.Errorf("by the setting %s: %w", name, err)
		}
		delete(settings, name)
		tried = true
	}
	err = c.trusts(ctx, Surroundings{CertFile: file}, settings)
	switch {
	case errors.Is(err, ErrNoCA) && tried:
		return nil
	case errors.Is(err, ErrNoCA):
		return skip("the fixture names no setting for a CA, and SSL_CERT_FILE needs a process of its own")
	case err != nil:
		return fmt.Errorf("by SSL_CERT_FILE: %w", err)
	}
	return nil
}

// isFile reports whether a setting may be the path of a file.
func (c *checker) isFile(name string) bool {
	props, err := properties(c.about.ConfigSchema)
	if err != nil {
		return false
	}
	var p struct {
		File bool `json:"x-file"`
	}
	return json.Unmarshal(props[name], &p) == nil && p.File
}

func (c *checker) trusts(ctx context.Context, around Surroundings, s sdk.Settings) error {
	i, err := c.door.Open(ctx, around)
	if err != nil {
		return err
	}
	defer i.Close()
	if err := i.Configure(ctx, s); err != nil {
		return err
	}
	_, err = i.Complete(ctx, c.fixture.query(""))
	return err
}
