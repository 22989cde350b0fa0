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
// A plugin can break, and nothing else breaks with it. What runs is what was
// hashed (package store). It starts with standard input of its own and with an
// environment of a few named variables: keys reach it by Configure alone, and
// none but its own. It listens on a socket in a directory that only this user
// can enter, and is talked to only if the kernel says that it is the plugin who
// listens there. It is confined ([ConfineStandard]): it reads what programs need
// and what it was granted, writes to its own directories, and sees neither the
// host nor other plugins. [Contain] tries that, and tells what this system does
// not enforce.
//
// If it dies, its calls fail as sdk.Internal with the last words that it wrote
// to stderr, and the next call starts it again, after a growing pause, until it
// has died too often. If it stops answering while calls wait for it, speaks no
// gRPC any more, or keeps reporting failures of its own, a new process takes its
// place. Close lets calls end, then is bounded, whatever the plugin does.
//
// Nothing is left: all that descends from a plugin ends with it, and with the
// host, even if that is killed (Linux). Sockets live in a [RunDir], which the
// next host removes if this one could not.
//
// What it says on stderr, and on standard output after its handshake, is kept
// in a log file of bounded size, without the values of secret settings.
//
// Describe asks a plugin what it is and remembers the answer by the program's
// hash, so that listing plugins starts none.
//
// A program that starts plugins calls [confine.Main] first in main.
package process
