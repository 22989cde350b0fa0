// Cortex-provider-ambient is a plugin as the SDK of a cloud makes it: it takes
// its credentials from a file in the home and from a variable.
package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider"
)

type ambient struct{}

func (ambient) Describe() sdk.Description {
	return sdk.Description{Name: "ambient", Version: "1.0.0", Local: true, ConfigSchema: json.RawMessage(`{"type":"object"}`)}
}

func (ambient) Configure(context.Context, sdk.Settings) error { return nil }

// Complete answers with the credentials: this vendor only exists in a test.
func (ambient) Complete(context.Context, *sdk.Query) (*sdk.Response, error) {
	file, err := os.ReadFile(filepath.Join(os.Getenv("HOME"), ".cloud", "credentials"))
	if err != nil {
		return nil, sdk.Errorf(sdk.Unauthenticated, "no credentials: %w", err)
	}
	return &sdk.Response{Content: "file=" + string(file) + " profile=" + os.Getenv("CLOUD_PROFILE"), FinishReason: sdk.Stop}, nil
}

func main() { provider.Serve(ambient{}) }
