package main

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/cortexlinux/cortex-host/core/journal"
	"github.com/cortexlinux/cortex-host/core/price"
	"github.com/cortexlinux/cortex-host/sdk"
)

// explicit are the settings that the configuration gives an instance. A secret
// among them is refused: files are shared, keys are not.
func (o *offer) explicit() (sdk.Settings, error) {
	properties, err := o.properties()
	if err != nil {
		return nil, err
	}
	out := sdk.Settings{}
	for _, name := range sortedKeys(o.instance.Settings) {
		if properties[name].Secret {
			hint := "say under keys where it is found: keys: [{env: NAME}]"
			if variables := o.variables(name, properties[name]); slices.Contains(properties[name].Type, "object") && len(variables) > 0 {
				hint = "set " + variables[0] + " to it, as a JSON object"
			}
			return nil, usagef(hint, "providers.%s.settings.%s is a secret, and does not belong into a file", o.name, name)
		}
		raw, err := json.Marshal(o.instance.Settings[name])
		if err != nil {
			return nil, usagef("", "providers.%s.settings.%s: %w", o.name, name, err)
		}
		out[name] = raw
	}
	return out, nil
}

// checkInstance finds settings that the plugin does not have, secrets that stand
// in the file, and keys for which the plugin has no place.
func (o *offer) checkInstance(env func(string) (string, bool)) error {
	explicit, err := o.explicit()
	if err == nil {
		_, err = o.settings(explicit, env)
	}
	if err == nil && len(o.instance.Keys) > 0 {
		_, err = o.keyProperty()
	}
	return err
}

// limits are the plugin's own, lowered by those of the configuration.
func (o *offer) limits() sdk.Limits {
	l := o.about.Limits
	l.MaxConcurrent = lower(l.MaxConcurrent, o.instance.MaxConcurrent)
	l.RequestsPerSecond = lower(l.RequestsPerSecond, o.instance.RequestsPerSecond)
	l.TokensPerMinute = lower(l.TokensPerMinute, o.instance.TokensPerMinute)
	return l
}

// lower returns the lower of two limits; 0 is none.
func lower[T int | int64 | float64](a, b T) T {
	if a == 0 || (b != 0 && b < a) {
		return b
	}
	return a
}

// unlisted is the vendor of servers that no price list knows.
const unlisted = "unlisted"

// vendorOf returns under which name the price list has an offer: what counts is
// whom it calls, not what the plugin is called.
func vendorOf(o *offer, s sdk.Settings) string {
	var base string
	if raw, ok := s[baseURL]; !ok || json.Unmarshal(raw, &base) != nil {
		return o.plugin.Name
	}
	if vendor := price.NewBook().Vendor(base); vendor != "" {
		return vendor
	}
	return unlisted
}

// longSetting is from which length on a setting is told by its hash, as is one
// that has parts: a table of headers may hold what nobody has marked.
const longSetting = 200

// openSettings returns the settings that decide who answers and how, as one may
// show them: without secrets, without what an address has of them, and without
// the model, which a run tells by itself.
func (o *offer) openSettings(s sdk.Settings) []journal.Field {
	properties, err := o.properties()
	if err != nil {
		return nil
	}
	var list []journal.Field
	for _, name := range sortedKeys(properties) {
		p, raw := properties[name], s[name]
		if len(raw) == 0 && name == baseURL {
			raw = p.Default
		}
		if p.Secret || len(raw) == 0 || name == "model" {
			continue
		}
		text := string(raw)
		if json.Unmarshal(raw, &text) == nil {
			text = openAddress(text)
		}
		if len(text) > longSetting || raw[0] == '{' || raw[0] == '[' {
			text = hashOf(text)
		}
		list = append(list, journal.Field{Name: name, Value: text})
	}
	return list
}

// openAddress returns a text without the user and the query of an address, in
// which there may be a password or a key.
func openAddress(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Host == "" || u.User == nil && u.RawQuery == "" {
		return text
	}
	u.User, u.RawQuery = nil, ""
	return u.String()
}

// secretQuery are the words in names of an address's parameters whose values are
// secrets.
var secretQuery = regexp.MustCompile(`(?i)key|token|secret|pass|sig|code|auth`)

// secretsOfAddress returns the password and the keys that an address holds, as
// they are and as they stand there. A user without a password is a key.
func secretsOfAddress(text string) []string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return nil
	}
	var list []string
	_, rest, _ := strings.Cut(text, "//")
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	user, password, _ := strings.Cut(rest[:max(0, strings.LastIndexByte(rest, '@'))], ":")
	if secret, _ := u.User.Password(); secret != "" {
		list = append(list, secret, password)
	} else if secret := u.User.Username(); secret != "" {
		list = append(list, secret, user)
	}
	for _, pair := range strings.Split(u.RawQuery, "&") {
		name, written, _ := strings.Cut(pair, "=")
		if value, err := url.QueryUnescape(written); err == nil && secretQuery.MatchString(name) {
			list = append(list, value, written)
		}
	}
	return list
}

// redact returns a text without these secrets: the longest first, since one may
// be a part of another.
func redact(text string, secrets []string) string {
	secrets = slices.Clone(secrets)
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	for _, s := range secrets {
		if journal.IsSecret(s) {
			text = strings.ReplaceAll(text, s, "[redacted]")
		}
	}
	return text
}

// redactAll returns arguments without these secrets. It comes before they are
// quoted for a shell, which would break a secret up.
func redactAll(args, secrets []string) []string {
	list := make([]string, len(args))
	for i, arg := range args {
		list[i] = redact(arg, secrets)
	}
	return list
}

// secretsIn returns the values of secret settings, and those in addresses, so
// that they can be kept out of everything that is written.
func (o *offer) secretsIn(s sdk.Settings) []string {
	properties, err := o.properties()
	if err != nil {
		return nil
	}
	var list []string
	for name, p := range properties {
		if p.Secret {
			list = append(list, s.Secrets(name)...)
		}
		if text := ""; json.Unmarshal(s[name], &text) == nil {
			list = append(list, secretsOfAddress(text)...)
		}
	}
	return list
}
