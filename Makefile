# Cortex Host. `make help` lists the targets.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GOFLAGS_REPRO := -trimpath -buildvcs=false
LDFLAGS  := -s -w -X main.version=$(VERSION)
PLUGINS  := $(patsubst plugins/%/main.go,%,$(wildcard plugins/*/main.go))
GUESTS   := $(patsubst wasm-generators/%/main.go,%,$(wildcard wasm-generators/*/main.go))
FUZZTIME ?= 60s
SHA256   := $(shell command -v sha256sum || echo shasum -a 256)
# Where the host also builds; see .ci/run for where it is tested.
PLATFORMS := linux/arm64 darwin/arm64

# Pinned tools, installed on first use into .bin.
TOOLS     := $(CURDIR)/.bin
BUF       := github.com/bufbuild/buf/cmd/buf@v1.75.0
GENGO     := google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
GENGRPC   := google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2
GOLANGCI  := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
BENCHSTAT := golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da
export PATH := $(TOOLS):$(PATH)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# One call of go for each kind of program: a second `make run` should not wait
# for the tool to look at everything nine times. bin/.parts keeps the names
# that go gives them, so that what is up to date is not linked again. The host
# comes after the plugins: it holds their hashes, and runs no others.
.PHONY: build
build: ## Build the host, the plugins and the generators into bin/
	@umask 022; mkdir -p bin/plugins bin/generators bin/.parts/plugins bin/.parts/generators
	@umask 022; go build $(GOFLAGS_REPRO) -ldflags '$(LDFLAGS)' -o bin/.parts/plugins ./plugins/...
	@pins=$$(cd bin/.parts/plugins && $(SHA256) $(PLUGINS) | awk '{printf "%s%s:%s", sep, $$2, $$1; sep=","}') && \
		go build $(GOFLAGS_REPRO) -ldflags "$(LDFLAGS) -X main.bundled=$$pins" -o bin/cortex-host ./cmd/cortex-host
	@GOOS=wasip1 GOARCH=wasm go build $(GOFLAGS_REPRO) -ldflags '-s -w' -o bin/.parts/generators ./wasm-generators/...
	@for p in $(PLUGINS); do ln -f bin/.parts/plugins/$$p bin/plugins/cortex-provider-$$p; done
	@for g in $(GUESTS); do \
		bin/cortex-host generator pack --manifest wasm-generators/$$g/manifest.json \
			-o bin/generators/$$g.wasm bin/.parts/generators/$$g; done

# Where install puts things; DESTDIR is for those who make packages.
PREFIX  ?= /usr/local
LIBDIR  := $(DESTDIR)$(PREFIX)/lib/cortex-host

.PHONY: install
install: build ## Install into PREFIX (/usr/local): program, plugins, generators, completion, services
	@umask 022; mkdir -p $(DESTDIR)$(PREFIX)/bin $(LIBDIR)/plugins $(LIBDIR)/generators
	@install -m 755 bin/cortex-host $(LIBDIR)/cortex-host
	@install -m 755 bin/plugins/cortex-provider-* $(LIBDIR)/plugins/
	@install -m 644 bin/generators/*.wasm $(LIBDIR)/generators/
	@ln -sf ../lib/cortex-host/cortex-host $(DESTDIR)$(PREFIX)/bin/cortex-host
	@install -m 755 cmd/cortex-host/services/cortex-host-job $(DESTDIR)$(PREFIX)/bin/cortex-host-job
	@install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/systemd/system cmd/cortex-host/services/*.service cmd/cortex-host/services/*.timer
	@mkdir -p $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/site-functions $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	@bin/cortex-host completion bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/cortex-host
	@bin/cortex-host completion zsh > $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_cortex-host
	@bin/cortex-host completion fish > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/cortex-host.fish
	@echo "installed into $(DESTDIR)$(PREFIX); \`cortex-host doctor\` looks whether all is well"

.PHONY: release
release: ## Make a release into dist/: archives, checksums, bills of materials
	go run ./cmd/cortex-host/release -out dist

.PHONY: release-check
release-check: ## Make a release twice, here and from a copy of the commit elsewhere, and compare
	RELEASE_TEST=1 go test -count=1 ./cmd/cortex-host/release
	@copy=$$(mktemp -d); trap 'rm -rf "$$copy"' EXIT; \
		version=$$(git describe --tags --always); export SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct); \
		mkdir "$$copy/source"; git archive HEAD | tar -x -C "$$copy/source"; \
		go run ./cmd/cortex-host/release -version "$$version" -out "$$copy/here"; \
		go run ./cmd/cortex-host/release -version "$$version" -source "$$copy/source" -out "$$copy/there"; \
		diff -r "$$copy/here" "$$copy/there" && echo "the same bytes" && cat "$$copy/here/SHA256SUMS"

.PHONY: run
run: build ## Ask about five packages of this machine, with no key and no network
	@bin/cortex-host run --provider offline --format text package bash coreutils grep gzip tar

.PHONY: test
test: ## Run the whole test suite (under 10 minutes)
	go test $(TESTFLAGS) -timeout 10m ./...

.PHONY: race
race: ## Run the whole test suite under the race detector, the host's process with it (ten minutes)
	go test -race $(TESTFLAGS) -timeout 30m ./...

.PHONY: vendors
vendors: ## Hold our requests against the types of the vendors' own SDKs
	cd testdata/vendors && GOWORK=off go test -mod=readonly -count=1 ./...

.PHONY: lint
lint: $(TOOLS)/golangci-lint ## Check style and the directions of dependency
	go vet ./...
	golangci-lint run ./...

.PHONY: generate
generate: $(TOOLS)/buf $(TOOLS)/protoc-gen-go $(TOOLS)/protoc-gen-go-grpc ## Regenerate the wire's code from its .proto
	cd sdk/proto && buf generate

.PHONY: schema
schema: build ## Write the published schema of the configuration anew
	bin/cortex-host config schema > core/config/cortex-host.schema.json.new
	mv core/config/cortex-host.schema.json.new core/config/cortex-host.schema.json

.PHONY: breaking
breaking: $(TOOLS)/buf ## Check that the wire only grew since its baseline
	cd sdk/proto && buf lint && buf breaking --against baseline/v1.binpb

.PHONY: baseline
baseline: $(TOOLS)/buf ## Promise what the wire has grown: part of a release
	cd sdk/proto && buf breaking --against baseline/v1.binpb && buf build -o baseline/v1.binpb

.PHONY: fuzz
fuzz: ## Run every fuzzer for FUZZTIME (60s)
	@grep -roE '^func Fuzz[A-Za-z0-9_]+' --include='*_test.go' cmd core plugins sdk | sed -E 's#/[^/]*:func # #' | sort | \
		while read -r dir fuzz; do \
			echo "== $$dir $$fuzz"; \
			go test -run '^$$' -fuzz "^$$fuzz\$$" -fuzztime $(FUZZTIME) "./$$dir" </dev/null; done

WORKLOAD ?= standard,five,lognormal,rate,latency,one

.PHONY: bench
bench: build ## Compare whole processes with a loop written by hand (WORKLOAD=all: memory and scaling too)
	go run ./cmd/cortex-host/bench -workload $(WORKLOAD) -json bin/bench.json

.PHONY: bench-parts
bench-parts: $(TOOLS)/benchstat ## Run the benchmarks of the parts, six times each
	go test -run '^$$' -bench . -benchmem -count 6 ./core/... ./sdk/... ./plugins/... > bin/bench.txt
	benchstat bin/bench.txt

.PHONY: simulate
simulate: ## Simulate the adaptive rate on the whole grid and print the table (a minute)
	go test ./core/limiter -run '^TestSimulation$$' -count 1 -v -args -simulate

.PHONY: mutate
mutate: ## Break each rule of the executor by one line and see its test fail (two minutes)
	go run ./core/executor/internal/mutate

.PHONY: mutants
mutants: ## Break each mapping of our providers and see the conformance kit fail (twenty minutes)
	go run ./sdk/provider/providertest/internal/mutants

.PHONY: realtime
realtime: ## Meet the exact timings in real time, on a quiet machine (three minutes)
	CORTEX_REALTIME=1 go test -count 1 -timeout 30m -v -run 'RealTime|Makespan' ./core/executor ./cmd/cortex-host

.PHONY: throughput
throughput: ## A million items through generate, in Go and in C, on a quiet machine (two minutes)
	CORTEX_SLOW_TESTS=1 go test -count 1 -timeout 20m -v -run '^TestGenerateThroughput$$' ./cmd/cortex-host

.PHONY: hostile
hostile: ## Run the hostile modules against the exact deadline, on a quiet machine
	CORTEX_REALTIME=1 go test -count 1 -timeout 20m -v -run '^TestHostileModules$$' ./core/wasm

.PHONY: survive
survive: ## Kill host, plugin and guest 50 times in runs of 10,000 queries (two minutes)
	CORTEX_TORTURE_ROUNDS=50 CORTEX_TORTURE_QUERIES=10000 go test -count 1 -timeout 20m -v -run '^TestTorture$$' ./cmd/cortex-host

.PHONY: torture
torture: ## The same 1,000 times, 20,000 losses of power, 20 rounds of broken plugins (half an hour)
	CORTEX_TORTURE_ROUNDS=1000 CORTEX_TORTURE_QUERIES=10000 go test -count 1 -timeout 3h -v -run '^TestTorture$$' ./cmd/cortex-host
	CORTEX_TORTURE_ROUNDS=1000 CORTEX_TORTURE_SEEDS=20000 go test -count 1 -timeout 1h -v -run '^(TestKill|TestPowerLoss|TestFailedSync)$$' ./core/journal
	CORTEX_FAULT_ROUNDS=20 go test -count 1 -timeout 1h -v -run '^(TestFaults|TestAKilledHost.*|TestTampering|TestHostile)$$' ./core/process

.PHONY: memory
memory: ## Ask a million simulated queries and measure the memory of the host (a minute)
	CORTEX_MEMORY_QUERIES=1000000 go test -count 1 -timeout 20m -v -run '^TestMemoryOfEndlessStreams$$' ./cmd/cortex-host

.PHONY: clock
clock: ## Set the clock forward and back by a day while waits are under way (three minutes)
	CORTEX_CLOCK=1 go test -count 1 -timeout 20m -v -run '^TestClockThatIsSet$$' ./cmd/cortex-host

.PHONY: soak
soak: ## Ask two million simulated queries and see that nothing grows (a minute)
	CORTEX_SOAK=2000000 go test -count 1 -timeout 2h -v -run '^TestSoak$$' ./cmd/cortex-host

.PHONY: systemd
systemd: ## Boot a systemd in namespaces of its own: its timer starts a job, one is stopped and goes on (root, half a minute)
	CORTEX_SYSTEMD=1 go test -count 1 -timeout 10m -v -run '^TestUnderSystemd$$' ./cmd/cortex-host

.PHONY: prices
prices: ## Bring the price list up to date (needs npm and node)
	go run ./core/price/internal/generate -o core/price/prices.json
	go test ./core/price

.PHONY: platforms
platforms: ## Build and vet for the platforms that this machine is not
	@for p in $(PLATFORMS); do \
		echo "GOOS=$${p%/*} GOARCH=$${p#*/} go build, go vet"; \
		GOOS=$${p%/*} GOARCH=$${p#*/} go build ./...; \
		GOOS=$${p%/*} GOARCH=$${p#*/} go vet ./...; done

.PHONY: static
static: build lint breaking platforms ## What check does beside running tests

.PHONY: check
check: static test race vendors ## What must hold before a change lands (not in it: fuzz)

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin dist

$(TOOLS)/buf:
	GOBIN=$(TOOLS) go install $(BUF)
$(TOOLS)/protoc-gen-go:
	GOBIN=$(TOOLS) go install $(GENGO)
$(TOOLS)/protoc-gen-go-grpc:
	GOBIN=$(TOOLS) go install $(GENGRPC)
$(TOOLS)/golangci-lint:
	GOBIN=$(TOOLS) go install $(GOLANGCI)
$(TOOLS)/benchstat:
	GOBIN=$(TOOLS) go install $(BENCHSTAT)
