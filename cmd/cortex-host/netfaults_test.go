package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// faultTasks bounds how many faults share a run: each has a lane of its own, and
// for the fallback a task type of its own.
var faultTasks = []string{"user_chat", "requirement_parsing", "system_operation", "error_debugging", "code_generation", "dependency_resolution", "configuration", "tool_execution"}

// Each fault of the network ends in the class that the taxonomy says: at a
// fixed rate, at one that is found, and with a lane to fall back to.
func TestFaultsOfTheNetwork(t *testing.T) {
	slow := func(f netFault) bool { return slices.Contains(f.kinds, sdk.DeadlineExceeded) }
	var groups [][]netFault
	for _, want := range []bool{true, false} {
		some := slices.DeleteFunc(slices.Clone(netFaults), func(f netFault) bool { return slow(f) != want })
		groups = slices.AppendSeq(groups, slices.Chunk(some, len(faultTasks)))
	}
	var all sync.WaitGroup
	atOnce := make(chan struct{}, 4) // they mostly wait
	for _, mode := range []string{"fixed", "adaptive", "fallback"} {
		for i, group := range groups {
			timeout := "20s" // enough for five tries
			if slow(group[0]) {
				timeout = "3s"
			}
			atOnce <- struct{}{}
			all.Go(func() {
				defer func() { <-atOnce }()
				t.Run(fmt.Sprintf("%s %d", mode, i), func(t *testing.T) { faultRun(t, mode, timeout, group) })
			})
		}
	}
	all.Wait()
	t.Logf("%d faults", len(netFaults))
}

// faultRun asks one query of each fault.
func faultRun(t *testing.T, mode, timeout string, group []netFault) {
	good := startVendor(t, upstream.Config{})
	ca := newFaultCA(t)
	servers := make([]*faultServer, len(group))
	var config, queries strings.Builder
	fmt.Fprintf(&config, "providers:\n  good: {plugin: openai, model: m, settings: {base_url: %q}}\n", good.URL()+"/v1")
	routes := "routes:\n"
	for i, f := range group {
		servers[i] = startFaultServer(t, f, ca)
		fmt.Fprintf(&config, "  f%d: {plugin: openai, model: m, settings: {base_url: %q, ca_file: %q}}\n", i, servers[i].url()+"/v1", ca.file)
		routes += fmt.Sprintf("  %s: [f%d, good]\n", faultTasks[i], i)
		who := fmt.Sprintf(`"provider":"f%d"`, i)
		if mode == "fallback" {
			who = fmt.Sprintf(`"task_type":%q`, faultTasks[i])
		}
		fmt.Fprintf(&queries, `{"id":"q%d","messages":[{"role":"user","content":"?"}],%s}`+"\n", i, who)
	}
	if mode == "fallback" {
		config.WriteString(routes)
	}
	rate := map[string]string{"fixed": "100", "adaptive": "auto", "fallback": "100"}[mode]
	cmd := hostCommand(t, good, "batch", "in.ndjson", "--config", "config.yaml", "--max-retries", fmt.Sprint(faultRetries), "--timeout", timeout,
		"-j", "20", "--requests-per-second", rate)
	cmd.Args = cmd.Args[:len(cmd.Args)-4] // nobody is named
	for name, text := range map[string]string{"config.yaml": config.String(), "in.ndjson": queries.String()} {
		if err := os.WriteFile(filepath.Join(cmd.Dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, errs, _, _ := timed(t, cmd)
	rows := map[string]sdk.Result{}
	for line := range strings.Lines(out) {
		var r sdk.Result
		if err := r.UnmarshalJSON([]byte(line)); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		rows[r.QueryID] = r
	}
	for i, f := range group {
		r, ok := rows[fmt.Sprint("q", i)]
		if !ok {
			t.Errorf("%s: no row\n%s", f.name, errs)
			continue
		}
		f.judge(t, mode, &r, servers[i])
	}
}

// judge compares a row with what the taxonomy says.
func (f *netFault) judge(t *testing.T, mode string, r *sdk.Result, s *faultServer) {
	t.Helper()
	kind := sdk.Kind("")
	if r.Error != nil {
		kind = r.Error.Kind
	}
	kinds := f.kinds
	if len(kinds) == 0 {
		kinds = []sdk.Kind{""}
	}
	// Who may do better elsewhere is asked elsewhere: those who were not
	// reached, whose answer is in doubt, or who are not there.
	fallsBack := mode == "fallback" && slices.ContainsFunc(kinds, func(k sdk.Kind) bool {
		return k == sdk.Unreachable || k == sdk.InDoubt || k == sdk.NotFound
	})
	if fallsBack && kind == "" && r.Degraded && r.Response.Provider == "good" {
		kind = kinds[0]
	} else if fallsBack && slices.Contains(kinds, kind) && (kind == sdk.Unreachable || kind == sdk.InDoubt || kind == sdk.NotFound) {
		t.Errorf("%s: %s, and nobody else was asked", f.name, kind)
	}
	if !slices.Contains(kinds, kind) {
		t.Errorf("%s: ended as %q, want %q: %+v", f.name, kind, kinds, r.Error)
	}
	most := int64(1)
	if f.requests > 0 {
		most = int64(f.requests)
	} else if slices.Contains(f.kinds, sdk.InDoubt) {
		most += faultRetries
	}
	if n := s.requests.Load(); n > most {
		t.Errorf("%s: %d requests were sent; at most %d", f.name, n, most)
	}
	if len(f.kinds) == 1 && r.PossiblyBilled != (kind == sdk.InDoubt || kind == sdk.DeadlineExceeded || kind == sdk.BadResponse) {
		t.Errorf("%s: %q, possibly billed: %v", f.name, kind, r.PossiblyBilled)
	}
}

// A faultServer breaks every call in one way.
type faultServer struct {
	fault    netFault
	listener net.Listener
	config   *tls.Config
	requests atomic.Int64
	conns    sync.WaitGroup
}

func startFaultServer(t *testing.T, f netFault, ca *faultCA) *faultServer {
	t.Helper()
	s := &faultServer{fault: f}
	if f.url != "" {
		return s
	}
	var err error
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s.config = ca.serve(t, f.tls)
	s.conns.Go(func() {
		for {
			c, err := s.listener.Accept()
			if err != nil {
				return
			}
			s.conns.Go(func() { s.handle(c) })
		}
	})
	t.Cleanup(func() { s.listener.Close(); s.conns.Wait() })
	return s
}

func (s *faultServer) url() string {
	switch {
	case s.fault.url != "":
		return s.fault.url
	case s.fault.tls == "" || s.fault.tls == "unasked":
		return "http://" + s.listener.Addr().String()
	}
	return "https://" + s.listener.Addr().String()
}

func (s *faultServer) handle(c net.Conn) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	if s.config != nil {
		c = tls.Server(c, s.config)
	}
	if s.fault.accepted != nil {
		s.fault.accepted(c)
		return
	}
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return
	}
	s.requests.Add(1)
	if s.fault.serve != nil {
		s.fault.serve(faultConn{c, string(upstream.OpenAI().Answer("m", "yes"))})
	}
}

// A faultCA is a certificate authority whose certificates can be wrong.
type faultCA struct {
	file string
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newFaultCA(t *testing.T) *faultCA {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &faultCA{file: filepath.Join(t.TempDir(), "ca.pem"), key: key, cert: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "faults"}, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}}
	der, err := x509.CreateCertificate(rand.Reader, ca.cert, ca.cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ca.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return ca
}

// serve returns how a server speaks TLS in this way, nil if it does not.
func (ca *faultCA) serve(t *testing.T, how string) *tls.Config {
	t.Helper()
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "leaf"}, NotBefore: time.Now().Add(-47 * time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	parent, config := ca, &tls.Config{}
	switch how {
	case "", "none":
		return nil
	case "stranger":
		parent = newFaultCA(t)
	case "name":
		leaf.IPAddresses, leaf.DNSNames = nil, []string{"elsewhere.example"}
	case "expired":
		leaf.NotAfter = time.Now().Add(-time.Hour)
	case "old":
		config.MinVersion, config.MaxVersion = tls.VersionTLS10, tls.VersionTLS10
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, parent.cert, &parent.key.PublicKey, parent.key)
	if err != nil {
		t.Fatal(err)
	}
	config.Certificates = []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: parent.key}}
	return config
}
