package httpapi

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/cortexlinux/cortex-host/sdk"
)

// MergeOptions adds a query's options to a request's body, which is a JSON
// object that holds none of them. An option named like one of the reserved
// fields, in whatever case, is an error: some servers do not distinguish case,
// and the query would then not be the one that was asked. The result has body's
// memory if that has room.
func MergeOptions(body []byte, options map[string]json.RawMessage, reserved ...string) ([]byte, error) {
	if len(options) == 0 {
		return body, nil
	}
	body = body[:len(body)-1] // the closing brace
	for _, name := range slices.Sorted(maps.Keys(options)) {
		for _, r := range reserved {
			if strings.EqualFold(name, r) {
				return nil, sdk.Errorf(sdk.InvalidRequest, "options.%s: this field is made from the query's own; remove it from options", plain(name, 64))
			}
		}
		if !json.Valid(options[name]) {
			return nil, sdk.Errorf(sdk.InvalidRequest, "options.%s: not valid JSON", plain(name, 64))
		}
		quoted, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		if len(body) > 1 {
			body = append(body, ',')
		}
		body = append(append(append(body, quoted...), ':'), options[name]...)
	}
	return append(body, '}'), nil
}

// AddOptions is [MergeOptions] for a body from [NewBody], which is of no use
// after an error.
func AddOptions(body *bytes.Buffer, options map[string]json.RawMessage, reserved ...string) error {
	if len(options) == 0 {
		return nil
	}
	merged, err := MergeOptions(body.Bytes(), options, reserved...)
	if err != nil {
		return err
	}
	body.Reset()
	body.Write(merged) // it is there already, if there was room
	return nil
}

// FormatInWords asks for a response format in a system prompt, for a model that
// can't be held to a JSON Schema. The host checks the reply in any case.
func FormatInWords(f *sdk.ResponseFormat) string {
	return "Reply with one JSON value that satisfies this JSON Schema, and with nothing else:\n" + string(f.Schema)
}

// DataURL takes a data URL apart (data:image/png;base64,AAAA): its media type
// and its base64. ok is false for any other URL.
func DataURL(url string) (mediaType, data string, ok bool) {
	rest, ok := strings.CutPrefix(url, "data:")
	if !ok {
		return "", "", false
	}
	head, data, ok := strings.Cut(rest, ",")
	if !ok {
		return "", "", false
	}
	mediaType, ok = strings.CutSuffix(head, ";base64")
	return mediaType, data, ok
}
