# make test      everything a change must pass, race detector on; installs missing tools where it may (scripts/setup)
# make check     what CI runs: lint, test, fuzz
# make bench     what squall costs beside its peers
# make accuracy  how exact faults are: waits, percentages, rates
# make load      whether experiments keep their rate: 1,000 requests/s for 30 s, and a stall of the server
# make torture   the long runs
# make help      all targets

GO        ?= go
GOFUMPT   := $(GO) run mvdan.cc/gofumpt@v0.12.0
STATIC    := $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME  ?= 5s
SHELL     := /bin/bash

.PHONY: help test check lint fuzz bench accuracy load torture setup build demo

help:
	@sed -n 's/^# \(make .*\)/\1/p' $(MAKEFILE_LIST)

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/squall ./cmd/squall

demo:
	$(GO) run ./cmd/squall demo

setup:
	scripts/setup

test: setup
	$(GO) test -race -shuffle=on -timeout 14m ./...
	$(GO) test -run 'Allocat' ./proxy/http1 ./faults ./client # which the race detector disturbs
	$(GO) test -run 'PartClients' ./verdict # all its seeds, for which the race detector is too slow

lint:
	@unformatted=$$($(GOFUMPT) -l .); test -z "$$unformatted" || { echo "not gofumpt-ed: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(STATIC) ./...
	$(GO) mod tidy -diff

# Every fuzz target of every package, one after the other.
fuzz:
	scripts/fuzz $(FUZZTIME)

check: lint test fuzz

bench:
	scripts/setup haproxy=haproxy
	$(GO) run ./bench

accuracy:
	$(GO) run ./accuracy

load:
	SQUALL_TORTURE=1 $(GO) test -count=1 -v -run 'TestTheRateOnLoopback|TestAStall' ./experiments/load

torture: setup
	SQUALL_TORTURE=1 $(GO) test -race -shuffle=on -timeout 3h ./...
	$(MAKE) fuzz FUZZTIME=10m
