package process

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cortexlinux/cortex-host/sdk"
)

// minSecret is the length below which a value is no secret worth hiding: it
// would be found in every second word.
const minSecret = 6

// maxSecrets bounds what is remembered: some keys are new every hour.
const maxSecrets = 64

// secrets takes the secrets of a plugin out of what it writes and says. Those of
// earlier settings stay, up to maxSecrets: calls that began with them are under
// way. It is safe for concurrent use.
type secrets struct {
	known atomic.Pointer[replacer]

	mu   sync.Mutex
	list []string
}

type replacer struct {
	*strings.Replacer
	longest int // of what is replaced
}

// hide keeps the values of these settings out of what is written from now on.
func (s *secrets) hide(settings sdk.Settings, names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		for _, text := range settings.Secrets(name) {
			if len(text) >= minSecret && !slices.Contains(s.list, text) {
				s.list = append(s.list, text)
			}
		}
	}
	if len(s.list) == 0 {
		return
	}
	s.list = s.list[max(0, len(s.list)-maxSecrets):]
	var forms []string
	for _, secret := range s.list {
		forms = append(forms, sdk.SecretForms(secret)...)
	}
	// Longest first: one secret may be the beginning of another.
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	next := &replacer{longest: len(forms[0])}
	var pairs []string
	for _, form := range forms {
		pairs = append(pairs, form, "[secret]")
	}
	next.Replacer = strings.NewReplacer(pairs...)
	s.known.Store(next)
}

// clean returns text without secrets.
func (s *secrets) clean(text string) string {
	if known := s.known.Load(); known != nil && text != "" {
		return known.Replace(text)
	}
	return text
}

// maxUnclean is how much of a line that does not end is held back.
const maxUnclean = 64 << 10

// A cleanReader reads lines without secrets. A line that is longer than
// maxUnclean comes in pieces, at whose borders no secret is cut in two.
type cleanReader struct {
	from    io.ReadCloser
	secrets *secrets
	raw     []byte // read, and not yet clean
	ready   string // clean, and not yet handed out
	chunk   []byte
	err     error
}

// Read implements io.Reader.
func (r *cleanReader) Read(p []byte) (int, error) {
	for r.ready == "" {
		if r.err != nil {
			return 0, r.err
		}
		if r.chunk == nil {
			r.chunk = make([]byte, 32<<10)
		}
		n, err := r.from.Read(r.chunk)
		r.raw, r.err = append(r.raw, r.chunk[:n]...), err
		r.ready = r.whole()
	}
	n := copy(p, r.ready)
	r.ready = r.ready[n:]
	return n, nil
}

// whole takes what can be cleaned now.
func (r *cleanReader) whole() string {
	end := bytes.LastIndexByte(r.raw, '\n') + 1
	switch {
	case r.err != nil:
		end = len(r.raw)
	case end == 0 && len(r.raw) > maxUnclean:
		text, held := r.secrets.cut(string(r.raw))
		r.raw = append(r.raw[:0], held...)
		return text
	}
	text := r.secrets.clean(string(r.raw[:end]))
	r.raw = append(r.raw[:0], r.raw[end:]...)
	return text
}

// cut cleans text, and holds back its end, which may be the beginning of a
// secret.
func (s *secrets) cut(text string) (clean, held string) {
	known := s.known.Load()
	if known == nil {
		return text, ""
	}
	clean = known.Replace(text)
	keep := min(len(clean), known.longest-1)
	return clean[:len(clean)-keep], clean[len(clean)-keep:]
}

// Close implements io.Closer.
func (r *cleanReader) Close() error { return r.from.Close() }
