package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// An arm is one way to get the queries answered.
type arm struct {
	name string
	// most is the longest case that it takes part in, 0 for any.
	most int
	// command returns the arguments and the environment of its process.
	command func(b *bench, j job) ([]string, []string, error)
}

// A job tells an arm what to do.
type job struct {
	Case
	Arm string `json:"arm"`
	// URL is the vendor's base URL, CA the file of its CA, if it speaks TLS.
	URL string `json:"url"`
	CA  string `json:"ca,omitempty"`
	// Input is the file of queries, Output the file of results.
	Input  string `json:"input"`
	Output string `json:"output"`
	// Profile is where to write a CPU profile, or empty.
	Profile string `json:"profile,omitempty"`
}

// baseline is the arm that all ratios are taken to.
const baseline = "loop"

var arms = []arm{
	{"floor", 0, ownArm}, {baseline, 0, ownArm}, {"files", 0, ownArm}, {"executor", 0, ownArm}, {"batch", 0, batchArm}, {"run", 10, generatedArm},
}

func armNames() []string {
	var names []string
	for _, a := range arms {
		names = append(names, a.name)
	}
	return names
}

// armsOf returns the arms that were asked for. The baseline is always there.
func armsOf(o options) ([]arm, error) {
	asked := strings.Split(o.arms, ",")
	for _, name := range asked {
		if !slices.Contains(armNames(), name) {
			return nil, fmt.Errorf("there is no arm %q; choose among %s", name, strings.Join(armNames(), ","))
		}
	}
	var list []arm
	for _, a := range arms {
		if a.name != baseline && !slices.Contains(asked, a.name) {
			continue
		}
		if a.name == "batch" || a.name == "run" {
			if _, err := os.Stat(filepath.Join(o.bin, "cortex-host")); err != nil {
				return nil, fmt.Errorf("the host is not built (%w): run make build, or leave out the arm %s", err, a.name)
			}
		}
		list = append(list, a)
	}
	return list, nil
}

// ownArm runs an arm of this program.
func ownArm(_ *bench, j job) (args, env []string, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	data, err := json.Marshal(j)
	return []string{self, roleArm, string(data)}, nil, err
}

// batchArm runs the host on a file.
func batchArm(b *bench, j job) (args, env []string, err error) {
	return hostArm(b, j, "batch", j.Input)
}

// generatedArm runs the host with a generator, which makes its own queries.
func generatedArm(b *bench, j job) (args, env []string, err error) {
	args = []string{"run", "package"}
	for i := range j.Queries {
		args = append(args, "package"+strconv.Itoa(i))
	}
	return hostArm(b, j, args...)
}

// hostArm runs the host as an operator would. Its directories are its own, so
// that the journal and the caches of one's real runs stay as they are.
func hostArm(b *bench, j job, command ...string) (args, env []string, err error) {
	host, err := filepath.Abs(filepath.Join(b.bin, "cortex-host"))
	if err != nil {
		return nil, nil, err
	}
	args = append([]string{host}, command...)
	args = append(args, "--provider", "openai", "--model", model, "--base-url", j.URL,
		"--max-concurrent", strconv.Itoa(j.InFlight), "-o", j.Output,
		"--requests-per-second", strconv.FormatFloat(cmp.Or(j.Rate, unreached), 'f', -1, 64))
	env = []string{"HOME=" + b.dir, "PATH=" + os.Getenv("PATH")}
	if j.CA != "" {
		env = append(env, "SSL_CERT_FILE="+j.CA)
	}
	return args, env, nil
}
