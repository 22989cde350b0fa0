package main

import (
	"strings"
	"testing"

	"github.com/cortexlinux/cortex-host/sdk/generator"
)

const header = `{"abi":1,"params":{"system":"","template":"{hardware}|{os}|{facts}"},"facts":{` +
	`"os":{"name":"Debian 12","architecture":"x86_64"},"cpu":{"model":"the-cpu","cores":2,"threads":4},` +
	`"memory":{"total_bytes":8589934592,"available_bytes":4294967296},"disk":{"filesystems":[{"mount":"/","device":"the-disk","type":"ext4","size_bytes":1,"used_percent":5}]},` +
	`"gpu":{"devices":[{"vendor":"the-gpu","pci":"0:0"}]},"network":{"interfaces":[{"name":"the-nic","up":true,"mtu":1500}]}},"seed":0}` + "\n"

// Each question holds the facts about its part, and no others.
func TestOnlyTheFactsThatConcern(t *testing.T) {
	marks := map[string]string{"CPU": "the-cpu", "RAM": "8.0 GiB", "Storage": "the-disk", "GPU": "the-gpu", "Network": "the-nic"}
	for name, own := range map[string]string{"CPU": "CPU", "processor": "CPU", "RAM": "RAM", "swap": "RAM", "Storage": "Storage", "NVMe": "Storage",
		"gpu": "GPU", "Network": "Network", "Bluetooth": ""} {
		var out strings.Builder
		if err := generator.Do(strings.NewReader(header+`{"item":"`+name+`"}`+"\n"), &out, run); err != nil {
			t.Fatal(err)
		}
		for part, mark := range marks {
			if got := strings.Contains(out.String(), mark); got != (part == own) {
				t.Errorf("%s: %q is there: %v, in %s", name, mark, got, out.String())
			}
		}
		if !strings.Contains(out.String(), "Debian 12") || own == "" && !strings.Contains(out.String(), "Nothing is known of it") {
			t.Errorf("%s: %s", name, out.String())
		}
	}
}

// Without items every part is asked about; what is no name is a failed item.
func TestItems(t *testing.T) {
	for items, want := range map[string]int{"": 5, `{"item":{"name":"RAM"}}` + "\n": 1} {
		var out strings.Builder
		if err := generator.Do(strings.NewReader(header+items), &out, run); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(out.String(), `"id":"hw_`); got != want {
			t.Errorf("%d queries of %q", got, items)
		}
	}
	var out strings.Builder
	if err := generator.Do(strings.NewReader(header+`{"item":" "}`+"\n"), &out, run); err != nil || !strings.HasPrefix(out.String(), `{"error":`) {
		t.Errorf("%s (%v)", out.String(), err)
	}
}
