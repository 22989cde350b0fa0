package main

import "github.com/cortexlinux/cortex-host/sdk/provider"

func main() { provider.Serve(new(Provider)) }
