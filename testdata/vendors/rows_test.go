package vendors

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/respjson"
	"github.com/openai/openai-go/v3/shared"
)

// batchRow is a line of an output or an error file of a batch, as the vendor
// documents it, with our extras under one key. The SDK has no type for it.
type batchRow struct {
	ID       string `json:"id"`
	CustomID string `json:"custom_id"`
	Response *struct {
		StatusCode int             `json:"status_code"`
		RequestID  string          `json:"request_id"`
		Body       json.RawMessage `json:"body"`
	} `json:"response"`
	Error *struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
	Extras json.RawMessage `json:"cortex_host"`
}

// judgeRow reads a row into the SDK's types. Nothing in it may be unknown to
// them, nothing that they require may be missing.
func judgeRow(line string) error {
	var row batchRow
	dec := json.NewDecoder(strings.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&row); err != nil {
		return err
	}
	switch {
	case (row.Response == nil) == (row.Error == nil):
		return errors.New("a row has a response or an error")
	case row.Error != nil && (row.Error.Code == "" || row.Error.Message == ""):
		return errors.New("an error without code or message")
	case row.Error != nil:
		return nil
	case row.Response.StatusCode != 200:
		var body struct {
			Error shared.ErrorObject `json:"error"`
		}
		if err := json.Unmarshal(row.Response.Body, &body); err != nil {
			return err
		}
		return complete(reflect.ValueOf(body.Error), "error")
	}
	var reply openai.ChatCompletion
	if err := json.Unmarshal(row.Response.Body, &reply); err != nil {
		return err
	}
	return complete(reflect.ValueOf(reply), "body")
}

// complete looks through one of the SDK's types for fields that it does not
// know, and for required ones that were not there.
func complete(v reflect.Value, path string) error {
	switch v.Kind() {
	case reflect.Slice:
		for i := range v.Len() {
			if err := complete(v.Index(i), fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
		return nil
	case reflect.Struct:
	default:
		return nil
	}
	told := v.FieldByName("JSON")
	if !told.IsValid() {
		return nil
	}
	if extra := told.FieldByName("ExtraFields"); extra.IsValid() && extra.Len() > 0 {
		return fmt.Errorf("%s: the SDK does not know %v", path, extra.MapKeys())
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		field, ok := told.FieldByName(f.Name), false
		var json respjson.Field
		if field.IsValid() {
			json, ok = field.Interface().(respjson.Field)
		}
		if !ok {
			continue
		}
		if strings.Contains(f.Tag.Get("api"), "required") && json.Raw() == "" {
			return fmt.Errorf("%s: the SDK requires %s", path, f.Name)
		}
		if json.Valid() {
			if err := complete(v.Field(i), path+"."+f.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

func TestRowsAreReadByTheVendorsTypes(t *testing.T) {
	f, err := os.Open("rows/openai.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for lines := bufio.NewScanner(f); lines.Scan(); n++ {
		if err := judgeRow(lines.Text()); err != nil {
			t.Errorf("%v\n%s", err, lines.Text())
		}
	}
	if n < 6 {
		t.Errorf("%d rows", n)
	}
}

func TestTheJudgeOfRowsIsStrict(t *testing.T) {
	data, err := os.ReadFile("rows/openai.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	good, _, _ := strings.Cut(string(data), "\n")
	for old, wrong := range map[string]string{
		`"object":"chat.completion",`: `"object":"chat.completion","more":1,`,
		`"created":1700000000,`:       ``,
		`"role":"assistant",`:         `"rolle":"assistant",`,
		`"total_tokens":7,`:           ``,
		`"custom_id"`:                 `"customid"`,
		`"error":null`:                `"error":{"code":"x","message":"y"}`,
	} {
		if !strings.Contains(good, old) {
			t.Fatalf("%s is not in %s", old, good)
		}
		if judgeRow(strings.Replace(good, old, wrong, 1)) == nil {
			t.Errorf("%s instead of %s is accepted", wrong, old)
		}
	}
}
