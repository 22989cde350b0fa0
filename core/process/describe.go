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
// cacheDir by the program's hash; an empty cacheDir remembers nothing. A
// program that is pinned is not even read if its hash is known: what its pin
// vouches for is what was described.
//
// A name that is not the file's, or a version that is not the lock's, is an
// error.
func Describe(ctx context.Context, p store.Plugin, cacheDir string) (sdk.Description, error) {
	file := func(hash string) string { return filepath.Join(cacheDir, hash+".json") }
	if cacheDir != "" && p.Pin.SHA256 != "" {
		if d, ok := recall(file(p.Pin.SHA256)); ok && matches(p, d) == nil {
			return d, nil
		}
	}
	image, err := p.Load()
	if err != nil {
		return sdk.Description{}, err
	}
	defer image.Close()
	if cacheDir != "" {
		if d, ok := recall(file(image.SHA256)); ok && matches(p, d) == nil {
			return d, nil
		}
	}
	id, err := ask(ctx, p, image)
	if err != nil {
		return id.Description, fmt.Errorf("describe the plugin %s: %w", p.Name, err)
	}
	if err := matches(p, id.Description); err != nil {
		return id.Description, err
	}
	if cacheDir != "" {
		// A cache that can't be written costs time, not correctness.
		_ = remember(file(image.SHA256), id.Description)
	}
	return id.Description, nil
}

// Identify starts the plugin, confined, and asks it what it is.
func Identify(ctx context.Context, p store.Plugin) (store.Identity, error) {
	image, err := p.Load()
	if err != nil {
		return store.Identity{}, err
	}
	defer image.Close()
	return ask(ctx, p, image)
}

// matches says in what a plugin is not what vouches for it.
func matches(p store.Plugin, d sdk.Description) error {
	if d.Name != p.Name {
		return fmt.Errorf("the plugin %s calls itself %q; name the file %s%s", p.Path, d.Name, store.Prefix, d.Name)
	}
	if p.Pin.Version != "" && d.Version != p.Pin.Version {
		return fmt.Errorf("the plugin %s says that its version is %q, the lock file says %q; install it again", p.Path, d.Version, p.Pin.Version)
	}
	return nil
}

// ask starts the plugin for the one question.
func ask(ctx context.Context, p store.Plugin, image *store.Image) (store.Identity, error) {
	cfg := Config{Plugin: p}
	if err := cfg.setDefaults(); err != nil {
		return store.Identity{}, err
	}
	i, err := newInstance(ctx, &cfg, image)
	if err != nil {
		return store.Identity{}, err
	}
	defer i.stop()
	ctx, cancel := context.WithTimeout(ctx, cfg.StartTimeout)
	defer cancel()
	d, err := i.client.Describe(ctx)
	return store.Identity{Description: d, Protocol: i.plugin.NegotiatedVersion()}, err
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
