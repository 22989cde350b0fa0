package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A netFault is a way in which the network or a vendor's front door breaks a
// call, and what the taxonomy says of it.
type netFault struct {
	name string
	// serve is what happens on a connection on which the request has been read;
	// accepted, if set, what happens before.
	serve    func(faultConn)
	accepted func(net.Conn)
	// tls is how the server speaks TLS: "" not at all.
	tls string
	// url is asked instead of the server.
	url string
	// kinds are the classes that the call may end in; none: it is answered.
	kinds []sdk.Kind
	// requests is the most that may be sent of one query.
	requests int
}

// faultRetries is --max-retries in the test.
const faultRetries = 1

var (
	unreachable = []sdk.Kind{sdk.Unreachable}
	inDoubt     = []sdk.Kind{sdk.InDoubt}
	badResponse = []sdk.Kind{sdk.BadResponse}
	redirected  = []sdk.Kind{sdk.NotFound}
	timedOut    = []sdk.Kind{sdk.DeadlineExceeded}
	// Which of the two depends on what the kernel saw first.
	sentOrNot = []sdk.Kind{sdk.Unreachable, sdk.InDoubt}
)

// A faultConn is a connection from which one request has been read.
type faultConn struct {
	net.Conn
	body string // of a good reply
}

func (c faultConn) send(parts ...string) {
	for _, p := range parts {
		if _, err := io.WriteString(c, p); err != nil {
			return // the client has had enough
		}
	}
}

// head is a reply's head with the right length of a body, and further lines.
func head(body string, lines ...string) string {
	return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + fmt.Sprint(len(body)) + "\r\n" + strings.Join(lines, "") + "\r\n"
}

func (c faultConn) reset() {
	time.Sleep(20 * time.Millisecond) // what was sent before shall arrive
	conn := c.Conn
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	conn.Close()
}

// hang waits until the client goes.
func (c faultConn) hang() { _, _ = io.Copy(io.Discard, c) }

func (c faultConn) drip(text string, pause time.Duration) {
	for i := range text {
		if _, err := io.WriteString(c, text[i:i+1]); err != nil {
			return
		}
		time.Sleep(pause)
	}
}

// good is a reply that ends the connection.
func (c faultConn) good() { c.send(head(c.body, "Connection: close\r\n"), c.body) }

func resetAccepted(c net.Conn) { faultConn{Conn: c}.reset() }

const early = "HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n"

var netFaults = []netFault{
	// Before anything is sent.
	{name: "refused", url: "http://127.0.0.1:1", kinds: unreachable},
	{name: "no such host", url: "http://no-such-host.invalid", kinds: append(unreachable, sdk.DeadlineExceeded)}, // a resolver may be silent
	{name: "no address of that family", url: "http://[100::1]:9", kinds: append(unreachable, sdk.DeadlineExceeded)},
	{name: "certificate of a stranger", tls: "stranger", kinds: unreachable},
	{name: "certificate of another name", tls: "name", kinds: unreachable},
	{name: "certificate that has expired", tls: "expired", kinds: unreachable},
	{name: "TLS of another age", tls: "old", kinds: unreachable},
	{name: "no TLS behind https", tls: "none", serve: faultConn.good, kinds: unreachable},
	{name: "closed in the TLS handshake", tls: "none", accepted: func(c net.Conn) { io.CopyN(io.Discard, c, 5) }, kinds: unreachable},
	{name: "reset in the TLS handshake", tls: "none", accepted: func(c net.Conn) { io.CopyN(io.Discard, c, 5); resetAccepted(c) }, kinds: unreachable},
	{name: "TLS handshake without end", tls: "none", accepted: func(c net.Conn) { io.Copy(io.Discard, c) }, kinds: timedOut, requests: 1},
	{name: "TLS behind http", tls: "unasked", kinds: append(inDoubt, sdk.BadResponse, sdk.InvalidRequest)},
	{name: "reset when accepted", accepted: resetAccepted, kinds: sentOrNot},
	{name: "closed when accepted", accepted: func(c net.Conn) {}, kinds: sentOrNot},

	// Before the body.
	{name: "reset before the reply", serve: faultConn.reset, kinds: inDoubt},
	{name: "closed before the reply", serve: func(c faultConn) {}, kinds: inDoubt},
	{name: "no reply", serve: faultConn.hang, kinds: timedOut, requests: 1},
	{name: "reset in the status line", serve: func(c faultConn) { c.send("HTTP/1.1 20"); c.reset() }, kinds: inDoubt},
	{name: "closed in the status line", serve: func(c faultConn) { c.send("HTTP/1.1 20") }, kinds: inDoubt},
	{name: "reset in the head", serve: func(c faultConn) { c.send("HTTP/1.1 200 OK\r\nContent-Ty"); c.reset() }, kinds: inDoubt},
	{name: "closed in the head", serve: func(c faultConn) { c.send("HTTP/1.1 200 OK\r\nContent-Ty") }, kinds: inDoubt},
	{name: "a head byte by byte, too slow", serve: func(c faultConn) { c.drip(head(c.body), 200*time.Millisecond) }, kinds: timedOut, requests: 1},
	{name: "a head without end", serve: func(c faultConn) {
		c.send("HTTP/1.1 200 OK\r\n")
		for range 1 << 16 {
			if _, err := io.WriteString(c, "X-Filler: "+strings.Repeat("x", 1000)+"\r\n"); err != nil {
				return
			}
		}
	}, kinds: inDoubt},

	// Inside the body.
	{name: "reset in the body", serve: func(c faultConn) { c.send(head(c.body), c.body[:20]); c.reset() }, kinds: inDoubt},
	{name: "closed in the body", serve: func(c faultConn) { c.send(head(c.body), c.body[:20]) }, kinds: inDoubt},
	{name: "hangs in the body", serve: func(c faultConn) { c.send(head(c.body), c.body[:20]); c.hang() }, kinds: timedOut, requests: 1},
	{name: "JSON that is cut", serve: func(c faultConn) { c.send(head(c.body[:40]), c.body[:40]) }, kinds: badResponse},
	{name: "a body byte by byte", serve: func(c faultConn) { c.send(head(c.body)); c.drip(c.body, time.Millisecond) }},
	{name: "a body without end", serve: func(c faultConn) {
		c.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
		for blank := bytes.Repeat([]byte(" "), 1<<16); ; {
			if _, err := c.Write(blank); err != nil {
				return
			}
		}
	}, kinds: badResponse},

	// Wrong lengths.
	{name: "a length too long", serve: func(c faultConn) { c.send(head(c.body+"more"), c.body) }, kinds: inDoubt},
	{name: "a length too short", serve: func(c faultConn) { c.send(head(c.body[:40]), c.body) }, kinds: badResponse},
	{name: "a length that is none", serve: func(c faultConn) {
		c.send(strings.Replace(head(c.body), "Length: ", "Length: -", 1), c.body)
	}, kinds: inDoubt},
	{name: "two lengths", serve: func(c faultConn) { c.send(head(c.body, "Content-Length: 7\r\n"), c.body) }, kinds: inDoubt},
	{name: "a chunk of no size", serve: func(c faultConn) { c.send(chunked, "zz\r\n", c.body) }, kinds: inDoubt},
	{name: "no last chunk", serve: func(c faultConn) { c.send(chunked, fmt.Sprintf("%x\r\n%s\r\n", len(c.body), c.body)) }, kinds: inDoubt},
	{name: "no length, and closed", serve: func(c faultConn) {
		c.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n", c.body)
	}},

	// Behind the body.
	{name: "reset behind the body", serve: func(c faultConn) { c.send(head(c.body), c.body); c.reset() }},
	{name: "more behind the body", serve: func(c faultConn) { c.send(head(c.body), c.body, "HTTP/1.1 500 Oops\r\n\r\n"); c.reset() }},

	// Garbage.
	{name: "garbage", serve: func(c faultConn) { c.send("\x00\x01\x02 what?\r\n\r\n") }, kinds: inDoubt},
	{name: "a page instead of JSON", serve: func(c faultConn) { c.send(head(webPage), webPage) }, kinds: badResponse},
	{name: "an empty body", serve: func(c faultConn) { c.send(head("")) }, kinds: badResponse},
	{name: "no content", serve: func(c faultConn) { c.send("HTTP/1.1 204 No Content\r\n\r\n") }, kinds: badResponse},
	{name: "packed, though nobody asked", serve: func(c faultConn) { c.send(head(c.body, "Content-Encoding: gzip\r\n"), "\x1f\x8b"+c.body[2:]) }, kinds: badResponse},
	{name: "a header with a NUL", serve: func(c faultConn) { c.send(head(c.body, "X-A: \x00\r\n"), c.body) }, kinds: append(inDoubt, "")},
	{name: "another protocol", serve: func(c faultConn) {
		c.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nhello")
	}, kinds: append(inDoubt, sdk.BadResponse)},

	// Redirects.
	{name: "301", serve: redirect(301), kinds: redirected},
	{name: "302", serve: redirect(302), kinds: redirected},
	{name: "307", serve: redirect(307), kinds: redirected},
	{name: "308, in a circle", serve: redirect(308), kinds: redirected},

	// Replies before the reply.
	{name: "100 continue", serve: func(c faultConn) { c.send("HTTP/1.1 100 Continue\r\n\r\n"); c.good() }},
	{name: "103 early hints", serve: func(c faultConn) { c.send(early, early); c.good() }},
	{name: "103 early hints without end", serve: func(c faultConn) {
		for range 1 << 16 {
			if _, err := io.WriteString(c, early); err != nil {
				return
			}
		}
	}, kinds: inDoubt},
	{name: "103 early hints, then closed", serve: func(c faultConn) { c.send(early) }, kinds: inDoubt},
}

const (
	chunked = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
	webPage = "<html><body>It works!</body></html>"
)

func redirect(status int) func(faultConn) {
	return func(c faultConn) {
		c.send(fmt.Sprintf("HTTP/1.1 %d Elsewhere\r\nLocation: http://%s/v1/chat/completions\r\nContent-Length: 0\r\n\r\n", status, c.LocalAddr()))
	}
}
