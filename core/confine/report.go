package confine

import (
	"encoding/json"
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
	// Name is stable: core, data, cpu, file_size, open_files, no_new_privs,
	// files, network, syscalls.
	Name string `json:"name"`
	// Enforced says whether it is in force.
	Enforced bool `json:"enforced"`
	// Detail says how, or why not.
	Detail string `json:"detail,omitempty"`
}

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
		m.Detail = err.Error()
	}
	r.Measures = append(r.Measures, m)
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
