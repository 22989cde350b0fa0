package providertest

import (
	"context"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider"
)

// A Door opens instances of a plugin: in this process ([Direct]), or as a
// process of its own.
type Door interface {
	// Open returns a fresh instance that has not been configured.
	Open(ctx context.Context, s Surroundings) (Instance, error)
}

// Surroundings are what an instance finds when it starts. The zero value is
// nothing special.
type Surroundings struct {
	// CertFile, if not empty, is a certificate authority that the instance must
	// trust as if SSL_CERT_FILE named it. A door that can't do that returns
	// [ErrNoCA].
	CertFile string
	// Readable are files that settings name (x-file), which an instance that
	// is confined must be let read.
	Readable []string
}

// A Knocker is a door that can look at what happens before an instance is
// there: a plugin that no host started must say what it is and end.
type Knocker interface {
	Knock(ctx context.Context) error
}

// Named is a door that knows by which name the plugin's file goes.
type Named interface{ Name() string }

// An Instance is one running plugin.
type Instance interface {
	sdk.Provider
	Describe(ctx context.Context) (sdk.Description, error)
	Configure(ctx context.Context, s sdk.Settings) error
	// Client is the plugin's wire.
	Client(ctx context.Context) (*provider.Client, error)
	Close() error
}

// A Logger is an instance that knows what the plugin wrote to its log and to
// stderr so far.
type Logger interface {
	Log() string
}

// Direct is a door to plugins in this process, through the wire.
func Direct(newPlugin func() provider.Plugin) Door { return direct(newPlugin) }

type direct func() provider.Plugin

// Open implements Door. The certificates of this process are loaded once, so
// there is no CA for one instance.
func (d direct) Open(_ context.Context, s Surroundings) (Instance, error) {
	if s.CertFile != "" {
		return nil, ErrNoCA
	}
	i := &inProcess{listener: bufconn.Listen(1 << 20), server: provider.NewServer(d()), served: make(chan struct{})}
	go func() {
		defer close(i.served)
		_ = i.server.Serve(i.listener) // it always ends with an error, by Close
	}()
	var err error
	i.conn, err = grpc.NewClient("passthrough:///plugin", append(provider.DialOptions(),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return i.listener.DialContext(ctx) }))...)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	i.client = provider.NewClient(i.conn)
	return i, nil
}

type inProcess struct {
	listener *bufconn.Listener
	server   *grpc.Server
	conn     *grpc.ClientConn
	client   *provider.Client
	served   chan struct{}
}

var _ Instance = (*inProcess)(nil)

// Client implements Instance.
func (i *inProcess) Client(context.Context) (*provider.Client, error) { return i.client, nil }

// Describe implements Instance.
func (i *inProcess) Describe(ctx context.Context) (sdk.Description, error) {
	return i.client.Describe(ctx)
}

// Configure implements Instance.
func (i *inProcess) Configure(ctx context.Context, s sdk.Settings) error {
	return i.client.Configure(ctx, s)
}

// Complete implements Instance.
func (i *inProcess) Complete(ctx context.Context, q *sdk.Query) (*sdk.Response, error) {
	return i.client.Complete(ctx, q)
}

// Close implements Instance.
func (i *inProcess) Close() error {
	err := i.conn.Close()
	i.server.Stop()
	<-i.served
	return err
}
