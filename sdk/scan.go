package sdk

// ScanQuery reads an ordinary query in one pass: members by their exact names,
// each once, texts as content. It reports false for anything else, right or
// wrong, which [DecodeQuery] then reads and judges with care. What it returns is
// not validated.
//
// A member that queries do not have is offered to other, which reads its value
// and reports whether it knows it; other may be nil.
func ScanQuery(data []byte, other func(key string, s *Scanner) bool) (q Query, ok bool) {
	s := NewScanner(data)
	if other == nil {
		ok = q.scan(s)
		return q, ok
	}
	var seen members
	s.Object(func(key []byte) {
		if !q.scanMember(s, key, &seen) && !other(string(key), s) {
			s.Surprise()
		}
	})
	return q, s.Done()
}

// scan reads a query that has no other members, and reports whether it could.
func (q *Query) scan(s *Scanner) bool {
	var seen members
	s.Object(func(key []byte) {
		if !q.scanMember(s, key, &seen) {
			s.Surprise()
		}
	})
	return s.Done()
}

// members remembers which members an object had, a bit each.
type members uint

// once surprises the scanner if the member came before.
func (m *members) once(s *Scanner, bit members) {
	if *m&bit != 0 {
		s.Surprise()
	}
	*m |= bit
}

// scanMember reads one member and reports whether queries have it.
func (q *Query) scanMember(s *Scanner, key []byte, seen *members) bool {
	switch string(key) {
	case "id":
		seen.once(s, 1<<0)
		q.ID = s.String()
	case "messages":
		seen.once(s, 1<<1)
		q.Messages = scanMessages(s, q.Messages)
	case "task_type":
		seen.once(s, 1<<2)
		q.TaskType = scanWord(s, taskTypes)
	case "provider":
		seen.once(s, 1<<3)
		q.Provider = s.String()
	case "model":
		seen.once(s, 1<<4)
		q.Model = s.String()
	case "temperature":
		seen.once(s, 1<<5)
		if !s.Null() {
			q.Temperature = new(s.Float())
		}
	case "max_tokens":
		seen.once(s, 1<<6)
		if !s.Null() {
			q.MaxTokens = new(s.Int())
		}
	case "priority":
		seen.once(s, 1<<7)
		if !s.Null() {
			q.Priority = s.Int()
		}
	case "metadata":
		seen.once(s, 1<<8)
		q.Metadata = scanTexts(s)
	default:
		return false
	}
	return true
}

// ScanMessages reads an array of messages whose contents are texts. Anything
// else surprises s.
func ScanMessages(s *Scanner) []Message { return scanMessages(s, nil) }

// scanMessages reads messages into list, if that has room.
func scanMessages(s *Scanner, list []Message) []Message {
	if s.Null() {
		return nil
	}
	if list = list[:0]; list == nil {
		list = []Message{}
	}
	s.Array(func(int) {
		var m Message
		var seen members
		s.Object(func(key []byte) {
			switch string(key) {
			case "role":
				seen.once(s, 1<<0)
				m.Role = scanWord(s, roles)
			case "content":
				seen.once(s, 1<<1)
				if s.Null() {
					s.Surprise()
				}
				m.Text = s.String()
			default:
				s.Surprise()
			}
		})
		if seen&(1<<1) == 0 {
			s.Surprise() // also what is no object
		}
		if cap(list) == 0 {
			room := 2
			if s.peek() == ']' {
				room = 1
			}
			list = make([]Message, 0, room)
		}
		list = append(list, m)
	})
	return list
}

func scanTexts(s *Scanner) map[string]string {
	if s.Null() {
		return nil
	}
	texts := map[string]string{}
	s.Object(func(key []byte) {
		name := string(key)
		if _, again := texts[name]; again {
			s.Surprise()
		}
		texts[name] = s.String()
	})
	return texts
}

// scanWord reads a string that is probably one of the words, and then needs no
// memory of its own.
func scanWord[W ~string](s *Scanner, words []W) W {
	text := s.Text()
	for _, w := range words {
		if string(text) == string(w) {
			return w
		}
	}
	return W(text)
}
