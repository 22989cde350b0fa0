package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/cortexlinux/cortex-host/core/config"
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
		data, err := os.ReadFile(k.File)
		if err != nil {
			return "", usagef("", "cannot read a key: %w", err)
		}
		return firstLine(data, k.File)
	}
	ctx, cancel := context.WithTimeout(ctx, keyCommandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, k.Command[0], k.Command[1:]...)
	cmd.Stderr = a.stderr // it may have to ask for a password
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return "", usagef("", "the command %s, which should print a key: %w", k.Command[0], err)
	}
	return firstLine(out, k.Command[0])
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
	return "", fmt.Errorf("provider %s takes no key", o.name)
}
