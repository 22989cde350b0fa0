//go:build !race

package process

// childEnv is what every child gets in its environment besides.
var childEnv []string
