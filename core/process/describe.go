package process

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cortexlinux/cortex-host/core/store"
	"github.com/cortexlinux/cortex-host/sdk"
)

// cacheVersion changes when the form of a cached description does; others are
// ignored and replaced.
const cacheVersion = 2

type cached struct {
	Version     int             `json:"version"`
	Description sdk.Description `json:"description"`
}

// Describe returns what the plugin says of itself. The answer is remembered in
// cacheDir by the binary's hash; an empty cacheDir remembers nothing. A name
// that is not the binary's is an error.
func Describe(ctx context.Context, p store.Plugin, cacheDir string) (sdk.Description, error) {
	hash, err := p.Hash()
	if err != nil {
		return sdk.Description{}, fmt.Errorf("describe the plugin %s: %w", p.Name, err)
	}
	file := filepath.Join(cacheDir, hash+".json")
	if cacheDir != "" {
		if d, ok := recall(file); ok && d.Name == p.Name {
			return d, nil
		}
	}
	d, err := ask(ctx, p)
	if err != nil {
		return d, fmt.Errorf("describe the plugin %s: %w", p.Name, err)
	}
	if d.Name != p.Name {
		return d, fmt.Errorf("the plugin %s calls itself %q; name the file cortex-provider-%s", p.Path, d.Name, d.Name)
	}
	if cacheDir != "" {
		// A cache that can't be written costs time, not correctness.
		_ = remember(file, d)
	}
	return d, nil
}

// ask starts the plugin for the one question.
func ask(ctx context.Context, p store.Plugin) (sdk.Description, error) {
	cfg := Config{Plugin: p}
	if err := cfg.setDefaults(); err != nil {
		return sdk.Description{}, err
	}
	i, err := newInstance(&cfg)
	if err != nil {
		return sdk.Description{}, err
	}
	defer i.stop()
	ctx, cancel := context.WithTimeout(ctx, cfg.StartTimeout)
	defer cancel()
	return i.client.Describe(ctx)
}

func recall(file string) (sdk.Description, bool) {
	data, err := os.ReadFile(file)
	if err != nil {
		return sdk.Description{}, false
	}
	var c cached
	if json.Unmarshal(data, &c) != nil || c.Version != cacheVersion {
		return sdk.Description{}, false
	}
	return c.Description, true
}

// remember writes the file in one step: another host may be reading it.
func remember(file string, d sdk.Description) error {
	data, err := json.Marshal(cached{Version: cacheVersion, Description: d})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(file), ".describe-")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(data)
	if cerr := temp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(temp.Name(), file)
}
