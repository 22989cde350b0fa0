// Package store finds provider plugins, vouches for them and installs them.
//
//	s, err := store.New(store.Config{Dirs: dirs, Bundled: pins})
//	p, err := s.Find("openai")
//	image, err := p.Load() // the bytes that were hashed; run these
//
// A plugin is an executable file named cortex-provider-NAME. The first
// directory that has a name wins.
//
// # What vouches for a plugin
//
//   - The lock file of its directory, which [Store.Install] writes: a hash per
//     platform, the version and the source.
//   - The build of the host, for the plugins that came with it: [Config.Bundled].
//   - Nobody, for a file that a developer names: [Config.Overrides]. Whoever
//     runs it says so, loudly.
//
// A plugin that nobody vouches for is refused. So is one whose bytes are not
// those that were vouched for, one that is a symbolic link, one that others
// could change, and one whose directory others could exchange: Find, List and
// Load name the file and the way out.
//
// # What runs is what was hashed
//
// [Plugin.Load] copies the file into memory that is sealed against changes, on
// Linux, and hashes what it copied. The file may change afterwards: what runs is
// the copy. A hash covers the one file. What it does not cover, such as a
// script's interpreter or shared libraries, is said by [Image.Uncovered].
package store
