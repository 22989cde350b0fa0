package process

import (
	"sync"

	"github.com/cortexlinux/cortex-host/core/store"
)

// images are the programs that the plugins of one run execute. Those that are
// pinned to the same bytes share one copy. The zero value is ready. It is safe
// for concurrent use.
type images struct {
	mu   sync.Mutex
	held map[store.Plugin]*heldImage
}

// A heldImage is a copy with those who use it.
type heldImage struct {
	users int
	once  sync.Once
	image *store.Image
	err   error
}

// load returns the plugin's program, which is read once for all who use it at a
// time, and what they call when they are done with it.
func (s *images) load(p store.Plugin) (image *store.Image, done func(), err error) {
	if p.Pin.SHA256 == "" { // each start may find another file
		if image, err = p.Load(); err != nil {
			return nil, nil, err
		}
		return image, image.Close, nil
	}
	s.mu.Lock()
	if s.held == nil {
		s.held = map[store.Plugin]*heldImage{}
	}
	h := s.held[p]
	if h == nil {
		h = &heldImage{}
		s.held[p] = h
	}
	h.users++
	s.mu.Unlock()
	h.once.Do(func() { h.image, h.err = p.Load() })
	if h.err != nil {
		s.leave(p, h)
		return nil, nil, h.err
	}
	return h.image, func() { s.leave(p, h) }, nil
}

// leave forgets a user; the last one closes the copy. After a failure the next
// one tries again.
func (s *images) leave(p store.Plugin, h *heldImage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h.users--
	if h.users > 0 && h.err == nil {
		return
	}
	if s.held[p] == h {
		delete(s.held, p)
	}
	if h.users == 0 && h.image != nil {
		h.image.Close()
	}
}
