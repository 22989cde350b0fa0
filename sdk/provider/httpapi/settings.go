package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/cortexlinux/cortex-host/sdk"
)

// DecodeSettings reads a provider's settings into the struct that into points
// to, by the names in its json tags. An error names the property: one that is
// not known, or one of another type than its field.
func DecodeSettings(s sdk.Settings, into any) error {
	v := reflect.ValueOf(into).Elem()
	fields := make(map[string]reflect.Value, v.NumField())
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		fields[name] = v.Field(i)
	}
	for _, name := range slices.Sorted(maps.Keys(s)) {
		field, ok := fields[name]
		if !ok {
			return fmt.Errorf("%s: no such property; there are %s", plain(name, 64), strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
		}
		dec := json.NewDecoder(bytes.NewReader(s[name]))
		dec.DisallowUnknownFields()
		if err := dec.Decode(field.Addr().Interface()); err != nil {
			// The decoder's own text may quote the value, which may be a secret.
			var typ *json.UnmarshalTypeError
			if errors.As(err, &typ) {
				return fmt.Errorf("%s: must be %s", name, jsonName(field.Type()))
			}
			return fmt.Errorf("%s: can't be read as %s", name, jsonName(field.Type()))
		}
	}
	return nil
}

// jsonName says what JSON a field wants.
func jsonName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return jsonName(t.Elem())
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Map, reflect.Struct:
		return "an object"
	default:
		return "a number"
	}
}
