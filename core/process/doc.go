// Package process runs a provider plugin as a child process and is an
// sdk.Provider that asks it.
//
//	p, err := process.New(process.Config{Plugin: found, Settings: settings})
//	if err != nil { ... }
//	defer p.Close()
//	response, err := p.Complete(ctx, query) // starts the plugin on first use
//
// # What is promised
//
// A plugin can break, and nothing else breaks with it. It starts with standard
// input of its own and with an environment of a few named variables: keys reach
// it by Configure alone. It listens on a socket in a directory that only this
// user can enter. It ends with the host, even if the host is killed (Linux).
//
// If it dies, its calls fail as sdk.Internal with the last words that it wrote
// to stderr, and the next call starts it again, after a growing pause, until it
// has died too often. If it stops answering altogether while calls wait for it,
// it is ended and counts as dead. Close is bounded, whatever the plugin does.
//
// Describe asks a plugin what it is and remembers the answer by the binary's
// hash, so that listing plugins starts none.
package process
