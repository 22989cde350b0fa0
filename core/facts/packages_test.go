package facts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// said answers for the tools of a machine that we are not on.
type said map[string]string

func (s said) run(_ context.Context, out io.Writer, tool string, args ...string) error {
	line := tool + " " + strings.Join(args, " ")
	for prefix, text := range s {
		if strings.HasPrefix(line, prefix) {
			_, _ = io.WriteString(out, text)
			return errors.New("exit status 1") // most tools fail when one name is unknown
		}
	}
	return errors.New("no such tool")
}

// What each family of tools prints, and what it means.
func TestManagers(t *testing.T) {
	names := []string{"bash", "nginx", "none"}
	for _, c := range []struct {
		manager string
		said    said
		want    string
	}{
		{"apt", said{
			"dpkg-query -W": "installed\tbash\tbash\t5.2-1\tamd64\nnot-installed\tnginx\tnginx\t\t\n",
			"apt-cache policy": "bash:\n  Installed: 5.2-1\n  Candidate: 5.2-2\n  Version table:\n *** 5.2-1 100\n" +
				"nginx:\n  Installed: (none)\n  Candidate: 1.22\nnone:\n  Installed: (none)\n  Candidate: (none)\n",
			"apt-cache --no-all-versions show": "Package: nginx\nVersion: 1.22\nArchitecture: all\nDescription: x\n y\n",
		}, "bash={5.2-1 5.2-2 amd64} nginx={ 1.22 all}"},
		{"dnf", said{
			"rpm -q":         "bash\t5.2-1.fc40\tx86_64\npackage nginx is not installed\n",
			"dnf -q":         "bash\t5.2-2.fc40\tx86_64\nnginx\t1.26-1.fc40\tx86_64\n",
			"dnf list bogus": "",
		}, "bash={5.2-1.fc40 5.2-2.fc40 x86_64} nginx={ 1.26-1.fc40 x86_64}"},
		{"apk", said{
			"apk list": "bash-5.2.26-r0 x86_64 {bash} (GPL-3.0) [installed]\nnginx-1.26.2-r0 x86_64 {nginx} (BSD-2-Clause)\n",
		}, "bash={5.2.26-r0 5.2.26-r0 x86_64} nginx={ 1.26.2-r0 x86_64}"},
		{"pacman", said{
			"pacman -Q ":  "bash 5.2.037-1\nerror: package 'nginx' was not found\n",
			"pacman -Si ": "Repository      : core\nName            : bash\nVersion         : 5.2.037-2\nArchitecture    : x86_64\n\nName            : nginx\nVersion         : 1.26-1\nArchitecture    : x86_64\n",
		}, "bash={5.2.037-1 5.2.037-2 x86_64} nginx={ 1.26-1 x86_64}"},
	} {
		t.Run(c.manager, func(t *testing.T) {
			l := &lookup{ctx: context.Background(), run: c.said.run, found: map[string]Package{}}
			for i := range managers {
				if managers[i].name == c.manager {
					managers[i].some(l, names)
				}
			}
			var got []string
			for _, name := range names {
				if p := l.found[name]; p != (Package{}) {
					got = append(got, fmt.Sprintf("%s=%v", name, p))
				}
			}
			if text := strings.Join(got, " "); text != c.want {
				t.Errorf("%s, want %s", text, c.want)
			}
		})
	}
}

// After many names everything is read once, and no tool is called any more.
func TestManyPackagesAreReadAtOnce(t *testing.T) {
	calls := 0
	c := New(Config{CacheDir: "off", Run: func(_ context.Context, out io.Writer, tool string, args ...string) error {
		calls++
		text := "installed\tp7\tp7:amd64\t1\tamd64\n"
		if tool == "apt-cache" && args[0] == "dumpavail" {
			text = "Package: p6\nVersion: 1\n\nPackage: p7\nVersion: 2\nArchitecture: amd64\n"
		}
		for i := range len(text) { // in pieces that end anywhere
			if _, err := io.WriteString(out, text[i:i+1]); err != nil {
				return err
			}
		}
		return nil
	}})
	c.packages = openPackageCache("", nil)
	c.manager = &managers[0]
	for i := range 1000 {
		if _, err := c.Packages(context.Background(), []string{fmt.Sprintf("p%d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	known, err := c.Packages(context.Background(), []string{"p7"})
	if got := string(known["p7"]); err != nil || got != `{"installed":"1","candidate":"2","architecture":"amd64"}` {
		t.Errorf("p7 is %s (%v)", got, err)
	}
	if calls > 3*bulkAfter+2 {
		t.Errorf("%d calls of tools", calls)
	}
}

// No name can be taken for an option, a pattern or a path.
func TestOnlyNamesReachTheTools(t *testing.T) {
	for _, name := range []string{"-x", "--help", "a*", "a b", "a;b", "../a", "", "a\n", "ä", strings.Repeat("x", 200)} {
		if packageName.MatchString(name) {
			t.Errorf("%q counts as a name", name)
		}
	}
	for _, name := range []string{"libstdc++6", "bash:amd64", "python3.11", "lib-x_y"} {
		if !packageName.MatchString(name) {
			t.Errorf("%q is refused", name)
		}
	}
}

// A fact must never say who or where the machine is.
func TestFactsNameNobody(t *testing.T) {
	c := New(Config{CacheDir: "off"})
	for _, name := range Names() {
		raw, err := c.Machine(context.Background(), name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, forbidden := range []string{`"hostname"`, `"address`, `"mac"`, `"serial"`, `"user"`} {
			if strings.Contains(strings.ToLower(string(raw)), forbidden) {
				t.Errorf("the fact %s has a member %s", name, forbidden)
			}
		}
	}
}
