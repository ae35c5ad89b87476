# Handback. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help

OUT  ?= out
# Tests of loop devices need root: test programs run by sudo where we are not.
# sudo has a PATH without go; what root keeps must not lie in the user's folders.
AS_ROOT = sudo -E env PATH=$(PATH):/usr/sbin:/sbin XDG_CACHE_HOME=/var/cache/handback-test GOCACHE=$(shell go env GOCACHE)
EXEC := $(if $(filter 0,$(shell id -u)),,-exec '$(AS_ROOT)')
# One thread does its work thousands of times there, or what works is a booted machine, or
# a large drive is sampled: the race detector, which takes minutes, is for make test-long.
PLAIN := /certs|/cmd/handback-hub$$|/cmd/handback-verify$$|/cmd/internal/keylock$$|/internal/evidence$$|/internal/practice$$|/inspect/capture$$|/inspect/drive$$|/wipe/technique$$|/wipe/scenario$$
MACHINES := ./cmd/handback-image
LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.11.4

.PHONY: help build verify-all run test plain machines raced test-long lint bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 12

build: ## build the programs into bin/
	@.ci/setup build
	CGO_ENABLED=0 go build -buildvcs=auto -trimpath -ldflags '-s -w' -o bin/ ./cmd/...

verify-all: ## build the auditor's checker for Linux, Windows and macOS into bin/verify/
	@for t in linux/amd64 linux/arm64 windows/amd64 windows/arm64 darwin/amd64 darwin/arm64; do \
	  o=bin/verify/handback-verify-$${t%/*}-$${t#*/}; [ $${t%/*} = windows ] && o=$$o.exe; echo $$o; \
	  CGO_ENABLED=0 GOOS=$${t%/*} GOARCH=$${t#*/} go build -trimpath -ldflags '-s -w' -o $$o ./cmd/handback-verify || exit 1; \
	done

run: ## boot the appliance in a virtual laptop, its screen in this terminal; papers land in out/
	@.ci/setup run
	@$(MAKE) --no-print-directory build
	@.ci/plant $(OUT)/ssd.img 262144 $(OUT)/disk.img 512
	bin/handback-image try --secure-boot --tpm --drive nvme:$(OUT)/ssd.img --drive sata:$(OUT)/disk.img --out $(OUT)

test: ## all that CI runs: lint, unit tests, the booted image in virtual machines
	@.ci/setup test
	@$(MAKE) --no-print-directory build
	@mkdir -p .cache && rm -f .cache/figures
	@# Two lanes, each ending with what is long: two machines at a time fill the
	@# processors; beside them one package after the other.
	@$(MAKE) --no-print-directory -j2 -Otarget machines raced
	@echo "what the tests measured:"; cat .cache/figures
	@grep -ohE '[0-9]+ scenarios (in process|behind a real kernel)' .cache/figures | sort -k3,3r | paste -sd, | sed 's/,/, /g'

plain:
	FIGURES=$(CURDIR)/.cache/figures go test $(EXEC) -timeout 20m $$(go list ./... | grep -E '$(PLAIN)')

machines: plain
	FIGURES=$(CURDIR)/.cache/figures go test $(EXEC) -timeout 40m $(MACHINES)

raced: lint
	FIGURES=$(CURDIR)/.cache/figures go test -race -p 1 $(EXEC) -timeout 40m $$(go list ./... | grep -vE '$(PLAIN)|/cmd/handback-image$$')

test-long: ## make test, then the race detector everywhere, more booted machines, twenty power cuts of a booted machine, PDFBox on the papers, and every fuzz target for a minute each
	@$(MAKE) --no-print-directory test verify-all
	@.ci/setup long
	go test -race $(EXEC) -timeout 2h $$(go list ./... | grep -E '$(PLAIN)') $(MACHINES)
	HANDBACK_LONG=1 go test -timeout 2h -run '^TestAppliance' $(EXEC) ./cmd/handback-image
	HANDBACK_PREFLIGHT=1 go test -run '^TestPreflight$$' -timeout 30m ./certs/verify
	HANDBACK_CUTS=20 go test -run '^TestAppliancePowerCutsOfModels$$' -timeout 3h ./cmd/handback-image
	HANDBACK_CUTS=all go test -run '^TestPowerCuts$$' -timeout 1h ./cmd/handback/internal/evidence
	@for f in $$(grep -rlE '^func Fuzz' --include='*_test.go' .); do \
	  for t in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]+).*/\1/p' $$f); do \
	    echo "$$t in $$(dirname $$f)"; go test -run '^$$' -fuzz "^$$t\$$" -fuzztime 60s -fuzzminimizetime 10x ./$$(dirname $$f) || exit 1; \
	  done; done

lint: ## the import arrows, go vet, and what else golangci-lint finds
	@test -x .cache/bin/golangci-lint || { echo "building golangci-lint"; GOBIN=$(CURDIR)/.cache/bin go install $(LINT); }
	.cache/bin/golangci-lint run --allow-parallel-runners

bench: ## speed of the overwrite, in pairs against fio, dd, shred and nwipe on loop devices in memory
	@.ci/setup bench
	@$(MAKE) --no-print-directory build
	.ci/bench

clean: ## remove what was built; out/ stays
	rm -rf bin .cache
