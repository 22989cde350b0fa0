package main

import (
	"strings"
	"testing"
)

// seeds adds what the machines of testdata say, and pieces of it.
func seeds(f *testing.F, file string, tools ...string) {
	f.Helper()
	_, fake, _ := readMachine(f, file)
	for command, out := range fake.outputs {
		for _, tool := range tools {
			if strings.HasPrefix(command, tool+" ") {
				f.Add(out.stdout)
				f.Add(out.stdout[:len(out.stdout)/2])
				f.Add(out.stderr)
			}
		}
	}
}

// show renders facts that came of hostile output, as an answer would.
func show(t *testing.T, f *packageFacts) {
	t.Helper()
	m := &machine{settings: settings{list: 5}, now: fixtureClock, root: "/nowhere"}
	s := &sheet{headline: f.headline()}
	m.writeVersions(s, f)
	m.writeChange(s, f)
	m.writeRelations(s, f)
	m.writeConfig(s, f)
	harmlessToTerminals(t, s.String())
}

func FuzzApt(f *testing.F) {
	seeds(f, "machine-apt.txtar", "apt-cache", "apt-get")
	f.Add(" *** 1\nx:\n *** \n     \n        \n  Candidate: ")
	f.Fuzz(func(t *testing.T, text string) {
		facts := &packageFacts{name: "x", lists: lists{present: true}, change: parseSimulation(output{stdout: text, stderr: text, exit: len(text) % 2})}
		for _, p := range parsePolicy(text) {
			facts.installed, facts.candidate, facts.pin, facts.passedOver, facts.local = p.installed, p.candidate, p.pin, p.passedOver(), p.local()
			facts.security = p.security()
			if facts.security.newer && p.installed == "" {
				t.Fatalf("newer than what is not installed: %+v", p)
			}
		}
		facts.depends, facts.virtual = parseShowpkg(text)
		new(apt).fromShow(facts, parseControl(text, facts.candidate))
		show(t, facts)
	})
}

func FuzzDpkg(f *testing.F) {
	seeds(f, "machine-apt.txtar", "dpkg-query")
	f.Fuzz(func(t *testing.T, text string) {
		db := parseDpkg(text, fixtureNow)
		for name, entries := range db.packages {
			for _, p := range entries {
				facts := &packageFacts{name: name}
				new(apt).fromDpkg(facts, db, p)
				if facts.installed != "" && !p.installed() {
					t.Fatalf("%+v counts as installed", p)
				}
				show(t, facts)
			}
			if found := db.find(name, ""); found == nil || found.name != name {
				t.Fatalf("%q is in the database and is not found", name)
			}
		}
	})
}

func FuzzRPM(f *testing.F) {
	seeds(f, "machine-rpm.txtar", "rpm", "dnf")
	seeds(f, "machine-dnf5.txtar", "dnf")
	f.Fuzz(func(t *testing.T, text string) {
		out := output{stdout: text, stderr: text}
		facts := &packageFacts{name: "nginx", lists: lists{present: true}}
		facts.fromRPM(out, origin{})
		facts.fromDnf(out, out, origin{})
		facts.depends, facts.files, facts.config = capabilities(text), paths(text), parseVerify(text)
		facts.change = parseTransaction(out)
		show(t, facts)
	})
}

func FuzzAPK(f *testing.F) {
	seeds(f, "machine-apk.txtar", "apk")
	f.Fuzz(func(t *testing.T, text string) {
		facts := &packageFacts{name: "nginx", lists: lists{present: true}}
		facts.installed, facts.candidate = parseAPKPolicy(text), parseAPKSearch(text, "nginx")
		parts := parseAPKInfo(text)
		facts.depends, facts.neededBy, facts.files = parts["depends on"], parts["is required by"], parts["contains"]
		facts.config, facts.configChecked = parseAudit(text, facts.files)
		facts.change = parseAPKSimulation(output{stdout: text, stderr: text, exit: len(text) % 2})
		show(t, facts)
	})
}

func FuzzPacman(f *testing.F) {
	seeds(f, "machine-pacman.txtar", "pacman")
	f.Fuzz(func(t *testing.T, text string) {
		fields := parsePacman(text)
		facts := &packageFacts{name: "bash", installed: fields["Version"], summary: fields["Description"], depends: pacmanList(fields["Depends On"])}
		facts.config, facts.configChecked = parseBackup(text)
		facts.change = parsePacmanSimulation(output{stdout: text, stderr: text, exit: len(text) % 2}, "bash", facts.installed)
		show(t, facts)
	})
}

// FuzzMachine: what the kernel, systemd and smartctl say.
func FuzzMachine(f *testing.F) {
	_, _, archive := readMachine(f, "hardware-ill.txtar")
	for _, file := range archive.Files {
		f.Add(string(file.Data))
	}
	f.Add("Id=a.service\nListen=/run/x (Stream)\n\nId=b\n")
	f.Add("tcp LISTEN 0 511 0.0.0.0:80 0.0.0.0:* cgroup:/system.slice/nginx.service\n")
	f.Add(`{"smart_status":{"passed":true}}`)
	f.Add("1: POSIX  ADVISORY  WRITE 812 fe:00:1049 0 EOF\n2: -> x\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, u := range parseUnits(text) {
			if u.name == "" {
				t.Fatal("a unit without a name")
			}
			_ = u.describe()
		}
		sockets := map[string]socket{}
		parseSockets(text, "tcp", "0A", sockets)
		for inode, s := range sockets {
			if inode == "" || !strings.HasPrefix(s.address, "tcp ") {
				t.Fatalf("socket %q is at %+v", inode, s)
			}
		}
		if passed, known := parseSmart(text); passed && !known {
			t.Fatal("a health that is good and not known")
		}
		for unit, ports := range parseSS(text) {
			if unit == "" || len(ports) == 0 {
				t.Fatalf("unit %q listens on %q", unit, ports)
			}
		}
		_ = unitOf(text)
		_ = parseLocks(text, "1049")
		_ = parseFlags(text)
		_ = parseUint(text)
		_, _ = releaseTime(text)
		_ = taints(parseUint(text))
		_, _, _ = unitsOf(strings.Split(text, "\n"))
	})
}
