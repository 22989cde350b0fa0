package provider

import (
	"encoding/json"
	"errors"
	"math"

	"github.com/cortexlinux/cortex-host/sdk"
	providerv1 "github.com/cortexlinux/cortex-host/sdk/proto/cortex/provider/v1"
)

func describeToWire(d sdk.Description) (*providerv1.DescribeResponse, error) {
	w := &providerv1.DescribeResponse{
		Name: d.Name, Version: d.Version, Summary: d.Summary,
		Limits: &providerv1.Limits{
			MaxConcurrent:     int32(min(max(0, d.Limits.MaxConcurrent), math.MaxInt32)),
			RequestsPerSecond: d.Limits.RequestsPerSecond,
			TokensPerMinute:   d.Limits.TokensPerMinute,
		},
		ConfigSchema: string(d.ConfigSchema),
		EgressHosts:  d.EgressHosts,
		ReadPaths:    d.ReadPaths,
		Local:        d.Local, Free: d.Free,
		Stream: d.Stream, ListsModels: d.ListsModels, ChecksHealth: d.ChecksHealth,
		Models: modelsToWire(d.Models),
	}
	for _, p := range d.Presets {
		values, err := json.Marshal(p.Values)
		if err != nil {
			return nil, err
		}
		preset := &providerv1.Preset{
			Name: p.Name, Summary: p.Summary, Values: string(values),
			Keyless: p.Keyless, Local: p.Local, Free: p.Free,
		}
		for name, env := range p.Env {
			if preset.Env == nil {
				preset.Env = map[string]*providerv1.EnvList{}
			}
			preset.Env[name] = &providerv1.EnvList{Names: env}
		}
		w.Presets = append(w.Presets, preset)
	}
	return w, nil
}

func describeFromWire(w *providerv1.DescribeResponse) (sdk.Description, error) {
	limits := w.GetLimits()
	d := sdk.Description{
		Name: w.GetName(), Version: w.GetVersion(), Summary: w.GetSummary(),
		Limits: sdk.Limits{
			MaxConcurrent:     int(max(0, limits.GetMaxConcurrent())),
			RequestsPerSecond: limits.GetRequestsPerSecond(),
			TokensPerMinute:   max(0, limits.GetTokensPerMinute()),
		},
		EgressHosts: w.GetEgressHosts(),
		ReadPaths:   w.GetReadPaths(),
		Local:       w.GetLocal(), Free: w.GetFree(),
		Stream: w.GetStream(), ListsModels: w.GetListsModels(), ChecksHealth: w.GetChecksHealth(),
		Models: modelsFromWire(w.GetModels()),
	}
	if rps := d.Limits.RequestsPerSecond; !(rps > 0) || math.IsInf(rps, 0) {
		d.Limits.RequestsPerSecond = 0
	}
	if s := w.GetConfigSchema(); s != "" {
		if !json.Valid([]byte(s)) {
			return d, errors.New("config_schema is not JSON")
		}
		d.ConfigSchema = json.RawMessage(s)
	}
	for _, p := range w.GetPresets() {
		preset := sdk.Preset{Name: p.GetName(), Summary: p.GetSummary(), Keyless: p.GetKeyless(), Local: p.GetLocal(), Free: p.GetFree()}
		if s := p.GetValues(); s != "" {
			if err := json.Unmarshal([]byte(s), &preset.Values); err != nil {
				return d, errors.New("the values of the preset " + preset.Name + " are not a JSON object")
			}
		}
		for name, env := range p.GetEnv() {
			if preset.Env == nil {
				preset.Env = map[string][]string{}
			}
			preset.Env[name] = append([]string{}, env.GetNames()...)
		}
		d.Presets = append(d.Presets, preset)
	}
	return d, nil
}

func modelsToWire(models []sdk.Model) []*providerv1.Model {
	var w []*providerv1.Model
	for _, m := range models {
		w = append(w, &providerv1.Model{Id: m.ID, ContextTokens: m.ContextTokens, MaxOutputTokens: m.MaxOutputTokens})
	}
	return w
}

func modelsFromWire(w []*providerv1.Model) []sdk.Model {
	var models []sdk.Model
	for _, m := range w {
		models = append(models, sdk.Model{ID: m.GetId(), ContextTokens: max(0, m.GetContextTokens()), MaxOutputTokens: max(0, m.GetMaxOutputTokens())})
	}
	return models
}
