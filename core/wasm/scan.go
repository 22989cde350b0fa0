package wasm

import (
	"github.com/cortexlinux/cortex-host/sdk"
)

// scanQuery decodes a record that is an ordinary query. It reports false for
// anything else, right or wrong, which is then decoded and judged with care.
//
// It exists because a generator makes a hundred thousand queries a second, and
// encoding/json alone reads fewer.
func scanQuery(line []byte) (r guestRecord, ok bool) {
	used := false
	r.Query, ok = sdk.ScanQuery(line, func(key string, s *sdk.Scanner) bool {
		if key != "use" || used {
			return false
		}
		r.Use, used = s.String(), true
		return true
	})
	return r, ok
}
