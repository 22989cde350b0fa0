package main

import (
	"runtime"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
)

// properties are those of config.schema.json.
type properties struct {
	Timeout      string `json:"timeout"`
	MaxList      int    `json:"max_list"`
	MaxTools     *int   `json:"max_tools"`
	Simulate     bool   `json:"simulate"`
	PackageCache bool   `json:"package_cache"`
}

// settings are the properties, checked.
type settings struct {
	timeout      time.Duration // of one tool
	list         int           // the names that a list shows
	atOnce       int           // tools that run
	simulate     bool
	packageCache bool
}

const (
	maxTimeout = 5 * time.Minute
	maxList    = 1000
	maxTools   = 64
)

// readSettings checks raw. Its errors name the property and the fix.
func readSettings(raw sdk.Settings) (settings, error) {
	p := properties{Timeout: "15s", MaxList: 12, Simulate: true, PackageCache: true}
	if err := httpapi.DecodeSettings(raw, &p); err != nil {
		return settings{}, sdk.Errorf(sdk.InvalidRequest, "%w", err)
	}
	s := settings{list: p.MaxList, atOnce: min(max(runtime.NumCPU(), 2), 8), simulate: p.Simulate, packageCache: p.PackageCache}
	var err error
	if s.timeout, err = time.ParseDuration(p.Timeout); err != nil || s.timeout <= 0 || s.timeout > maxTimeout {
		return s, sdk.Errorf(sdk.InvalidRequest, "timeout: want a duration above 0s and up to 5m; write it like 15s")
	}
	if s.list < 1 || s.list > maxList {
		return s, sdk.Errorf(sdk.InvalidRequest, "max_list: set it from 1 to %d", maxList)
	}
	if p.MaxTools != nil {
		if s.atOnce = *p.MaxTools; s.atOnce < 1 || s.atOnce > maxTools {
			return s, sdk.Errorf(sdk.InvalidRequest, "max_tools: set it from 1 to %d", maxTools)
		}
	}
	return s, nil
}
