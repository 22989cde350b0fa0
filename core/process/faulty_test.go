package process_test

import (
	"context"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // the codec that ours wraps
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"

	providerv1 "github.com/cortexlinux/cortex-host/sdk/proto/cortex/provider/v1"
)

// This file is a plugin that does everything wrong, on demand. It is written
// without the SDK, which would not let it.

// armed is the file in which one life of the plugin leaves the next one a
// fault for its start.
func armed() string { return filepath.Join(os.Getenv("XDG_CACHE_HOME"), "fault-at-start") }

func serveFaulty() {
	fault, _ := os.ReadFile(armed())
	os.Remove(armed())
	switch string(fault) {
	case "exit-in-handshake":
		fmt.Print("1|1|unix|")
		os.Exit(9)
	case "noise-before-handshake":
		fmt.Println("Welcome to faulty!\nloading ...")
		fmt.Print(strings.Repeat("#", 100_000) + "\n")
	}
	path := filepath.Join(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		panic(err)
	}
	f := &faulty{}
	server := grpc.NewServer(grpc.ForceServerCodecV2(hugeCodec{encoding.GetCodecV2("proto")}), grpc.MaxSendMsgSize(math.MaxInt32))
	providerv1.RegisterProviderServer(server, f)
	fmt.Printf("1|1|unix|%s|grpc\n", path)
	err = server.Serve(&badListener{l, f})
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

type faulty struct {
	providerv1.UnimplementedProviderServer
	wire   atomic.Value // "", "drip" or "garbage"
	leaked atomic.Bool
}

func (f *faulty) Describe(context.Context, *providerv1.DescribeRequest) (*providerv1.DescribeResponse, error) {
	return &providerv1.DescribeResponse{Name: "faulty", Version: "1.0.0", ConfigSchema: "{}"}, nil
}

func (f *faulty) Configure(context.Context, *providerv1.ConfigureRequest) (*providerv1.ConfigureResponse, error) {
	return &providerv1.ConfigureResponse{}, nil
}

func (f *faulty) Complete(_ context.Context, q *providerv1.CompleteRequest) (*providerv1.CompleteResponse, error) {
	if f.leaked.Load() {
		return failed("socket: too many open files"), nil
	}
	r := &providerv1.Response{Content: "fine", FinishReason: providerv1.FinishReason_FINISH_REASON_STOP}
	fault, rest, _ := strings.Cut(q.GetMessages()[0].GetText(), " ")
	switch fault {
	case "panic":
		go panic("at the disco")
		select {}
	case "exit-in-handshake", "noise-before-handshake":
		if err := os.WriteFile(armed(), []byte(fault), 0o600); err != nil {
			return failed(err.Error()), nil
		}
		os.Exit(1)
	case "stop":
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		time.Sleep(time.Hour)
	case "kill":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		time.Sleep(time.Hour)
	case "stdout":
		_, _ = syscall.Write(1, []byte(strings.Repeat("x", 1<<20)))
	case "stderr":
		_, _ = syscall.Write(2, []byte(strings.Repeat("x", 1<<20)))
	case "say":
		_, _ = syscall.Write(2, []byte(rest+"\n"))
	case "fail":
		return failed(rest), nil
	case "status":
		return nil, status.Error(codes.Unknown, rest)
	case "garbage", "drip":
		f.wire.Store(fault)
	case "huge":
		r.Content = hugeMark
	case "descriptors":
		for {
			if _, err := os.Open(os.DevNull); err != nil {
				break
			}
		}
		f.leaked.Store(true)
		return failed("socket: too many open files"), nil
	case "fork":
		// It leaves its parent's session, and hears no signal that can be heard.
		cmd := exec.Command("/bin/sh", "-c", `trap "" HUP INT TERM QUIT USR1; while :; do sleep 1; done`, rest)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := cmd.Start(); err != nil {
			return failed(err.Error()), nil
		}
		os.Exit(1)
	case "memory":
		debug.SetGCPercent(-1)
		for b := []byte{1}; ; {
			b = append(b, b...)
		}
	case "usage":
		r.Usage = &providerv1.Usage{PromptTokens: -5, CompletionTokens: math.MaxInt64, CachedTokens: math.MinInt64, ReasoningTokens: math.MaxInt64}
	}
	return &providerv1.CompleteResponse{Outcome: &providerv1.CompleteResponse_Response{Response: r}}, nil
}

func failed(message string) *providerv1.CompleteResponse {
	return &providerv1.CompleteResponse{Outcome: &providerv1.CompleteResponse_Error{
		Error: &providerv1.Error{Kind: providerv1.ErrorKind_ERROR_KIND_INTERNAL, Message: message}}}
}

// hugeMark is a content that the codec turns into a message of 1 GiB, without
// having it in memory.
const hugeMark = "1 GiB"

type hugeCodec struct{ encoding.CodecV2 }

func (c hugeCodec) Marshal(v any) (mem.BufferSlice, error) {
	if r, ok := v.(*providerv1.CompleteResponse); ok && r.GetResponse().GetContent() == hugeMark {
		piece := mem.SliceBuffer(make([]byte, 1<<20))
		all := make(mem.BufferSlice, 1<<10)
		for i := range all {
			all[i] = piece
		}
		return all, nil
	}
	return c.CodecV2.Marshal(v)
}

// A badListener hands out connections that can go bad.
type badListener struct {
	net.Listener
	f *faulty
}

func (l *badListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &badConn{conn, l.f}, nil
}

type badConn struct {
	net.Conn
	f *faulty
}

func (c *badConn) Write(p []byte) (int, error) {
	switch c.f.wire.Load() {
	case "garbage":
		_, err := c.Conn.Write([]byte(strings.Repeat("garbage \x00\xff", 100)))
		return len(p), err
	case "drip":
		for i := range p {
			time.Sleep(time.Second)
			if _, err := c.Conn.Write(p[i : i+1]); err != nil {
				return i, err
			}
		}
		return len(p), nil
	}
	return c.Conn.Write(p)
}
