package wasm

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/cortexlinux/cortex-host/sdk"
)

// InputRecord is the record of an item, as a guest reads it.
func InputRecord(item Item, facts map[string]json.RawMessage) []byte {
	return appendItem(nil, item, facts[packageOf(item)])
}

// HeaderRecord is the first record that a guest of the module reads.
func HeaderRecord(t testing.TB, r *Runner, m *Module) []byte {
	t.Helper()
	params, err := m.Params("", nil)
	if err != nil {
		t.Fatal(err)
	}
	line, err := r.header(context.Background(), m, Request{}, params)
	if err != nil {
		t.Fatal(err)
	}
	return line
}

// JudgeRecords decodes records of one guest; it returns the number of the first
// that is refused.
func JudgeRecords(lines [][]byte) (int, error) {
	d := newDecoder(Limits{}.withDefaults(), Allow{}, func() int64 { return 100 })
	for i, line := range lines {
		var item *sdk.ItemError
		if _, _, err := d.record(line); err != nil && !errors.As(err, &item) {
			return i, err
		}
	}
	return 0, nil
}
