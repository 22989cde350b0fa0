package main

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestSocketAddress(t *testing.T) {
	for text, want := range map[string]string{
		"00000000:0050": "*:80", "0100007F:1F90": "127.0.0.1:8080", "00000000000000000000000000000000:0016": "*:22", "00000000000000000000000001000000:0050": "[::1]:80",
		"0000000000000000FFFF00000100007F:0050": "127.0.0.1:80", "zz:0050": "", "0100007F": "", "0100007F:FFFFF": "", "01:0050": "", "": "",
	} {
		got, ok := socketAddress(text)
		if got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v; want %q", text, got, ok, want)
		}
	}
}

func TestPortsByUnit(t *testing.T) {
	got := parseSS(`tcp   LISTEN 0      511                 0.0.0.0:80        0.0.0.0:*    cgroup:/system.slice/nginx.service
tcp   LISTEN 0      511                    [::]:80           [::]:*    cgroup:/system.slice/nginx.service
tcp   LISTEN 0      244               127.0.0.1:5432      0.0.0.0:*    cgroup:/system.slice/system-postgresql.slice/postgresql@15-main.service
udp   UNCONN 0      0             127.0.0.53%lo:53        0.0.0.0:*    cgroup:/system.slice/systemd-resolved.service
tcp   LISTEN 0      128                 0.0.0.0:2024      0.0.0.0:*    cgroup:/
tcp   LISTEN 0      128                 0.0.0.0:2025      0.0.0.0:*    cgroup:unreachable:b1d
nonsense
`)
	want := map[string][]string{"nginx.service": {"tcp *:80"}, "postgresql@15-main.service": {"tcp 127.0.0.1:5432"}, "systemd-resolved.service": {"udp 127.0.0.53%lo:53"}}
	if !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestUnitOfControlGroup(t *testing.T) {
	for group, want := range map[string]string{
		"0::/system.slice/nginx.service\n": "nginx.service", "0::/\n": "", "": "", "0::/user.slice/user-1000.slice/user@1000.service/app.slice/foo.service\n": "foo.service",
		"12:cpu:/\n0::/system.slice/system-getty.slice/getty@tty1.service\n": "getty@tty1.service", "0::/user.slice/user-0.slice/session-3.scope\n": "session-3.scope",
	} {
		if got := unitOf(group); got != want {
			t.Errorf("%q: %q, want %q", group, got, want)
		}
	}
}

// A confined plugin, or one that is not root, knows other processes by name.
func TestHiddenProcesses(t *testing.T) {
	r := &running{units: map[string][]string{"nginx.service": {"tcp *:80"}}, all: []*process{
		{pid: 1, program: "systemd", hidden: true}, {pid: 7, program: "nginx", hidden: true, unit: "nginx.service", ports: []string{"tcp *:80"}},
		{pid: 8, program: "/usr/bin/bash"}, {pid: 9, program: "a-program-with-a", hidden: true}, {pid: 10, program: "/usr/sbin/sshd", ports: []string{"tcp *:22"}},
	}}
	for _, c := range []struct {
		files []string
		want  string
	}{
		{[]string{"/usr/sbin/nginx", "/etc/nginx/nginx.conf"}, "nginx (pid 7); 1 process is known by its name only"},
		{[]string{"/bin/bash"}, "bash (pid 8)"},
		{[]string{"/usr/share/doc/nginx", "/usr/share/nginx"}, ""},
		{[]string{"/lib/systemd/systemd"}, "systemd (pid 1); 1 process is known by its name only"},
		{[]string{"/usr/lib/postgresql/15/bin/a-program-with-a-long-name"}, ""},
	} {
		mine := r.of(c.files)
		if got := byProgram(mine) + blind(mine); got != c.want {
			t.Errorf("%v: %q, want %q", c.files, got, c.want)
		}
	}
	for port, want := range map[string]string{"80": "the unit nginx.service", "22": "sshd (pid 10)", "8": "", "443": ""} {
		if got := strings.Join(r.listenerOn(port), ", "); got != want {
			t.Errorf("port %s: %q, want %q", port, got, want)
		}
	}
}

func TestWhoListens(t *testing.T) {
	m, _, _ := readMachine(t, "machine-apt.txtar")
	s := &sheet{}
	sec := s.section("now")
	for _, port := range []string{"80", "8080", "9"} {
		lookPort.tell(t.Context(), m, sec, port)
	}
	runs("nginx").tell(t.Context(), m, sec, "")
	runs("postgres").tell(t.Context(), m, sec, "")
	got := strings.Join(strings.Fields(s.String()), " ")
	for _, want := range []string{
		"port 80 nginx (pid 812) listens on it", "port 8080 a process of the user www-data listens on it", "port 9 nobody listens on it",
		"nginx runs: nginx (pids 812, 813) listening on 2: tcp *:80, tcp [::1]:80", "postgres does not run",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, s)
		}
	}
}

func TestLockHolder(t *testing.T) {
	const locks = "1: POSIX  ADVISORY  WRITE 812 fe:00:1049 0 EOF\n2: FLOCK  ADVISORY  WRITE 9 fe:00:77 0 EOF\n2: -> FLOCK  ADVISORY  WRITE 10 fe:00:77 0 EOF\n3: OFDLCK ADVISORY  READ -1 00:06:11 0 EOF\nx\n"
	for inode, want := range map[string]string{"1049": "812", "77": "9", "11": "", "49": "", "5": ""} {
		if got := parseLocks(locks, inode); got != want {
			t.Errorf("%s: %q, want %q", inode, got, want)
		}
	}
}

func TestUnits(t *testing.T) {
	const said = "Id=nginx.service\nLoadState=loaded\nActiveState=failed\nSubState=failed\nUnitFileState=disabled\n\nId=ssh.socket\nLoadState=loaded\nActiveState=active\nSubState=listening\nUnitFileState=enabled\nListen=0.0.0.0:22 (Stream)\nListen=[::]:22 (Stream)\n\n" +
		"Id=gone.service\nLoadState=not-found\nActiveState=inactive\nSubState=dead\nUnitFileState=\n\nLoadState=loaded\n"
	var got []string
	for _, u := range parseUnits(said) {
		got = append(got, u.name+": "+u.describe())
	}
	want := []string{"nginx.service: failed, disabled at boot", "ssh.socket: active (listening), enabled at boot, listens on 0.0.0.0:22 (Stream), [::]:22 (Stream)", "gone.service: inactive (dead), not-found"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
