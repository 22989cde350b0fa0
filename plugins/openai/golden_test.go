package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/cortexlinux/cortex-host/sdk"
)

// The requests that are made of the shared queries are on record, so that the
// vendor's own SDK can judge them (testdata/vendors). UPDATE=1 writes them anew.
func TestRequestsOnRecord(t *testing.T) {
	const vendors = "../../testdata/vendors"
	lines, err := os.ReadFile(filepath.Join(vendors, "queries.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(lines) {
		q, err := sdk.DecodeQuery(bytes.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		for _, model := range []string{"gpt-4.1", "gpt-5.4-mini"} {
			q.Model = model
			got, err := buildRequest(model, &q)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(vendors, "requests", "openai", q.ID+"."+model+".json")
			if os.Getenv("UPDATE") != "" {
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s, %s: got  %s\nwant %s", q.ID, model, got, want)
			}
		}
	}
}
