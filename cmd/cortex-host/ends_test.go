package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// A recorded run has an output file, and its vendor tells when it was asked.
type recorded struct {
	t      *testing.T
	vendor *upstream.Server
	home   string
	out    string
	n      int
	args   []string
}

func newRecorded(t *testing.T, n int, cfg upstream.Config, args ...string) *recorded {
	t.Helper()
	r := &recorded{t: t, vendor: startVendor(t, cfg), home: t.TempDir(), n: n}
	r.out = filepath.Join(r.home, "data", "out.ndjson")
	if err := os.Mkdir(filepath.Dir(r.out), 0o700); err != nil {
		t.Fatal(err)
	}
	r.args = append([]string{filepath.Join(layout, "cortex-host"), "batch", queryFile(t, n), "-o", r.out, "-j", "8", "--requests-per-second", "off",
		"--provider", "openai", "--base-url", r.vendor.URL() + "/v1"}, args...)
	return r
}

// command runs the program, by the words before it if there are any.
func (r *recorded) command(before ...string) *exec.Cmd {
	args := append(before, r.args...)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = r.home, append(cleanEnv(r.home), "OPENAI_API_KEY=sk-1"), 5*time.Second
	return cmd
}

// start starts a command and waits until so many requests were made.
func (r *recorded) start(cmd *exec.Cmd, requests int) *lockedBuffer {
	r.t.Helper()
	errs := new(lockedBuffer)
	cmd.Stderr = errs
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for deadline := time.Now().Add(20 * time.Second); r.vendor.Stats().Requests < requests; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("the run did not get going: %s", errs)
		}
	}
	return errs
}

// quietSince fails the test if the vendor was asked later than that.
func (r *recorded) quietSince(at time.Time) {
	r.t.Helper()
	for _, q := range r.vendor.Requests() {
		if q.At.After(at) {
			r.t.Errorf("the vendor was asked %v later", q.At.Sub(at))
			return
		}
	}
}

// partial returns how many rows the partial file has, and fails if one is torn.
func (r *recorded) partial() int { return r.rowsIn(r.out + ".partial") }

func (r *recorded) rowsIn(path string) int {
	r.t.Helper()
	text, n := readFile(r.t, path), 0
	ids := map[string]bool{}
	for line := range strings.Lines(text) {
		var row sdk.Result
		if err := row.UnmarshalJSON([]byte(line)); err != nil || !strings.HasSuffix(line, "\n") || ids[row.QueryID] {
			r.t.Fatalf("a row that is torn or there twice: %q %v", line, err)
		}
		ids[row.QueryID] = true
		n++
	}
	return n
}

// resumes continues the run and wants it to be complete, with no more calls
// than those that were not answered, and those that were cut off.
func (r *recorded) resumes(rows, cut int) {
	r.t.Helper()
	before := r.vendor.Stats().Requests
	r.vendor.SetScript(nil)
	cmd := r.command()
	cmd.Args = append(cmd.Args, "--resume")
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("%v\n%s", err, out)
	}
	if n := r.rowsIn(r.out); n != r.n {
		r.t.Errorf("%d rows of %d queries", n, r.n)
	}
	if calls := r.vendor.Stats().Requests - before; calls > r.n-rows {
		r.t.Errorf("%d calls after the resume; %d rows were there", calls, rows)
	}
	if n := r.vendor.Stats().Requests; n > r.n+cut {
		r.t.Errorf("%d calls for %d queries, %d of which were cut off", n, r.n, cut)
	}
}

var resumeCommand = regexp.MustCompile("`cortex-host resume [0-9]{8}-[0-9]{6}-[0-9a-f]{6}`")

// The first signal stops the sending at once, waits for what is under way, and
// tells how to go on.
func TestSignalsStopTheSending(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(s.String(), func(t *testing.T) {
			if signal.Ignored(s) {
				t.Skip("SKIPPED: the tests were started so that this signal is ignored (nohup)")
			}
			r := newRecorded(t, 300, upstream.Config{Latency: 60 * time.Millisecond})
			cmd := r.command()
			errs := r.start(cmd, 40)
			cmd.Process.Signal(s)
			at := time.Now()
			waitEnd(t, cmd, 10*time.Second)
			if took := time.Since(at); took > time.Second*slack {
				t.Errorf("it took %v to end", took)
			}
			if code := cmd.ProcessState.ExitCode(); code != 128+int(s) || !resumeCommand.MatchString(errs.String()) {
				t.Errorf("exit %d\n%s", code, errs)
			}
			r.quietSince(at.Add(100 * time.Millisecond * slack))
			rows := r.partial()
			if sent := r.vendor.Stats().Requests; rows != sent {
				t.Errorf("%d answers were kept of %d calls", rows, sent)
			}
			r.resumes(rows, 0)
		})
	}
}

// The second signal does not wait, and what it cuts off is asked again.
func TestTheSecondSignalLeavesARunThatCanBeResumed(t *testing.T) {
	r := newRecorded(t, 100, upstream.Config{Script: func(q upstream.Request) upstream.Reply {
		if q.Number < 20 {
			return upstream.Reply{}
		}
		return upstream.Reply{Fault: upstream.Hang}
	}}, "--drain", "1m")
	cmd := r.command()
	errs := r.start(cmd, 28)
	cmd.Process.Signal(syscall.SIGINT)
	for deadline := time.Now().Add(5 * time.Second); !strings.Contains(errs.String(), "nothing more is sent") && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	at := time.Now()
	cmd.Process.Signal(syscall.SIGINT)
	waitEnd(t, cmd, 10*time.Second)
	if took := time.Since(at); took > time.Second*slack || cmd.ProcessState.ExitCode() != 130 || !resumeCommand.MatchString(errs.String()) {
		t.Errorf("exit %d after %v\n%s", cmd.ProcessState.ExitCode(), took, errs)
	}
	rows := r.partial()
	if rows != 20 {
		t.Errorf("%d rows", rows)
	}
	r.resumes(rows, 8)
}

// Under nohup, a terminal that goes away is no reason to end.
func TestHangupIsIgnoredUnderNohup(t *testing.T) {
	r := newRecorded(t, 100, upstream.Config{Latency: 50 * time.Millisecond})
	cmd := r.command("sh", "-c", `trap "" HUP; exec "$0" "$@"`)
	errs := r.start(cmd, 10)
	cmd.Process.Signal(syscall.SIGHUP)
	waitEnd(t, cmd, 20*time.Second)
	if code := cmd.ProcessState.ExitCode(); code != 0 || r.rowsIn(r.out) != 100 {
		t.Errorf("exit %d\n%s", code, errs)
	}
}

// A deadline and a budget end a run as a signal does: what is under way is
// waited for, and the run can be resumed.
func TestDeadlineAndBudgetEndLikeASignal(t *testing.T) {
	for name, args := range map[string][]string{
		"deadline": {"--deadline", "1s"},
		"budget":   {"--max-cost", "0.005", "--price", "1,10", "--max-tokens", "50"},
		"tokens":   {"--max-total-tokens", "600", "--max-tokens", "50"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRecorded(t, 1000, upstream.Config{Latency: 200 * time.Millisecond}, args...)
			cmd := r.command()
			errs := r.start(cmd, 1)
			waitEnd(t, cmd, 30*time.Second)
			if code := cmd.ProcessState.ExitCode(); code != exitEarly || !resumeCommand.MatchString(errs.String()) {
				t.Errorf("exit %d\n%s", code, errs)
			}
			rows := r.partial()
			if sent := r.vendor.Stats().Requests; rows != sent || rows == 0 || rows > 500 {
				t.Errorf("%d answers were kept of %d calls", rows, sent)
			}
		})
	}
}

// long makes answers of 20 kB.
func long(upstream.Request) string { return strings.Repeat("a long answer ", 1500) }

// small runs the program where its output directory is a file system of so many
// kilobytes. What it leaves there is in the directory afterwards. It skips the
// test where no such file system can be had.
func (r *recorded) small(kilobytes int) (output string, code int) {
	r.t.Helper()
	unshare := []string{"unshare", "--mount"}
	if os.Geteuid() != 0 {
		unshare = append(unshare, "--user", "--map-root-user")
	}
	cmd := r.command(append(unshare, "sh", "-c", `mount -t tmpfs -o mode=700,size="$SIZE"k none "$DATA" || exit 99
		"$0" "$@"; code=$?; cp "$DATA"/* "$SAVED"; exit $code`)...)
	saved := r.t.TempDir()
	cmd.Env = append(cmd.Env, fmt.Sprint("SIZE=", kilobytes), "DATA="+filepath.Dir(r.out), "SAVED="+saved)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() == 99 || strings.HasPrefix(string(out), "unshare:") {
		r.t.Skipf("SKIPPED: no file system of one's own can be had on this machine: %v %s", err, out)
	}
	files, err := filepath.Glob(filepath.Join(saved, "*"))
	for _, f := range files {
		if err == nil {
			err = os.Rename(f, filepath.Join(filepath.Dir(r.out), filepath.Base(f)))
		}
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// A disk that is full shows before the first call, or stops the sending at once
// and tears no row, wherever it happens; when there is room the run goes on.
func TestFullDisk(t *testing.T) {
	t.Run("before the first call", func(t *testing.T) {
		r := newRecorded(t, 100, upstream.Config{})
		out, code := r.small(500)
		if code != exitFatal || !strings.Contains(out, "no space left on device") || !strings.Contains(out, "hint: free some space on that disk") || r.vendor.Stats().Requests != 0 {
			t.Errorf("exit %d, %d calls\n%s", code, r.vendor.Stats().Requests, out)
		}
		if _, err := os.Stat(r.out + ".partial"); err == nil {
			t.Error("a partial file was left behind")
		}
	})
	for _, kilobytes := range []int{1100, 1312, 2000, 3004} {
		t.Run(fmt.Sprint(kilobytes, " KB"), func(t *testing.T) {
			r := newRecorded(t, 300, upstream.Config{Latency: 5 * time.Millisecond, Answer: long})
			out, code := r.small(kilobytes)
			if code != exitFatal || !strings.Contains(out, "no space left on device") || !strings.Contains(out, "hint: free some space on that disk; then continue with ") ||
				!resumeCommand.MatchString(out) {
				t.Fatalf("exit %d\n%s", code, out)
			}
			rows, sent := r.partial(), r.vendor.Stats().Requests
			if rows < 20 || sent > rows+2*8 {
				t.Errorf("%d rows, %d calls: more than were under way when the disk was full", rows, sent)
			}
			r.resumes(rows, sent-rows)
		})
	}
}

// Rows that go to a file by way of stdout are whole too, and a log that the disk
// has no room for is told.
func TestFullDiskOfStdoutAndLog(t *testing.T) {
	r := newRecorded(t, 300, upstream.Config{Latency: 5 * time.Millisecond, Answer: long})
	batch := append(slices.Clone(r.args[:3]), r.args[5:]...) // without -o
	r.args = append([]string{"sh", "-c", `exec "$0" "$@" > "$DATA/out.ndjson.partial"`}, batch...)
	out, code := r.small(1100)
	if rows := r.partial(); code != exitFatal || !strings.Contains(out, "hint: free some space on that disk") || rows < 20 {
		t.Errorf("exit %d, %d rows\n%s", code, rows, out)
	}
	log := filepath.Join(filepath.Dir(r.out), "log")
	r.args = append(batch, "-o", filepath.Join(r.home, "out2.ndjson"), "--log", log, "--log-content")
	if out, code = r.small(500); code != exitOK || !strings.Contains(out, "warning: the log is not complete: write "+log+": no space left on device") {
		t.Errorf("exit %d\n%s", code, out)
	}
}

// Where nothing can be written, nothing is asked.
func TestReadOnlyTarget(t *testing.T) {
	r := newRecorded(t, 10, upstream.Config{})
	cmd := r.command()
	if os.Geteuid() == 0 {
		cmd = r.command("unshare", "--mount", "sh", "-c", `mount -t tmpfs -o ro none "$DATA" || exit 99; exec "$0" "$@"`)
		cmd.Env = append(cmd.Env, "DATA="+filepath.Dir(r.out))
	} else if err := os.Chmod(filepath.Dir(r.out), 0o500); err != nil {
		t.Fatal(err)
	}
	out, _ := cmd.CombinedOutput()
	code := cmd.ProcessState.ExitCode()
	if code == 99 || os.Geteuid() == 0 && strings.Contains(string(out), "unshare") {
		t.Skipf("SKIPPED: root, and no file system of one's own on this machine: %s", out)
	}
	if code != exitUsage && code != exitFatal || !strings.Contains(string(out), r.out) || !strings.Contains(string(out), "hint: name a") && !strings.Contains(string(out), "read-only: name another place") || r.vendor.Stats().Requests != 0 {
		t.Errorf("exit %d, %d calls\n%s", code, r.vendor.Stats().Requests, out)
	}
}

// A directory that is removed while the run goes on stops it within a second.
func TestRemovedDirectory(t *testing.T) {
	r := newRecorded(t, 100_000, upstream.Config{Latency: 10 * time.Millisecond})
	cmd := r.command()
	errs := r.start(cmd, 50)
	if err := os.RemoveAll(filepath.Dir(r.out)); err != nil {
		t.Fatal(err)
	}
	at := time.Now()
	waitEnd(t, cmd, 20*time.Second)
	if code := cmd.ProcessState.ExitCode(); code != exitFatal || !strings.Contains(errs.String(), "was removed while the run was writing to it") {
		t.Errorf("exit %d\n%s", code, errs)
	}
	r.quietSince(at.Add(time.Second * slack))
}

// A signal ends the check of a long file, too.
func TestASignalEndsTheCheck(t *testing.T) {
	path := queryFile(t, 600_000)
	cmd := command(t, "batch", path, "--provider", "simulator", "--dry-run")
	cmd.Stderr = new(lockedBuffer)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(400 * time.Millisecond) // it reads for about two seconds
	sent := time.Now()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code, took := cmd.ProcessState.ExitCode(), time.Since(sent); code != 143 || took > 100*time.Millisecond*slack {
		t.Errorf("exit %d after %v\n%s", code, took, cmd.Stderr)
	}
}

// A signal ends a program that waits for a pipe which nobody opens or fills.
func TestASignalEndsAWait(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"batch", pipe, "--provider", "simulator"}, {"batch", "-", "--provider", "simulator", "--dry-run"}, {"batch", queryFile(t, 1), "--provider", "simulator", "-o", pipe},
		{"run", "package", "--input", pipe, "--provider", "simulator"}, {"report", "-", "-o", pipe},
	} {
		cmd := command(t, args...)
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		errs := new(lockedBuffer)
		cmd.Stderr = errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(500 * time.Millisecond)
		sent := time.Now()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		waitEnd(t, cmd, 20*time.Second)
		stdin.Close()
		if code, took := cmd.ProcessState.ExitCode(), time.Since(sent); code != 143 || took > deaf*slack || !strings.Contains(errs.String(), "\nhint: ") {
			t.Errorf("%v: exit %d after %v\n%s", args, code, took, errs)
		}
	}
}

// A signal that came before its run could hear of it does not end the program
// while it closes what the run, which has ended in order, has left open.
func TestAnEarlySignalLeavesTimeToClose(t *testing.T) {
	i := &interrupts{}
	i.ctx, i.cancel = context.WithCancelCause(t.Context())
	i.receive(&signalError{syscall.SIGTERM})
	if !i.aborted() {
		t.Error("nobody knows an orderly end, and the program may wait for ever")
	}
	heard := false
	done := i.onFirst(func(*signalError) { heard = true })
	if !heard || i.aborted() {
		t.Errorf("the run has heard of it: %v, and is cut off: %v", heard, i.aborted())
	}
	done()
	if i.aborted() {
		t.Error("the run has ended in order, and the program would be cut off")
	}
	if i.receive(&signalError{syscall.SIGTERM}) {
		t.Error("whoever insists is not heard")
	}
}
