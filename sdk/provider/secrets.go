package provider

import (
	"io"
	"slices"
	"strings"

	"github.com/cortexlinux/cortex-host/sdk"
)

// secrets are those of one configuration, and what takes them out of a text: as
// they are, and in all of their forms.
type secrets struct {
	list     []string
	plain    *strings.Replacer
	allForms *strings.Replacer
}

const (
	// shortestSecret: what is shorter is no secret, and every text holds it.
	shortestSecret = 4
	// maxSecrets bounds what is remembered of earlier configurations.
	maxSecrets = 64
)

// learn notes the secrets in settings, so that nothing shows them. Those of the
// configuration before stay noted: calls that began with it are under way.
func (s *server) learn(settings sdk.Settings) {
	props, err := properties(s.impl.Describe().ConfigSchema)
	if err != nil {
		return
	}
	var list []string
	for name := range settings {
		if props[name].Secret {
			list = append(list, settings.Secrets(name)...)
		}
	}
	list = slices.DeleteFunc(list, func(secret string) bool { return len(secret) < shortestSecret })
	if last := s.secrets.Load(); last != nil && len(last.list) < maxSecrets {
		list = append(list, last.list...)
	}
	if len(list) == 0 {
		return
	}
	// Longest first: one secret may be the beginning of another.
	slices.SortFunc(list, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	next := &secrets{list: slices.Compact(list)}
	var plain, all []string
	for _, secret := range next.list {
		plain = append(plain, secret, "[redacted]")
		for _, form := range sdk.SecretForms(secret) {
			all = append(all, form, "[redacted]")
		}
	}
	next.plain, next.allForms = strings.NewReplacer(plain...), strings.NewReplacer(all...)
	s.secrets.Store(next)
}

// redact returns a text about a call, an error or a line of the log, without
// secrets in any form.
func (s *server) redact(text string) string {
	if known := s.secrets.Load(); known != nil && text != "" {
		return known.allForms.Replace(text)
	}
	return text
}

// redactAnswer returns a part of an answer without secrets as they are. It is
// done for every answer, and quickly.
func (s *server) redactAnswer(text string) string {
	known := s.secrets.Load()
	if known == nil {
		return text
	}
	for _, secret := range known.list {
		if strings.Contains(text, secret) {
			return known.plain.Replace(text)
		}
	}
	return text
}

// A redactingWriter passes on whole texts without secrets.
type redactingWriter struct {
	server *server
	w      io.Writer
}

// Write implements io.Writer. A secret that is cut in two by two writes is not
// found; a logger writes whole lines.
func (r redactingWriter) Write(p []byte) (int, error) {
	if _, err := io.WriteString(r.w, r.server.redact(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
