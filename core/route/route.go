// Package route decides where a query may go: which lanes, in which order.
//
// A [Table] maps task types to the names of lanes or provider instances. The
// first name is where a query of that type belongs, the others are its
// fallbacks, in order. Nothing falls back but along a table: without one,
// every query goes to the first lane and nowhere else. So a query reaches a
// remote lane from a local one only where somebody wrote that down.
//
//	route.Table{
//		sdk.UserChat:        {"chat", "system"},  // chat, else system
//		sdk.SystemOperation: {"system", "chat"},  // the other way round
//		route.AnyTask:       {"chat"},            // all other task types
//	}
//
// A query that names its provider goes there or fails: a forced provider never
// falls back.
//
// A [Path] is the result: an ordered list of stops, each a group of lanes that
// share the load (several keys of one provider). [Visited] remembers where a
// query has failed, so that nothing bounces.
//
// A [Router] does not change after [New] and is safe for concurrent use.
package route

import (
	"fmt"
	"sort"
	"strings"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A Table maps a task type to an ordered list of lane or instance names.
type Table map[sdk.TaskType][]string

// AnyTask is the row for task types that have no row of their own.
const AnyTask sdk.TaskType = ""

// A Path is where one query may go.
type Path struct {
	// Stops are tried in order. Each is a group of lanes that share the load,
	// given by their index in the list that New got.
	Stops [][]int
	// Forced says that the query named its provider.
	Forced bool
}

// A Router finds the path of a query.
type Router struct {
	byTask  map[sdk.TaskType]Path
	any     Path
	byName  map[string]Path // lanes and instances, for forced queries
	choices string          // the names that a query may force, for errors
}

// New checks the lanes and the table and returns their router. The order of
// lanes is kept: a [Path] speaks of them by index.
func New(lanes []Lane, table Table) (*Router, error) {
	if err := validate(lanes); err != nil {
		return nil, err
	}
	r := &Router{byTask: make(map[sdk.TaskType]Path), byName: make(map[string]Path)}
	groups := make(map[string][]int)
	for i := range lanes {
		groups[lanes[i].Group()] = append(groups[lanes[i].Group()], i)
	}
	for i := range lanes {
		r.byName[lanes[i].Name] = Path{Stops: [][]int{{i}}, Forced: true}
	}
	for name, members := range groups {
		if i, ok := r.byName[name]; ok && !contains(members, i.Stops[0][0]) {
			return nil, fmt.Errorf("%q is the name of a lane and of another lane's instance: rename one", name)
		}
		r.byName[name] = Path{Stops: [][]int{members}, Forced: true}
	}
	names := make([]string, 0, len(r.byName))
	for name := range r.byName {
		names = append(names, name)
	}
	sort.Strings(names)
	r.choices = strings.Join(names, ", ")

	r.any = Path{Stops: [][]int{groups[lanes[0].Group()]}}
	for task, row := range table {
		path, err := r.path(task, row)
		if err != nil {
			return nil, err
		}
		if task == AnyTask {
			r.any = path
		} else {
			r.byTask[task] = path
		}
	}
	return r, nil
}

func (r *Router) path(task sdk.TaskType, row []string) (Path, error) {
	what := fmt.Sprintf("route of task type %q", task)
	if task == AnyTask {
		what = "route of all other task types"
	} else if !task.Valid() {
		return Path{}, fmt.Errorf("%s: there is no such task type; one of %v", what, sdk.TaskTypes())
	}
	if len(row) == 0 {
		return Path{}, fmt.Errorf("%s names no lane; one of %s", what, r.choices)
	}
	var path Path
	taken := make(map[int]bool)
	for _, name := range row {
		found, ok := r.byName[name]
		if !ok {
			return Path{}, fmt.Errorf("%s: there is no lane %q; one of %s", what, name, r.choices)
		}
		for _, i := range found.Stops[0] {
			if taken[i] {
				return Path{}, fmt.Errorf("%s names %q twice", what, name)
			}
			taken[i] = true
		}
		path.Stops = append(path.Stops, found.Stops[0])
	}
	return path, nil
}

// Path returns where q may go. A provider that does not exist is an
// [sdk.InvalidRequest] that names those that do.
func (r *Router) Path(q *sdk.Query) (Path, *sdk.Error) {
	if q.Provider != "" {
		if path, ok := r.byName[q.Provider]; ok {
			return path, nil
		}
		return Path{}, sdk.Errorf(sdk.InvalidRequest, "the query asks for provider %q, which is not configured; one of %s", q.Provider, r.choices)
	}
	if path, ok := r.byTask[q.Task()]; ok {
		return path, nil
	}
	return r.any, nil
}

// Visited is the set of lanes on which a query has failed, by index.
type Visited uint64

// Add puts a lane into the set.
func (v *Visited) Add(lane int) { *v |= 1 << lane }

// Has reports whether a lane is in the set.
func (v Visited) Has(lane int) bool { return v&(1<<lane) != 0 }

func contains(list []int, x int) bool {
	for _, y := range list {
		if x == y {
			return true
		}
	}
	return false
}
