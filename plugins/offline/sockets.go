package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A socket listens, and belongs to a user.
type socket struct{ address, uid string }

// listening returns the listening sockets by inode.
func (m *machine) listening() map[string]socket {
	sockets := map[string]socket{}
	for _, table := range []struct{ file, protocol, state string }{
		{"tcp", "tcp", "0A"}, {"tcp6", "tcp", "0A"}, {"udp", "udp", "07"}, {"udp6", "udp", "07"},
	} {
		parseSockets(m.read("/proc/net/"+table.file, 64<<20), table.protocol, table.state, sockets)
	}
	return sockets
}

// owner returns the user who listens on a port; empty if nobody does.
func (m *machine) owner(port string) string {
	for _, s := range m.listening() {
		if strings.HasSuffix(s.address, ":"+port) {
			return m.userName(s.uid)
		}
	}
	return ""
}

// userName returns the name of a user, or the number of one without.
func (m *machine) userName(uid string) string {
	for line := range strings.Lines(m.read("/etc/passwd", 1<<20)) {
		if f := strings.Split(line, ":"); len(f) > 2 && f[2] == uid {
			return f[0]
		}
	}
	return "number " + uid
}

// parseSockets reads a table of /proc/net: local address, state, user and inode
// are the second, fourth, eighth and tenth field.
func parseSockets(text, protocol, state string, into map[string]socket) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 10 || f[3] != state || f[9] == "0" {
			continue
		}
		if address, ok := socketAddress(f[1]); ok {
			into[f[9]] = socket{protocol + " " + address, f[7]}
		}
	}
}

// socketAddress reads "0100007F:0016": the address in words of the machine's
// byte order (little-endian on every platform that is promised), the port in
// hexadecimal.
func socketAddress(text string) (string, bool) {
	host, port, ok := strings.Cut(text, ":")
	raw, err := hex.DecodeString(host)
	number, err2 := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil || err2 != nil || len(raw)%4 != 0 {
		return "", false
	}
	for word := range slices.Chunk(raw, 4) {
		slices.Reverse(word)
	}
	address, ok := netip.AddrFromSlice(raw)
	if !ok {
		return "", false
	}
	if address.Unmap().IsUnspecified() {
		return fmt.Sprintf("*:%d", number), true
	}
	return netip.AddrPortFrom(address.Unmap(), uint16(number)).String(), true
}

// unitPorts asks ss which unit listens where. It is how ports are known of
// processes that may not be looked at: the kernel tells every socket's control
// group to everybody.
func (m *machine) unitPorts(ctx context.Context) map[string][]string {
	if !m.tools.Has("ss") {
		return nil
	}
	out, err := m.tools.Run(ctx, "ss", "-Hltun", "--cgroup")
	if err != nil || !out.ok() {
		return nil // an older ss does not know --cgroup
	}
	return parseSS(out.stdout)
}

// unitName is a part of a control group's path that is a systemd unit's.
var unitName = regexp.MustCompile(`^[A-Za-z0-9:_.\\@-]+\.(?:service|scope|socket)$`)

// unitOf takes the innermost unit out of a control group's path.
func unitOf(group string) string {
	parts := strings.Split(strings.TrimSpace(group), "/")
	for _, part := range slices.Backward(parts) {
		if unitName.MatchString(part) {
			return part
		}
	}
	return ""
}

// parseSS reads `ss -Hltun --cgroup`:
//
//	tcp LISTEN 0 511 0.0.0.0:80 0.0.0.0:* cgroup:/system.slice/nginx.service
func parseSS(text string) map[string][]string {
	ports := map[string][]string{}
	for _, line := range lines(text) {
		f := strings.Fields(line)
		if len(f) < 7 {
			continue
		}
		group, ok := strings.CutPrefix(f[len(f)-1], "cgroup:")
		unit := unitOf(path.Clean(group))
		if !ok || unit == "" {
			continue
		}
		host, port, ok := cutLast(f[4], ":")
		if !ok {
			continue
		}
		if host == "0.0.0.0" || host == "[::]" {
			host = "*"
		}
		address := f[0] + " " + host + ":" + port
		if !slices.Contains(ports[unit], address) {
			ports[unit] = append(ports[unit], address)
		}
	}
	return ports
}

// cutLast cuts a text at the last sep.
func cutLast(text, sep string) (before, after string, found bool) {
	i := strings.LastIndex(text, sep)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(sep):], true
}
