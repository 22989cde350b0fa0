package route

import (
	"errors"
	"fmt"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A Lane is one way to an answer: a provider instance with one credential.
// Limits, health and statistics are kept per lane and model.
type Lane struct {
	// Name is unique among the lanes of an executor.
	Name string
	// Instance is the provider instance that the lane belongs to; empty means
	// Name. Lanes of one instance differ in their credential and share its
	// load. A query's Provider field and a route name instances or lanes.
	Instance string
	// Provider makes the calls.
	Provider sdk.Provider
	// Model is used for queries that name none.
	Model string
	// Vendor is the provider's name in the price list, such as "openai". Empty
	// means Instance.
	Vendor string
	// Local says that the lane sends nothing off this machine. Unless a rate
	// is configured, a local lane has none.
	Local bool
	// Free says that answers cost nothing.
	Free bool
	// Limits are the provider's own. They lower the run's settings, never
	// raise them.
	Limits sdk.Limits
	// Models are those that the provider describes; they bound a reply's
	// length where a query does not.
	Models []sdk.Model
}

// Group returns the name under which the lane shares load: Instance, or Name.
func (l *Lane) Group() string {
	if l.Instance != "" {
		return l.Instance
	}
	return l.Name
}

// ModelFor returns the model that q is asked of on this lane. It may be empty:
// then the provider decides.
func (l *Lane) ModelFor(q *sdk.Query) string {
	if q.Model != "" {
		return q.Model
	}
	return l.Model
}

// MaxOutput returns the longest reply of a model in tokens, 0 if unknown.
func (l *Lane) MaxOutput(model string) int64 {
	for _, m := range l.Models {
		if m.ID == model {
			return m.MaxOutputTokens
		}
	}
	return 0
}

// MaxLanes bounds the lanes of one executor.
const MaxLanes = 64

func validate(lanes []Lane) error {
	if len(lanes) == 0 {
		return errors.New("no lane: configure at least one provider")
	}
	if len(lanes) > MaxLanes {
		return fmt.Errorf("%d lanes; at most %d", len(lanes), MaxLanes)
	}
	seen := make(map[string]bool, len(lanes))
	for i := range lanes {
		l := &lanes[i]
		switch {
		case l.Name == "":
			return fmt.Errorf("lane %d has no name", i)
		case l.Provider == nil:
			return fmt.Errorf("lane %q has no provider", l.Name)
		case seen[l.Name]:
			return fmt.Errorf("two lanes are named %q: give each a name of its own", l.Name)
		}
		seen[l.Name] = true
	}
	return nil
}
