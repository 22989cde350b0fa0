package format

import "io"

// A tsvReader lets a CSV reader read TSV, in which a quote is just a quote unless
// a field begins with one: those inside of other fields are handed out as
// bareQuote. A field that begins with a quote must end with one, as in CSV: else
// it would take the rows behind it with it.
type tsvReader struct {
	r     io.Reader
	state tsvState
}

// bareQuote is a byte that no UTF-8 has; one that is there nonetheless becomes
// another such byte, and is refused as it would have been.
const bareQuote = 0xfe

// tsvState is where in a field the reader is.
type tsvState int

const (
	atStart  tsvState = iota // of a field
	inPlain                  // a field without quotes around it
	inQuotes                 // a field with quotes around it
	atQuote                  // in such a field, behind a quote
)

func (t *tsvReader) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	for i, b := range p[:n] {
		if b == bareQuote {
			p[i] = 0xff
		}
		if t.state == inPlain && b == '"' {
			p[i] = bareQuote
		}
		t.state = t.state.behind(b)
	}
	return n, err
}

// behind returns the state behind a byte.
func (s tsvState) behind(b byte) tsvState {
	quote, end := b == '"', b == '\t' || b == '\n'
	switch {
	case s == inQuotes && !quote:
		return inQuotes
	case s == inQuotes:
		return atQuote
	case s == atQuote && quote, s == atStart && quote:
		return inQuotes
	case end:
		return atStart
	case s == atQuote && b == '\r':
		return atQuote
	}
	return inPlain
}
