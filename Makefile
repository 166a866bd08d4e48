# Every target does the set-up that it needs; what is up to date is skipped.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup adapt reproduce reproduce-smoke test lint format lock clean

# PYTHON=python3.12 chooses the interpreter for .venv; see scripts/setup.sh.
export PYTHON
ARGS ?=
ADAPT_ARGS = $(if $(CONNECTOR),--connector $(CONNECTOR)) $(if $(SEED),--seed $(SEED)) $(ARGS)
IN_ENV = set -eo pipefail; . scripts/env.sh;

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

setup: ## set up everything: .venv, libraries, tools, workspace
	@scripts/setup.sh all

adapt: ## adapt to a new connector in simulation (CONNECTOR=name|file.yaml SEED=n ARGS=...)
	@scripts/setup.sh adapt
	@$(IN_ENV) exec oda adapt $(ADAPT_ARGS)

reproduce: ## the whole study: collect, train, adapt, tables (hours; goes on where it stopped; ARGS=...)
	@scripts/setup.sh adapt
	@$(IN_ENV) exec oda reproduce $(ARGS)

reproduce-smoke: ## the same, with everything tiny (minutes)
	@scripts/setup.sh adapt
	@$(IN_ENV) exec oda reproduce --scale smoke $(ARGS)

test: ## run all tests (ARGS=... for pytest, e.g. ARGS='-k bag')
	@scripts/setup.sh test
	@$(IN_ENV) exec scripts/test.sh $(ARGS)

lint: ## check style, types, layers and scripts
	@scripts/setup.sh lint
	@scripts/lint.sh

format: ## fix what ruff can fix
	@scripts/setup.sh lint
	@.venv/bin/ruff check --fix-only --quiet . && .venv/bin/ruff format .

lock: ## resolve requirements/*.in anew (needs uv)
	@scripts/lock.sh

clean: ## remove the environment and all build products; runs/ and data/ stay
	rm -rf .venv build install log .setup.lock .pytest_cache .ruff_cache .hypothesis
	find src scripts -name __pycache__ -prune -exec rm -rf {} + -o -name '*.egg-info' -prune -exec rm -rf {} +
