package confine

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

const reportEnv = "CORTEX_CONFINE_REPORT"

// A Report says what the shim enforced on a child.
type Report struct {
	// Measures are in the order in which they were applied.
	Measures []Measure `json:"measures"`
	// LandlockABI is the kernel's Landlock version, 0 if it has none.
	LandlockABI int `json:"landlock_abi"`
}

// A Measure is one thing that was taken away from a child.
type Measure struct {
	// Name is stable: core, data, cpu, file_size, open_files, oom_score,
	// no_new_privs, capabilities, files, processes, signals, unix_sockets, network,
	// sockets, syscalls, tracing.
	Name string `json:"name"`
	// Enforced says whether it is in force.
	Enforced bool `json:"enforced"`
	// Detail says how, or why not.
	Detail string `json:"detail,omitempty"`
	// Missing says that it is not enforced because this system has no means.
	Missing bool `json:"missing,omitempty"`
}

// errMissing marks the error of a measure for which the system has no means.
var errMissing = missing{}

type missing struct{}

func (missing) Error() string { return "" }

// Enforced reports whether the measure of that name is in force.
func (r *Report) Enforced(name string) bool {
	for _, m := range r.Measures {
		if m.Name == name {
			return m.Enforced
		}
	}
	return false
}

func (r *Report) add(name string, err error, detail string) {
	m := Measure{Name: name, Enforced: err == nil, Detail: detail}
	if err != nil {
		m.Detail, m.Missing = err.Error(), errors.Is(err, errMissing)
	}
	r.Measures = append(r.Measures, m)
}

// failure names the first measure that should be in force and is not, although
// the system has the means. It returns nil if there is none.
func (r *Report) failure() error {
	for _, m := range r.Measures {
		if !m.Enforced && !m.Missing {
			return fmt.Errorf("%s cannot be enforced: %s", m.Name, m.Detail)
		}
	}
	return nil
}

// env returns the environment with the report in it.
func (r *Report) env(env []string) ([]string, error) {
	raw, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return append(env, reportEnv+"="+string(raw)), nil
}

// Enforced returns what was enforced on this process, which must be a child
// started with [Policy.Report].
func Enforced() (Report, error) {
	var r Report
	raw, ok := os.LookupEnv(reportEnv)
	if !ok {
		return r, errNotConfined
	}
	if err := json.Unmarshal([]byte(raw), &r); err != nil {
		return r, fmt.Errorf("confine: broken report: %w", err)
	}
	return r, nil
}
