# Every command a person types. `make` alone lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
BIN := tests/bin

.PHONY: help setup demo test test-core test-worker test-regress test-integration check check-core bench package install clean

help: ## Lists the commands
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Installs what is missing: Debian packages, cargo-pgrx
	@$(BIN)/setup

demo: setup ## Replays two days of a real web trace: predict, decide, scale, compare
	@$(BIN)/demo

test: setup ## Runs all tests
	@$(BIN)/test core worker regress integration

test-core: ## Runs the tests of core (seconds)
	@$(BIN)/test core

test-worker: ## Runs the unit tests of the worker
	@$(BIN)/test worker

test-regress: setup ## Runs the SQL regression tests
	@$(BIN)/test regress

test-integration: setup ## Runs the tests that start servers
	@$(BIN)/test integration

check: setup ## Format, clippy, layer rules, licences
	@$(BIN)/check all

check-core: ## The same for core alone (seconds)
	@$(BIN)/check core

bench: setup ## Measures speed, beside peers where there are any (PART="refresh …" for some parts)
	@$(BIN)/bench $(PART)

package: setup ## Builds the extension's files as they are installed under /
	@$(BIN)/package

install: setup ## Installs the extension into the PostgreSQL of pg_config (sudo where needed)
	@$(BIN)/install

clean: ## Removes what was built
	@cargo clean
