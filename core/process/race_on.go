//go:build race

package process

// childEnv lets a program that was built with the race detector end at once,
// not after a second. A plugin that may not read /proc cannot see it: the
// detector reads its options there.
var childEnv = []string{"GORACE=atexit_sleep_ms=0"}
