package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// Serve is a plugin's whole main. It returns only when the plugin's work is
// done; the process exits then.
func Serve(p Plugin) {
	os.Exit(run(p, os.Args[1:], os.Stdout, os.Stderr))
}

func run(p Plugin, args []string, stdout, stderr io.Writer) int {
	switch {
	case len(args) == 0 && os.Getenv(HandshakeCookieKey) == HandshakeCookieValue:
		hideSelf() // keys are about to come
		collect(seldom)
		serve(p, nil)
	case len(args) == 1 && args[0] == "describe":
		enc := json.NewEncoder(stdout)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(described(p)); err != nil {
			fmt.Fprintln(stderr, "error:", err)
			return 1
		}
	case len(args) == 1 && args[0] == "docs":
		if err := writeDocs(stdout, p.Describe()); err != nil {
			fmt.Fprintln(stderr, "error:", err)
			return 1
		}
	case len(args) == 1 && args[0] == "--debug":
		return serveAlone(p, stdout, stderr)
	default:
		name := p.Describe().Name
		fmt.Fprintf(stderr, "error: this is the provider %s, a plugin of Cortex Host\n"+
			"hint: run it with `cortex-host run --provider %s ...`, or alone with describe, docs or --debug\n", name, name)
		return 2
	}
	return 0
}

// LogLevelVariable is the environment variable by which the host tells a plugin
// how much to log: an hclog level such as debug. Unset is info.
const LogLevelVariable = "CORTEX_LOG_LEVEL"

func serve(p Plugin, test *plugin.ServeTestConfig) {
	s := newServer(p)
	log := newLogger(s, os.Stderr)
	if user, ok := p.(LogUser); ok {
		user.UseLogger(log)
	}
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: Handshake(),
		Plugins:         pluginSet(s),
		GRPCServer:      newGRPCServer,
		Logger:          log,
		Test:            test,
	})
}

// newLogger returns a logger whose lines the host reads with their level.
func newLogger(s *server, w io.Writer) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{
		Name: s.impl.Describe().Name, Level: hclog.LevelFromString(os.Getenv(LogLevelVariable)),
		JSONFormat: true, Output: redactingWriter{s, w},
	})
}

func newGRPCServer(opts []grpc.ServerOption) *grpc.Server {
	return grpc.NewServer(append(opts, serverOptions()...)...)
}

// serveAlone serves without a host, prints how a host reaches the plugin, and runs
// until it is interrupted.
func serveAlone(p Plugin, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	reattach, done := make(chan *plugin.ReattachConfig, 1), make(chan struct{})
	go serve(p, &plugin.ServeTestConfig{Context: ctx, ReattachConfigCh: reattach, CloseCh: done})
	select {
	case r := <-reattach:
		if r == nil {
			fmt.Fprintln(stderr, "error: the plugin could not listen")
			return 1
		}
		line, err := json.Marshal(Reattach{Name: p.Describe().Name, Network: r.Addr.Network(), Address: r.Addr.String(), PID: r.Pid})
		if err != nil {
			fmt.Fprintln(stderr, "error:", err)
			return 1
		}
		fmt.Fprintf(stdout, "%s='%s'\n", ReattachVariable, line) // for a shell
	case <-done:
	}
	<-done
	return 0
}

// ReattachVariable is the environment variable by which a host is told of a
// plugin that runs already (--debug). Its value is a [Reattach] as JSON.
const ReattachVariable = "CORTEX_HOST_REATTACH"

// Reattach says where a plugin listens that nobody has to start.
type Reattach struct {
	Name    string `json:"name"`
	Network string `json:"network"`
	Address string `json:"address"`
	PID     int    `json:"pid"`
}

// ParseReattach reads the value of [ReattachVariable].
func ParseReattach(value string) (*Reattach, error) {
	var r Reattach
	if err := json.Unmarshal([]byte(value), &r); err != nil || r.Name == "" || r.Network != "unix" || r.Address == "" || r.PID <= 0 {
		return nil, fmt.Errorf("%s is not the line that a plugin prints when it is started with --debug", ReattachVariable)
	}
	return &r, nil
}
