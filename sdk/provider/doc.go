// Package provider turns Go code into a provider plugin of Cortex Host, and
// holds the host's end of the wire.
//
// # For authors
//
// A provider implements [Plugin] and its main is one call:
//
//	func main() { provider.Serve(new(Provider)) }
//
// The lifecycle:
//
//  1. The host starts the binary and asks Describe. It needs no configuration
//     and reaches no network.
//  2. Configure hands over settings and secrets. It may come again at any time,
//     while calls are under way: those keep the configuration they began with.
//  3. Complete is called from many goroutines at once. Each call makes exactly
//     one request to the vendor and never retries: limits, retries and budgets
//     are the host's.
//  4. When the host ends, the process is ended.
//
// A plugin that has one of the methods of [ModelLister], [HealthChecker] or
// [LogUser] besides gets more use. Many calls over one exchange come for free.
//
// A failure is an [*sdk.Error] whose kind says what the host should do next.
// What every provider with an HTTP upstream needs is in package httpapi; the
// kit that checks a provider is package providertest. AUTHORING.md is the guide,
// WIRE.md is for other languages.
//
// The binary also answers on its own:
//
//	cortex-provider-NAME describe     its description as JSON
//	cortex-provider-NAME docs         its documentation as markdown
//	cortex-provider-NAME --debug      serves, and prints how to reach it
//
// # For the host
//
// [Handshake] and [Plugins] are what hashicorp/go-plugin wants to start a
// plugin; what it dispenses is a [*Client], an sdk.Provider that speaks the
// wire.
package provider
