package main

import (
	"context"
	"regexp"
	"strings"

	"github.com/cortexlinux/cortex-host/sdk"
)

// answerError explains an error message by the rules that match it.
func (m *machine) answerError(ctx context.Context, text string) (*sheet, error) {
	length := len(text)
	text = readable(excerpt(text))
	hits := match(rules, text)
	if len(hits) == 0 {
		return nil, sdk.Errorf(sdk.NotAnswered, "none of the %d rules matches %q; offline explains known messages only", len(rules), clip(plain(text), 80))
	}
	s := &sheet{headline: hits[0].headline()}
	told := map[string]bool{}
	for i := range hits[:min(len(hits), maxHits)] {
		if err := m.writeHit(ctx, s, &hits[i], told); err != nil {
			return nil, err
		}
	}
	if length > 2*maxPart {
		s.section("What was read").from("the query", m.now()).text("the text has %s; %s at the beginning and the end of it were read", size(uint64(length)), size(maxPart))
	}
	if len(hits) > maxHits {
		var others []string
		for _, h := range hits[maxHits:] {
			others = append(others, h.id)
		}
		s.section("Further rules that match").from(baseSource, rulesOf).text("%s", names(others, m.settings.list))
	}
	return s, nil
}

// maxPart bounds what is read of an error at each end: the beginning says what
// was attempted, the end what became of it.
const maxPart = 16 << 10

func excerpt(text string) string {
	if len(text) <= 2*maxPart {
		return text
	}
	return text[:maxPart] + "\n" + text[len(text)-maxPart:]
}

const baseSource = "offline's rules (RULES.md), version " + version

// headline names what it is and how sure that is.
func (h *hit) headline() string {
	return h.title + " (rule " + h.id + ", confidence " + h.confidence.String() + ")"
}

func (m *machine) writeHit(ctx context.Context, s *sheet, h *hit, told map[string]bool) error {
	title := "What was matched"
	if len(s.sections) > 0 {
		title = "Also: " + h.title
	}
	g := s.section(title).from("the query; "+baseSource, rulesOf)
	g.fact("matched", "%s", clip(strings.TrimSpace(h.line), 300))
	g.fact("rule", "%s", h.id)
	g.fact("confidence", "%s: %s", h.confidence, h.confidence.meaning())
	s.section("What it means").from(h.source, rulesOf).text("%s", h.fill(h.means))
	now := s.section("What this machine says now")
	for _, look := range h.facts {
		if told[look.key(h)] {
			continue
		}
		told[look.key(h)] = true
		look.tell(ctx, m, now, h.named[look.uses])
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	g = s.section("Checks (they only read)").from(baseSource, rulesOf)
	for _, c := range h.checks {
		g.command(h.fill(c))
	}
	g = s.section("What you may consider").from(baseSource, rulesOf)
	for _, c := range h.consider {
		g.item(h.fill(c))
	}
	return nil
}

// escapes are what terminals take as orders: they stand between the words of
// a message that was copied from one.
var escapes = regexp.MustCompile(`\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.`)

// readable makes an error message of what was in a log or a terminal: without
// escape sequences, lines apart.
func readable(text string) string {
	if strings.ContainsRune(text, 0x1b) {
		text = escapes.ReplaceAllString(text, "")
	}
	return strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n").Replace(strings.ToValidUTF8(text, "?"))
}
