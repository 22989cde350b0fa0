package providertest

import (
	"context"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider"
)

// A Door opens instances of a plugin: in this process ([Direct]), or as a
// process of its own.
type Door interface {
	// Open returns a fresh instance that has not been configured. caFile, if
	// not empty, is a certificate authority that the instance must trust as if
	// SSL_CERT_FILE named it; a door that can't do that returns
	// ErrNoCA.
	Open(ctx context.Context, caFile string) (Instance, error)
}

// An Instance is one running plugin.
type Instance interface {
	sdk.Provider
	Describe(ctx context.Context) (sdk.Description, error)
	Configure(ctx context.Context, s sdk.Settings) error
	Close() error
}

// Direct is a door to plugins in this process.
func Direct(newPlugin func() provider.Plugin) Door { return direct(newPlugin) }

type direct func() provider.Plugin

// Open implements Door. The certificates of this process are loaded once, so
// there is no CA for one instance.
func (d direct) Open(_ context.Context, caFile string) (Instance, error) {
	if caFile != "" {
		return nil, ErrNoCA
	}
	return inProcess{d()}, nil
}

type inProcess struct{ provider.Plugin }

func (i inProcess) Describe(context.Context) (sdk.Description, error) {
	return i.Plugin.Describe(), nil
}

func (i inProcess) Close() error { return nil }
