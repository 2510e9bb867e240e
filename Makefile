# `make run` and `make test` are all that a newcomer needs; `make help` lists the rest.

SHELL := bash
# where rustup puts cargo, for shells that were not told
export PATH := $(PATH):$(HOME)/.cargo/bin
# for example: make run ARGS="--address 0.0.0.0:8000"
ARGS ?=
REPARTEE := cargo run --release --locked -p cli --bin repartee --

.DEFAULT_GOAL := help
.PHONY: help run test setup models bench fmt lint

help: ## show this
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## set up what is missing, fetch the models, serve on http://localhost:8000
	@scripts/setup.sh run
	$(REPARTEE) serve $(ARGS)

test: ## set up what is missing, then check everything
	@scripts/setup.sh test
	@scripts/test.sh

setup: ## install what running and testing need
	@scripts/setup.sh test

models: ## fetch the models that the settings need
	@scripts/setup.sh run
	$(REPARTEE) models pull $(ARGS)

bench: ## measure the latency of spoken turns on this machine
	@scripts/setup.sh run
	$(REPARTEE) bench $(ARGS)

fmt: ## format the code
	cargo fmt --all

lint: ## look for mistakes and bad habits in the code
	@scripts/setup.sh run
	@scripts/test.sh lint
