# `make` alone lists the targets. Every target that needs the virtual environment makes it first.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup demo build coverage test test-313 check bench chaos image-check infra-check live-check lock clean

PYTHON ?=
PYTHON313 ?=
export PYTHON PYTHON313

BIN := .venv/bin
SOURCES := $(wildcard functions layers/core local tests)
PYTEST_WORKERS ?= 2

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## install what is missing and make .venv from the locks (no-op when nothing changed)
	@local/setup.sh

demo: setup  ## watch an enterprise's jobs get runners, GitHub and AWS played by twins on loopback
	@case "$(ARGS)" in *--containers*) local/setup.sh containers ;; esac
	@$(BIN)/slipway demo $(ARGS)

CONFIG ?= slipway.yaml
OUT ?= build/deployment

build: setup  ## what is deployed, from CONFIG=slipway.yaml into OUT=build/deployment: the same bytes each time
	@$(BIN)/slipway build $(CONFIG) --out $(OUT) $(ARGS)

test: setup  ## every test on this Python, then what is deployed once more on python3.13 where it is found
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist=worksteal $(ARGS)
	@$(MAKE) --no-print-directory test-313

test-313:
	@if local/setup.sh python313; then \
	  echo "python3.13: repeating the tests marked runtime"; \
	  .venv313/bin/python -m pytest -n $(PYTEST_WORKERS) -m runtime -p no:cacheprovider -q; \
	elif [ $$? -eq 3 ]; then echo "python3.13: not found, its half of the tests is skipped"; \
	else exit 1; fi

coverage: setup  ## how much of the code the tests reach (not part of test: it costs a third more time)
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --cov --cov-report= $(ARGS)
	@$(BIN)/coverage report --skip-covered

check: setup  ## what a commit must pass: format, lint, strict types, unit and contract tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(SOURCES)
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) -q -m "not slow" $(wildcard tests/unit tests/contract)

bench: setup  ## the benchmarks behind docs/benchmarks.md
	@$(BIN)/python -m tests.bench $(ARGS)

SEEDS ?= 100

chaos: setup  ## try every fault on purpose, from SEEDS=n seeds that reproduce; fails when a promise is broken
	@$(BIN)/python -m local.simulator.chaos --seeds $(SEEDS) $(ARGS)
	@$(BIN)/python -m local.simulator.environments --seeds $$(( ($(SEEDS) + 19) / 20 ))

image-check: setup  ## build the runner image and try to break out of it, in real containers (Debian, root)
	@local/setup.sh containers
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist=worksteal tests/containers tests/unit/test_repository.py \
	  tests/integration/runner_image/test_shell_libraries.py $(ARGS)

infra-check: setup  ## judge infra/ without an account: the tools' own checks, and mistakes put in on purpose
	@local/setup.sh infra
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist=worksteal tests/infra $(ARGS)

LOCK := $(BIN)/python -m uv pip compile --quiet --no-config --generate-hashes --universal --python-version 3.11 \
	--no-emit-index-url --no-header $(if $(wildcard /etc/ssl/certs/ca-certificates.crt),--system-certs)

live-check: setup  ## try what Slipway relies on against a GitHub of yours (docs/live-check.md)
	@$(BIN)/python -m local.live_check $(ARGS)

lock: setup  ## make the locks again, newest versions (layers/vendor and local)
	$(LOCK) --upgrade layers/vendor/requirements.in -o layers/vendor/requirements.txt
	$(LOCK) --upgrade local/bootstrap.in -o local/bootstrap.txt
	$(LOCK) --upgrade -c layers/vendor/requirements.txt local/requirements.in -o local/requirements.txt
	$(LOCK) --upgrade local/infra_check/requirements.in -o local/infra_check/requirements.txt
	$(LOCK) --upgrade local/infra_check/checkov.in -o local/infra_check/checkov.txt

clean:  ## remove everything that was made here: environments, caches, build
	rm -rf .venv .venv313 .venv-infra .venv-checkov build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.* htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
