package main

const (
	kit    = "^TestConformance$"
	tables = "^Test(StatusError|StatusErrorWaits|ShouldRetry|RetryAfter|RateLimit)$"
)

var targets = []target{
	{dir: "plugins/openai", test: kit, files: []string{"settings.go", "capabilities.go", "request.go", "tools.go", "response.go", "scan.go", "models.go", "provider.go"}},
	{dir: "plugins/anthropic", test: kit, files: []string{"settings.go", "capabilities.go", "request.go", "messages.go", "response.go", "models.go", "provider.go"}},
	{dir: "plugins/gemini", test: kit, files: []string{"settings.go", "capabilities.go", "request.go", "contents.go", "response.go", "models.go", "provider.go"}},
	{dir: "sdk/provider/httpapi", test: tables, files: []string{"status.go", "problem.go", "ratelimit.go", "wait.go"}},
}
