package journal

import (
	"encoding/json"
	"fmt"
	"time"
)

// The rare records are JSON: fields may be added to them at any time.

type planRecord struct {
	Run     string    `json:"run"`
	Created time.Time `json:"created"`
	Plan    Plan      `json:"plan"`
}

type sessionRecord struct {
	Started time.Time `json:"started"`
	PID     int       `json:"pid"`
	Args    []string  `json:"args,omitempty"`
	Free    []Field   `json:"free,omitempty"`
	Origin  Origin    `json:"origin"`
	Again   Again     `json:"again"`
	Limit   int64     `json:"limit,omitempty"`
	Notes   []string  `json:"notes,omitempty"`
}

type finishRecord struct {
	At     time.Time `json:"at"`
	Rows   int64     `json:"rows_bytes"`  // of the answered rows, before the held ones
	Size   int64     `json:"size"`        // of the final file
	Errors int64     `json:"errors_size"` // of the file of errors, 0 without
}

type closeRecord struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty"`
}

// A jsonRecord is a record whose body is JSON.
type jsonRecord struct {
	kind  recordKind
	value interface{ stored() }
}

func (r jsonRecord) append(b []byte) []byte {
	data, err := json.Marshal(r.value)
	if err != nil {
		// The types below hold strings, numbers and times only.
		panic(fmt.Sprintf("journal: %T does not marshal: %v", r.value, err))
	}
	return append(append(b, byte(r.kind)), data...)
}

func (planRecord) stored()    {}
func (sessionRecord) stored() {}
func (finishRecord) stored()  {}
func (closeRecord) stored()   {}

func decodeJSON(body []byte, v interface{ stored() }) error {
	if err := json.Unmarshal(body[1:], v); err != nil {
		return fmt.Errorf("%w: %w", errMalformed, err)
	}
	return nil
}
