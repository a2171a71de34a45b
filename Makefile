# Two commands: `make demo` and `make test`. Each sets up what it needs and says so first.
BIN := .venv/bin
WORKERS ?= 3
SEED ?= $(shell date +%s)
PYTEST := $(BIN)/pytest -n $(WORKERS) --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help setup demo playground test test-fast test-all test-random coverage check bench lock stop clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Set up what the demo needs (virtual environment, Docker engine, sandbox image)
	@scripts/bootstrap

demo: setup ## Watch five requests become patches, refusals and questions; results in demo-out/
	@$(BIN)/deputy demo

playground: setup ## A local Slack workspace in the browser, with Deputy in it
	@$(BIN)/deputy playground

test: ## Everything that can break: set up Postgres and Chromium too, then all checks and tests
	@scripts/bootstrap --tests
	@$(MAKE) --no-print-directory check
	$(PYTEST) -m "not deep"

test-fast: ## What needs no Docker, no Postgres and no browser, in under a minute
	$(BIN)/pytest -n $(WORKERS) --dist worksteal tests/unit tests/repo_checks -m "not docker and not postgres and not browser and not deep"

test-all: ## Also the deep tests: laws on many new examples, long soaks, real libraries from the package registries
	@scripts/bootstrap --tests
	@$(MAKE) --no-print-directory check
	$(PYTEST) --hypothesis-profile=deep

test-random: ## The tests of `make test` in a random order (SEED=number for the same one again)
	$(BIN)/pytest -n $(WORKERS) -m "not deep" --in-random-order $(SEED)

coverage: ## The tests of `make test` with coverage, that of Deputy's own processes included
	$(PYTEST) -m "not deep" --cov --cov-report=term

check: ## Lint, format, types and import rules, on a machine that is set up
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --python-version 3.10 -p deputy.adapters.sandbox.guest
	$(BIN)/lint-imports

bench: setup ## Measure against bare Docker; each figure a ratio within one run
	@$(BIN)/python -m benchmarks

lock: ## Renew the lock files after a change in pyproject.toml (UPGRADE=--upgrade for the newest of all)
	@scripts/lock $(UPGRADE)

stop: ## Stop the Docker engine if setup started it
	@scripts/stop-engine

clean: ## Remove what can be made again (virtual environment, caches, demo-out); engine and data stay
	rm -rf .venv demo-out dist .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests benchmarks scripts -name __pycache__ -type d -prune -exec rm -rf {} +
