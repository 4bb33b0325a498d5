# Everything a visitor types. `make` builds the environment and the full run; `make help` lists the rest.
PYTHON ?= $(firstword $(foreach p,python3.13 python3.12 python3.11 python3 python,$(if $(shell $(p) -c 'import sys; print(*(["ok"] if (3,11) <= sys.version_info[:2] <= (3,13) else []))' 2>/dev/null),$(p))))
CORES ?= 4
VENV := .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.run-$(shell cksum < requirements.lock | tr ' ' -)
DEV_STAMP := $(VENV)/.dev-$(shell cksum < requirements-dev.lock | tr ' ' -)
PIP := $(BIN)/python -m pip --disable-pip-version-check -q

.DEFAULT_GOAL := all
.PHONY: all env dev test ci check verify contact-sheet locks clean help

all: env ## environment, then the full run into results/main/
	$(BIN)/snakemake --cores $(CORES)

env: $(RUN_STAMP) ## the environment a run needs, in .venv, from the hashed locks

dev: $(DEV_STAMP) ## the same and what tests and checks need

test: dev ## the test suite
	$(BIN)/pytest

ci: env ## the reduced run into results/ci/
	$(BIN)/snakemake --cores $(CORES) --configfile config/ci.yaml

check: dev ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/snakemake --lint
	$(BIN)/mypy

verify: env ## compare results/main with what the release ships
	$(BIN)/python -m fortems.verify main

contact-sheet: dev ## all figures and report pages of results/main on one sheet
	$(BIN)/python -m fortems.contact_sheet results/main

locks: ## renew the three locks (needs uv)
	uv pip compile --universal --generate-hashes --fork-strategy fewest --python-version 3.11 --no-header --no-annotate --no-emit-index-url pyproject.toml -o requirements.lock
	uv pip compile --universal --generate-hashes --fork-strategy fewest --python-version 3.11 --no-header --no-annotate --no-emit-index-url --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	uv pip compile --universal --generate-hashes --fork-strategy fewest --python-version 3.11 --no-header --no-annotate --no-emit-index-url --only-extra --extra build pyproject.toml -o requirements-build.lock

clean: ## remove the environment and all runs, not the reference results
	rm -rf $(VENV) .snakemake logs benchmarks
	find results -mindepth 1 -maxdepth 1 ! -name reference -exec rm -rf {} +

help:
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## /make \1\t/' | expand -t 20

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 found on PATH. Install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { echo "$(PYTHON) is not Python 3.11-3.13. Name another: make PYTHON=/path/to/python3.12" >&2; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) has no venv module (Debian, Ubuntu: apt install python3-venv)." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(RUN_STAMP): requirements.lock requirements-build.lock pyproject.toml | $(BIN)/python
	$(PIP) install --require-hashes -r requirements-build.lock
	$(PIP) install --require-hashes --no-build-isolation -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation --no-index --editable .
	@rm -f $(VENV)/.run-*; touch $@

$(DEV_STAMP): requirements-dev.lock | $(RUN_STAMP)
	$(PIP) install --require-hashes --no-build-isolation -r requirements-dev.lock
	@rm -f $(VENV)/.dev-*; touch $@
