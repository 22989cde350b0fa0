package main

import (
	"bufio"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// samples are the lines of testdata/rules.txt, by rule.
type sample struct {
	kind byte // + - ~
	line string
}

func readSamples(t testing.TB) map[string][]sample {
	t.Helper()
	f, err := os.Open("testdata/rules.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	samples := map[string][]sample{}
	id := ""
	for scan := bufio.NewScanner(f); scan.Scan(); {
		line := scan.Text()
		switch {
		case line == "" || line[0] == '#':
		case strings.HasPrefix(line, "+ "), strings.HasPrefix(line, "- "), strings.HasPrefix(line, "~ "):
			samples[id] = append(samples[id], sample{line[0], line[2:]})
		default:
			if id = line; samples[id] != nil {
				t.Fatalf("%s is there twice", id)
			}
		}
	}
	return samples
}

func ids(hits []hit) (all []string) {
	for _, h := range hits {
		all = append(all, h.id)
	}
	return all
}

func TestEveryRuleKnowsItsLines(t *testing.T) {
	samples := readSamples(t)
	for _, r := range rules {
		positive, negative := 0, 0
		for _, s := range samples[r.id] {
			got := ids(match(rules, s.line))
			found := -1
			for i, id := range got {
				if id == r.id {
					found = i
				}
			}
			switch s.kind {
			case '-':
				negative++
				if found >= 0 {
					t.Errorf("%s matches %q", r.id, s.line)
				}
			case '+':
				positive++
				if found != 0 {
					t.Errorf("%s is not the first for %q: %v", r.id, s.line, got)
				}
			default:
				if found < 0 {
					t.Errorf("%s does not match %q: %v", r.id, s.line, got)
				}
			}
		}
		if positive == 0 || negative == 0 {
			t.Errorf("%s has %d lines that it matches and %d near misses in testdata/rules.txt; want one of each at least", r.id, positive, negative)
		}
		delete(samples, r.id)
	}
	for id := range samples {
		t.Errorf("testdata/rules.txt has lines for %s, which is no rule", id)
	}
}

func TestEveryRuleIsWhole(t *testing.T) {
	form := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	seen := map[string]bool{}
	for _, r := range rules {
		if !form.MatchString(r.id) || seen[r.id] {
			t.Errorf("the id %q is no id, or there twice", r.id)
		}
		seen[r.id] = true
		if r.title == "" || r.means == "" || r.source == "" || len(r.checks) == 0 || len(r.consider) == 0 || len(r.any) == 0 {
			t.Errorf("%s is not whole: %+v", r.id, r)
		}
		for _, words := range r.any {
			if words != smallLetters(words) || len(words) < 4 {
				t.Errorf("%s: %q must be in small letters and of 4 bytes at least", r.id, words)
			}
		}
		var groups []string
		if r.like != nil {
			for _, name := range r.like().SubexpNames() {
				groups = append(groups, strings.TrimRight(name, "0123456789"))
			}
		}
		for _, text := range append(append([]string{r.means, r.title}, r.checks...), r.consider...) {
			for _, mark := range placeholder.FindAllStringSubmatch(text, -1) {
				if !slices.Contains(groups, mark[1]) && !strings.Contains(text, "{{") {
					t.Errorf("%s: nothing catches {%s} in %q", r.id, mark[1], text)
				}
			}
		}
		for _, l := range r.facts {
			if l.uses != "" && !slices.Contains(groups, l.uses) {
				t.Errorf("%s: the look %q needs a group named %s", r.id, l.name, l.uses)
			}
		}
	}
	if len(rules) < 40 {
		t.Errorf("there are %d rules, want 40 at least", len(rules))
	}
}

// readers are the commands of checks that only read, and what of their words
// keeps them so: a pattern for their arguments.
var readers = map[string]string{
	"apachectl": `^(configtest|-M|-S|fullstatus)$`, "apt-cache": `^(policy|search)`, "apt-config": `^dump`, "apt-get": `^(check|-s )`, "apt-mark": `^showhold`,
	"aa-status": ``, "apk": `^--no-network policy`, "ausearch": `^-m avc`, "awk": ``, "blkid": ``, "btrfs": `^(device stats|scrub status|filesystem usage) [^-]`, "cat": ``, "chronyc": `(sources|tracking)`,
	"command": `^-v`, "conntrack": `^-S$`, "coredumpctl": `^(list|info)`, "crontab": `^-l$`, "cut": ``, "date": `^-u$`, "df": ``, "dkms": `^status`, "dmsetup": `^ls`,
	"dnf": `^-C (repolist|module list|versionlock list|search|provides|repoquery)`, "docker": `^(ps|info|logs|inspect|stats --no-stream|image inspect|manifest inspect|context ls)`,
	"dpkg": `^(--audit|-S|-s|-l)`, "du": ``, "dumpe2fs": `^-h `, "echo": ``, "env": `^$`, "ethtool": `^(-S )?[\w{}.-]+$`, "file": ``, "find": `^[^;]*$`, "findmnt": ``, "free": ``, "fuser": `^-vm `,
	"getconf": ``, "getenforce": ``, "getent": ``, "getfacl": ``, "getsebool": ``, "git": `^(remote -v|config .*--get-all)`, "go": `^(version|env [A-Z ]+$|mod (why|verify))`, "grep": ``, "head": ``, "hostname": `^-f$`,
	"id": ``, "iostat": ``, "ip": `^((-br|-6|-s) )?(addr|link|neigh|route (show|get .*))$|^(-br|-s) `, "ipmitool": `^(sel list|sdr type)`, "java": `^-version`, "jcmd": `^PID (GC\.(heap_info|class_histogram)|VM\.(flags|system_properties))`,
	"journalctl": ``, "kubectl": `^(describe|logs)`, "last": ``, "ldconfig": `^-p$`, "ldd": ``, "/lib64/ld-linux-x86-64.so.2": `^--help$`, "locale": ``, "loginctl": `^$`, "ls": ``, "lsattr": ``, "lsblk": ``, "lscpu": ``,
	"lsmod": ``, "lsof": ``, "lspci": ``, "lsusb": ``, "mailq": ``, "mdadm": `^--detail `, "modinfo": ``, "mokutil": `^(--sb-state|--list-enrolled)`, "namei": ``, "nfsstat": `^-m$`, "nft": `^list ruleset$`,
	"nginx": `^-[tT]`, "node": `^(--version|-e 'console\.log\(v8[^;]*)`, "npm": `^(ls|explain|--version)`, "nstat": `^-az`, "nvidia-smi": `^(-q .*|--query.*)?$`, "nvme": `^(smart-log|error-log)`, "objdump": `^-T`, "od": ``,
	"openssl": `^(s_client|x509 .*-noout|version)`, "pacman": `^-(Qo|Q|Qi|Qm|Dk)\b`, "perl": `^-V$`, "pg_lsclusters": ``, "php": `^-i$`, "pkg-config": ``, "postconf": `^-n$`, "postqueue": `^-p$`, "ps": ``,
	"python3": `^(-m pip (list|--version)|-m venv --help|-c 'import sys[^;]*; print\([^;]*)`, "quota": ``, "ras-mc-ctl": `^--summary`, "readelf": ``, "redis-cli": `^(info|config get|acl whoami|--bigkeys)`,
	"repquota": ``, "resolvectl": `^status`, "rocm-smi": `^--show`, "rpcinfo": ``, "rpm": `^-q`, "semanage": `^port -l`, "sensors": ``, "showmount": `^-e`, "smartctl": `^(-[HAxl] ?(error |selftest )?)+(/dev|$)`,
	"sort": `^[^o]*$`, "ss": ``, "ssh": `^(-v USER@HOST true|-vv USER@HOST true|-Q \w+|-V|-T git@HOST)$`, "ssh-add": `^-l$`, "ssh-keygen": `^(-F HOST -l|-lf -)$`, "ssh-keyscan": ``, "sshd": `^-t$`,
	"sudo": `^(-l$|-u postgres psql -c '(table|show|select|\\du)|mysql -e ['"](show|select) )`, "swapon": `^--show`, "sysctl": `^[a-z][a-z0-9_.-]*( [a-z][a-z0-9_.-]*)*$`, "systemctl": `^(--failed|status|show|cat|list-)`, "systemd-analyze": `^(verify|critical-chain)`,
	"systemd-cgtop": `^-b -n 1`, "systemd-detect-virt": ``, "tail": `^-n|^$`, "timedatectl": `^(timesync-status)?$`, "tracepath": ``, "ulimit": `^-[a-z]$`, "uname": ``, "uniq": `^(-c)?$`,
	"update-alternatives": `^--list`, "update-crypto-policies": `^--show`, "visudo": `^-c$`, "vmstat": ``, "wc": ``,
}

func TestChecksOnlyRead(t *testing.T) {
	for _, r := range rules {
		for _, check := range r.checks {
			if len(check) > pageWidth+16 {
				t.Errorf("%s: %q is too long for a line", r.id, check)
			}
			if why := changes(check); why != "" {
				t.Errorf("%s: the check %q may change something: %s", r.id, check, why)
			}
		}
	}
	for _, bad := range []string{
		"rm -rf /", "cat x > /etc/passwd", "df -h; reboot", "sysctl -w a=b", "find / -delete", "find / -exec rm {} +", "btrfs device stats -z /", "apt-get install x", "journalctl --vacuum-size=1M",
		"ip link set eth0 down", "echo $(reboot)", "echo `reboot`", "sort -o /etc/passwd", "nginx -s stop", "ls && reboot", "date -s 12:00", "fuser -km /", "smartctl -t long /dev/sda", "sudo rm x", "dmsetup remove x", "ss -K",
	} {
		if changes(bad) == "" {
			t.Errorf("%q counts as reading", bad)
		}
	}
}

// changes says why a command may change something, or nothing.
func changes(command string) string {
	for _, harmless := range []string{"2>/dev/null", "</dev/null"} {
		command = strings.ReplaceAll(command, harmless, "")
	}
	bare := regexp.MustCompile(`'[^']*'`).ReplaceAllString(command, "''") // what is quoted is no part of the shell's own words
	if i := strings.IndexAny(bare, "><`&"); i >= 0 || strings.Contains(bare, "$(") {
		return "it redirects, or runs another command"
	}
	for _, word := range []string{"-delete", "-exec", "--vacuum", "--rotate", "--flush", " -K", " -w "} {
		if strings.Contains(bare, word) {
			return word
		}
	}
	for _, part := range splitCommand(command) {
		name, rest, _ := strings.Cut(part, " ")
		pattern, known := readers[name]
		switch {
		case !known:
			return name + " is no command that is known to read only"
		case !regexp.MustCompile(pattern).MatchString(strings.TrimSpace(rest)):
			return name + " with these arguments is not known to read only"
		}
	}
	return ""
}

// splitCommand splits at | and ; outside quotes.
func splitCommand(command string) (parts []string) {
	var b strings.Builder
	quote := rune(0)
	for _, c := range command {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case quote == 0 && (c == '|' || c == ';'):
			parts = append(parts, strings.TrimSpace(b.String()))
			b.Reset()
			continue
		}
		b.WriteRune(c)
	}
	return append(parts, strings.TrimSpace(b.String()))
}

// destroys is what no text of the base may tell anybody to do.
var destroys = regexp.MustCompile(`(?i)\brm\b[^.;]* -|\brm -|\bdd\b.*\bof=|\bmkfs|\bwipefs|\bshred\b|\bfdisk\b|--zero-superblock|\bpurge\b|autoremove|kill -9|killall|\bfsck -y|e2fsck -[a-z]*[yp]|xfs_repair -L|zpool destroy|lvremove|vgremove|` +
	`drop (?:table|database)|truncate|--force\b|--nodeps|--no-gpg|--allow-unauthenticated|trusted=yes|chmod -R|chmod 777|setenforce 0|docker (?:system|volume|image|container) (?:prune|rm)|git (?:reset --hard|clean|push --force)|reboot -f|reset --hard|flushall|> ?/dev/`)

func TestNoRuleDestroys(t *testing.T) {
	for _, r := range rules {
		for _, text := range append(append([]string{r.means}, r.checks...), r.consider...) {
			text = strings.NewReplacer("2>/dev/null", "", "</dev/null", "").Replace(text)
			if found := destroys.FindString(text); found != "" {
				t.Errorf("%s says %q in %q", r.id, found, text)
			}
		}
	}
	for _, bad := range []string{"rm -rf /var", "use dd if=x of=/dev/sda", "mkfs.ext4 /dev/sda1", "apt-get purge x", "kill -9 1", "e2fsck -fy /dev/sda1", "rm the directory with -r"} {
		if !destroys.MatchString(bad) {
			t.Errorf("%q passes", bad)
		}
	}
}

func TestHealthyLinesMatchNothing(t *testing.T) {
	data, err := os.ReadFile("testdata/benign.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if hits := match(rules, line); !strings.HasPrefix(line, "#") && len(hits) > 0 {
			t.Errorf("%v match %q", ids(hits), line)
		}
	}
}
