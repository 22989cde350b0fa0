package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/cortexlinux/cortex-host/core/config"
	"github.com/cortexlinux/cortex-host/core/credential"
	"github.com/cortexlinux/cortex-host/core/process"
	"github.com/cortexlinux/cortex-host/sdk"
)

// keyCommandTime bounds the command of a credential.
const keyCommandTime = 30 * time.Second

// maxKey bounds a key.
const maxKey = 64 << 10

// readCredential gets one key from where the configuration says it is. Errors
// never show it.
func (a *app) readCredential(ctx context.Context, k config.Credential) (string, error) {
	switch {
	case k.Env != "":
		if key := strings.TrimSpace(a.lookup(k.Env)); key != "" {
			return key, nil
		}
		return "", usagef("set it: export "+k.Env+"=...", "the variable %s, which should hold a key, is empty", k.Env)
	case k.File != "":
		return a.keyFile(k.File)
	}
	ctx, cancel := context.WithTimeout(ctx, keyCommandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, k.Command[0], k.Command[1:]...)
	cmd.Stderr = a.stderr // it may have to ask for a password
	cmd.WaitDelay = time.Second
	var out keyBuffer
	cmd.Stdout = &out
	err := cmd.Run()
	switch {
	case out.more:
		return "", usagef("its first line must be the key", "the command %s printed more than %d KiB", k.Command[0], maxKey>>10)
	case err != nil && !errors.Is(err, exec.ErrWaitDelay): // an agent that it started may keep its output open
		return "", usagef("run it by hand and look", "the command %s, which should print a key: %w", k.Command[0], err)
	}
	return firstLine(out.text, k.Command[0])
}

// keyFile reads a key from a file, which may be a pipe.
func (a *app) keyFile(path string) (string, error) {
	f, err := os.Open(a.homePath(path))
	if err != nil {
		return "", usagef("keys: [{file: PATH}] is a path from here, or begins with ~/", "cannot read a key: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxKey))
	if err != nil {
		return "", usagef("", "cannot read a key: %w", err)
	}
	return firstLine(data, path)
}

// A keyBuffer takes what a command prints, up to the bound of a key.
type keyBuffer struct {
	text []byte
	more bool
}

// Write fails when there is more, which ends the command.
func (b *keyBuffer) Write(p []byte) (int, error) {
	if b.more = len(b.text)+len(p) > maxKey; b.more {
		return 0, io.ErrShortBuffer
	}
	b.text = append(b.text, p...)
	return len(p), nil
}

// A renewable is a key that may be another one when it is read again.
type renewable struct {
	app      *app
	from     config.Credential
	property string // the setting that it goes to
}

// renewable returns how a credential is read again, nil if that is of no use.
func (a *app) renewable(k config.Credential, property string) *renewable {
	if k.Env != "" {
		return nil
	}
	return &renewable{a, k, property}
}

// provider returns p, or p with a key that is renewed when it has expired.
func (r *renewable) provider(p *process.Provider, settings sdk.Settings) sdk.Provider {
	if r == nil {
		return p
	}
	settings = maps.Clone(settings)
	return credential.New(p, func(ctx context.Context) (bool, error) {
		key, err := r.app.readCredential(ctx, r.from)
		if err != nil {
			return false, err
		}
		quoted := quoteJSON(key)
		if bytes.Equal(quoted, settings[r.property]) {
			return false, nil
		}
		next := maps.Clone(settings)
		next[r.property] = quoted
		if err := p.Configure(ctx, next); err != nil {
			return false, err
		}
		settings = next
		return true, nil
	})
}

func firstLine(data []byte, source string) (string, error) {
	line, _, _ := strings.Cut(string(data[:min(len(data), maxKey)]), "\n")
	if line = strings.TrimSpace(line); line == "" {
		return "", usagef("its first line must be the key", "%s holds no key", source)
	}
	return line, nil
}

// keyProperty returns the setting that a credential goes to.
func (o *offer) keyProperty() (string, error) {
	properties, err := o.properties()
	if err != nil {
		return "", err
	}
	if properties["api_key"].Secret {
		return "api_key", nil
	}
	for _, name := range sortedKeys(properties) {
		if properties[name].Secret {
			return name, nil
		}
	}
	return "", usagef("leave keys out", "provider %s takes no key", o.name)
}
