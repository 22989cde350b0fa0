package provider

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Future returns a client on the same connection that speaks as a later host
// will: every message holds fields that this version of the wire does not know.
// A plugin must not care. It is for conformance kits.
func (c *Client) Future() *Client { return NewClient(futureConn{c.conn}) }

// unknownFields have numbers that v1 will not reach.
var unknownFields = protowire.AppendString(
	protowire.AppendTag(protowire.AppendVarint(protowire.AppendTag(nil, 100_001, protowire.VarintType), 1), 100_002, protowire.BytesType),
	"from a later version")

func fromTheFuture(message any) {
	if m, ok := message.(proto.Message); ok {
		m.ProtoReflect().SetUnknown(unknownFields)
	}
}

type futureConn struct{ grpc.ClientConnInterface }

// Invoke implements grpc.ClientConnInterface.
func (f futureConn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	fromTheFuture(args)
	return f.ClientConnInterface.Invoke(ctx, method, args, reply, opts...)
}

// NewStream implements grpc.ClientConnInterface.
func (f futureConn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	s, err := f.ClientConnInterface.NewStream(ctx, desc, method, opts...)
	return futureStream{s}, err
}

type futureStream struct{ grpc.ClientStream }

// SendMsg implements grpc.ClientStream.
func (f futureStream) SendMsg(m any) error {
	fromTheFuture(m)
	return f.ClientStream.SendMsg(m)
}
