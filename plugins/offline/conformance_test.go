package main

import (
	"testing"

	"github.com/cortexlinux/cortex-host/sdk/provider"
	"github.com/cortexlinux/cortex-host/sdk/provider/providertest"
)

func TestConformance(t *testing.T) {
	fixture, err := providertest.ReadFixture("testdata/fixture.json")
	if err != nil {
		t.Fatal(err)
	}
	providertest.Run(t, func() provider.Plugin { return new(Provider) }, fixture)
}
