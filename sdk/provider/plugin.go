package provider

import (
	"context"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/cortexlinux/cortex-host/sdk"
	providerv1 "github.com/cortexlinux/cortex-host/sdk/proto/cortex/provider/v1"
)

// A Plugin is a provider that can be served. Its methods are called from many
// goroutines at once.
type Plugin interface {
	sdk.Provider
	// Describe says what the plugin is, always the same. Its Name is the NAME
	// of the binary, cortex-provider-NAME.
	Describe() sdk.Description
	// Configure takes over settings, or refuses them with an error that names
	// the property and the fix and shows no secret.
	Configure(ctx context.Context, s sdk.Settings) error
}

// What both ends of the wire agree on. They are part of wire v1 and never
// change.
const (
	// HandshakeCookieKey and HandshakeCookieValue are an environment variable
	// that tells a plugin that a host started it. It is no secret.
	HandshakeCookieKey   = "CORTEX_HOST_PLUGIN"
	HandshakeCookieValue = "cortex.provider.v1"
	// PluginName is the name of the one plugin in a binary's plugin set.
	PluginName = "provider"
	// ProtocolVersion is the number in the handshake line.
	ProtocolVersion = 1
	// MaxMessageBytes bounds one message in either direction.
	MaxMessageBytes = 64 << 20
)

// Handshake returns go-plugin's handshake configuration.
func Handshake() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{
		ProtocolVersion:  ProtocolVersion,
		MagicCookieKey:   HandshakeCookieKey,
		MagicCookieValue: HandshakeCookieValue,
	}
}

// Plugins returns go-plugin's plugin set. The host passes nil.
func Plugins(p Plugin) plugin.PluginSet { return pluginSet(newServer(p)) }

func pluginSet(s *server) plugin.PluginSet {
	return plugin.PluginSet{PluginName: &grpcPlugin{server: s}}
}

// Both ends let each other send this much before they wait for a word, for one
// call and for all: gRPC's 64 KB make a busy connection wait all the time.
const (
	streamWindow     = 4 << 20
	connectionWindow = 16 << 20
	bufferSize       = 64 << 10 // of one system call
)

// DialOptions are what the host's end of a connection needs.
func DialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxMessageBytes), grpc.MaxCallSendMsgSize(MaxMessageBytes)),
		grpc.WithInitialWindowSize(streamWindow), grpc.WithInitialConnWindowSize(connectionWindow),
		grpc.WithReadBufferSize(bufferSize), grpc.WithWriteBufferSize(bufferSize),
	}
}

// serverOptions are what the plugin's end needs.
func serverOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(MaxMessageBytes), grpc.MaxSendMsgSize(MaxMessageBytes),
		grpc.InitialWindowSize(streamWindow), grpc.InitialConnWindowSize(connectionWindow),
		grpc.ReadBufferSize(bufferSize), grpc.WriteBufferSize(bufferSize),
	}
}

// grpcPlugin is go-plugin's view of a provider.
type grpcPlugin struct {
	plugin.NetRPCUnsupportedPlugin
	server *server
}

var _ plugin.GRPCPlugin = (*grpcPlugin)(nil)

// GRPCServer is the plugin's end.
func (g *grpcPlugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	providerv1.RegisterProviderServer(s, g.server)
	return nil
}

// GRPCClient is the host's end. It returns a [*Client].
func (g *grpcPlugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return NewClient(conn), nil
}

// NewServer returns a server that serves p without the handshake: for tests, and
// for hosts that bring their own.
func NewServer(p Plugin) *grpc.Server {
	s := newGRPCServer(nil)
	providerv1.RegisterProviderServer(s, newServer(p))
	return s
}
