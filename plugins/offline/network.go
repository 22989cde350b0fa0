package main

import (
	"context"
	"path"
	"strings"

	"github.com/shirou/gopsutil/v3/net"
)

func lookAtNetwork(ctx context.Context, r *report) error {
	addresses := map[string][]string{}
	if interfaces, err := net.InterfacesWithContext(ctx); err == nil {
		for _, i := range interfaces {
			for _, a := range i.Addrs {
				addresses[i.Name] = append(addresses[i.Name], a.Addr)
			}
		}
	}
	sec := r.sheet.section("Interfaces")
	const dir = "/sys/class/net"
	seen := 0
	for _, name := range r.m.list(dir) {
		if name == "lo" || strings.HasPrefix(name, "veth") || strings.HasPrefix(name, "ifb") || name == "bonding_masters" {
			continue
		}
		seen++
		if seen > 64 {
			break
		}
		r.nic(sec, path.Join(dir, name), name, addresses[name])
	}
	if seen == 0 {
		r.from(sec, dir).text("there is no interface but the loopback")
	}
	r.routes()
	r.retransmissions()
	return nil
}

// nic tells of one interface and judges its link and its counters.
func (r *report) nic(sec *section, dir, name string, addresses []string) {
	value := func(file string) string { return r.m.word(path.Join(dir, file)) }
	counter := func(file string) uint64 { return parseUint(value("statistics/" + file)) }
	state := value("operstate")
	text := state
	if speed := value("speed"); parseUint(speed) > 0 {
		text += ", " + speed + " Mbit/s"
	}
	duplex := value("duplex")
	if duplex == "full" || duplex == "half" {
		text += ", " + duplex + " duplex"
	}
	driver := r.m.link(path.Join(dir, "device/driver"))
	if driver != "" {
		text += ", driver " + driver
	}
	text += ", MTU " + orNone(value("mtu"))
	if len(addresses) > 0 {
		text += ", " + strings.Join(addresses, " ")
	}
	r.from(sec, dir).fact(name, "%s", text)
	packets, errs := counter("rx_packets")+counter("tx_packets"), counter("rx_errors")+counter("tx_errors")
	dropped := counter("rx_dropped") + counter("tx_dropped")
	source := dir + "/statistics"
	r.from(sec, source).fact("", "%d packets since boot, %d with errors, %d dropped", packets, errs, dropped)
	if packets >= leastNICPackets {
		r.judge(nicErrorPercent, 100*float64(errs)/float64(packets), source, "%.2f %% of the packets of %s had errors", name)
		r.judge(nicDropPercent, 100*float64(dropped)/float64(packets), source, "%.2f %% of the packets of %s were dropped", name)
	}
	if duplex == "half" {
		r.find(warning, dir+"/duplex", "%s runs at half duplex: the other end may be set to a fixed speed", name)
	}
	up := parseFlags(value("flags"))&1 != 0
	if driver != "" && up && value("carrier") == "0" {
		r.find(warning, dir+"/carrier", "%s is switched on but has no link", name)
	}
}

// routes tells whether there is a way out and somebody to ask for names.
func (r *report) routes() {
	sec := r.sheet.section("Ways out")
	var through []string
	for line := range strings.Lines(r.m.read("/proc/net/route", 1<<20)) {
		f := strings.Fields(line)
		if len(f) > 7 && f[1] == "00000000" && f[7] == "00000000" {
			through = append(through, f[0])
		}
	}
	for line := range strings.Lines(r.m.read("/proc/net/ipv6_route", 1<<20)) {
		f := strings.Fields(line)
		if len(f) > 9 && strings.Trim(f[0], "0") == "" && f[1] == "00" && f[9] != "lo" {
			through = append(through, f[9]+" (IPv6)")
		}
	}
	const tables = "/proc/net/route, /proc/net/ipv6_route"
	r.from(sec, tables).fact("default route", "%s", names(through, r.m.settings.list))
	if len(through) == 0 {
		r.find(warning, tables, "there is no default route: nothing beyond the local networks can be reached")
	}
	var servers []string
	for line := range strings.Lines(r.m.read("/etc/resolv.conf", 64<<10)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "nameserver" {
			servers = append(servers, f[1])
		}
	}
	r.from(sec, "/etc/resolv.conf").fact("name servers", "%s", names(servers, r.m.settings.list))
	if len(servers) == 0 {
		r.find(warning, "/etc/resolv.conf", "no name server is set: names are not resolved, unless by the local machine")
	}
}

// retransmissions tells how much of what TCP sent had to be sent again.
func (r *report) retransmissions() {
	const snmp = "/proc/net/snmp"
	var heads, values []string
	for line := range strings.Lines(r.m.read(snmp, 1<<20)) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] != "Tcp:" {
			continue
		}
		if heads == nil {
			heads = f
		} else {
			values = f
		}
	}
	tcp := map[string]uint64{}
	for i := range min(len(heads), len(values)) {
		tcp[heads[i]] = parseUint(values[i])
	}
	sent, again := tcp["OutSegs"], tcp["RetransSegs"]
	if sent < leastTCPSegments {
		return
	}
	percent := 100 * float64(again) / float64(sent)
	r.from(r.sheet.section("TCP"), snmp).fact("sent again", "%.2f %% of %d segments since boot", percent, sent)
	r.judge(retransmitShare, percent, snmp, "%.1f %% of the TCP segments since boot were sent again: the network loses packets")
}
