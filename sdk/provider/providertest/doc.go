// Package providertest is the conformance kit for providers: it says whether a
// plugin is right, in whatever language it is written.
//
// In a test of a plugin that is written in Go:
//
//	func TestConformance(t *testing.T) {
//		fixture, err := providertest.ReadFixture("testdata/fixture.json")
//		if err != nil { t.Fatal(err) }
//		providertest.Run(t, func() provider.Plugin { return new(Provider) }, fixture)
//	}
//
// From outside, for any language:
//
//	cortex-host provider test ./cortex-provider-x --fixture fixture.json
//
// Both are [Check] behind a [Door]. The kit asks the plugin, and for a plugin
// with an HTTP upstream it also plays that upstream: a [Fixture] names the
// setting that takes the upstream's URL and gives the bodies of a success and
// of errors; the kit breaks them in every way in which vendors break.
//
// Checks come in levels. Basic is what every provider does; Robust is what a
// batch of a million queries needs; Faults is the fault matrix. A plugin
// passes at the level that its Describe claims: a plugin that names
// egress_hosts claims Faults, any other Robust.
package providertest
