package sdk

import "slices"

// TaskType says what a query is for. Routes choose providers by it.
type TaskType string

// The task types. The list is append only.
const (
	UserChat             TaskType = "user_chat"
	RequirementParsing   TaskType = "requirement_parsing"
	SystemOperation      TaskType = "system_operation"
	ErrorDebugging       TaskType = "error_debugging"
	CodeGeneration       TaskType = "code_generation"
	DependencyResolution TaskType = "dependency_resolution"
	Configuration        TaskType = "configuration"
	ToolExecution        TaskType = "tool_execution"
)

var taskTypes = []TaskType{
	UserChat, RequirementParsing, SystemOperation, ErrorDebugging,
	CodeGeneration, DependencyResolution, Configuration, ToolExecution,
}

// TaskTypes returns every task type, in their documented order.
func TaskTypes() []TaskType { return slices.Clone(taskTypes) }

// Valid reports whether t is one of [TaskTypes].
func (t TaskType) Valid() bool { return slices.Contains(taskTypes, t) }
