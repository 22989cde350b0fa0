package format

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/cortexlinux/cortex-host/sdk"
)

// scanOpenAI reads an ordinary line of a batch file in one pass. It reports
// false for any other, right or wrong, which [decodeOpenAILine] then reads and
// judges with care.
func scanOpenAI(data []byte) (q sdk.Query, ok bool) {
	s := sdk.NewScanner(data)
	post, chat, body := false, false, false
	s.Object(func(key []byte) {
		switch string(key) {
		case "custom_id":
			q.ID = s.String()
		case "method":
			post = string(s.Text()) == http.MethodPost
		case "url":
			chat = string(s.Text()) == chatURL
		case "body":
			if body {
				s.Surprise() // encoding/json makes one of two
			}
			body = true
			scanBody(s, &q)
		default:
			s.Surprise()
		}
	})
	return q, s.Done() && q.ID != "" && post && chat && q.Model != "" && len(q.Messages) > 0
}

// scanBody reads the request itself. Of a member that is there twice the last
// one counts, as everywhere.
func scanBody(s *sdk.Scanner, q *sdk.Query) {
	var limit, newLimit *int
	s.Object(func(key []byte) {
		switch string(key) {
		case "model":
			q.Model = s.String()
		case "messages":
			q.Messages = sdk.ScanMessages(s)
		case "temperature":
			q.Temperature = scanNumber(s, s.Float)
		case "max_tokens":
			limit = scanNumber(s, s.Int)
		case "max_completion_tokens":
			newLimit = scanNumber(s, s.Int)
		case "stream", "stream_options", "n":
			s.Surprise() // takeOptions knows which ones a row can hold
		default:
			scanOption(s, q, string(key))
		}
	})
	if limit != nil && newLimit != nil && *limit != *newLimit {
		s.Surprise()
	}
	if q.MaxTokens = newLimit; newLimit == nil {
		q.MaxTokens = limit
	}
}

// scanNumber reads a number by read, or a null as none.
func scanNumber[N int | float64](s *sdk.Scanner, read func() N) *N {
	if s.Null() {
		return nil
	}
	return new(read())
}

// scanOption reads what is passed through.
func scanOption(s *sdk.Scanner, q *sdk.Query, name string) {
	if _, twice := q.Options[name]; twice {
		s.Surprise()
	}
	raw := s.Raw()
	if string(raw) == "null" {
		return
	}
	if q.Options == nil {
		q.Options = map[string]json.RawMessage{}
	}
	q.Options[name] = bytes.Clone(raw)
}
