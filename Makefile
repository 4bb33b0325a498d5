# Everything a visitor types. `make` builds the environment and the full run; `make help` lists the rest.
# Which of these Pythons the locked packages work with; a second argument is what else they must be able to do.
FITS := (3, 11) <= sys.version_info[:2] <= (3, 15)
NEWER := import sys; print(*sys.version_info[:2], sep=".") if sys.version_info[:2] > (3, 15) else None
fit = $(foreach p,$(1),$(if $(shell $(p) -c '$(2) import sys; print("ok" if $(FITS) else "")' 2>/dev/null),$(p)))
VERSIONS := python3.15 python3.14 python3.13 python3.12 python3.11
# The system's own first: distributions build it for speed, version managers often do not, and runs are mostly Python.
PYTHON ?= $(firstword $(call fit,$(VERSIONS:%=/usr/bin/%),import venv; import ensurepip;) $(call fit,$(VERSIONS) python3 python))
CORES ?= 4
# What such a variable points to would stand in for what the locks name.
unexport PYTHONPATH PYTHONHOME
# Snakemake keeps a cache at home.
ifneq ($(shell test -w "$$HOME" && echo yes),yes)
export XDG_CACHE_HOME ?= $(CURDIR)/.snakemake/cache
endif
RUN ?= main
ICC ?= .05
EACH ?= 10
VENV := .venv
BIN := $(VENV)/bin
ENGINE := $(VENV)/engine
sum = $(shell $(1) | cksum | tr ' ' -)
# An environment does not survive being moved, and a new lock leaves what it no longer names behind: pandas, for one,
# uses what it finds. So the first stamp carries the folder's name and the lock; where either changes, all begins anew.
PLACE_STAMP := $(VENV)/.place-$(call sum,{ pwd; cat requirements.lock; })
RUN_STAMP := $(VENV)/.run-$(call sum,cat requirements.lock)
DEV_STAMP := $(VENV)/.dev-$(call sum,cat requirements-dev.lock)
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
# One package of a lock, with its hashes.
entry = sed -n "/^$(1)==/,/[^\\]$$/p" $(2)

# Names packages of the environment that are gone or altered.
LOOK := workflow/fortems/run/environment.py
# Snakemake itself takes its packages from here alone, too: its command starts Python in isolated mode. In a folder with
# a space, such a command begins otherwise.
ISOLATE = sed -i.plain -e '1s/^\(\#!.*python[0-9.]*\)$$/\1 -I/' -e "2s/^\('''exec' .*\) \"\$$0\"/\1 -I \"\$$0\"/" $(BIN)/snakemake && rm $(BIN)/snakemake.plain

.DEFAULT_GOAL := all
.PHONY: all env dev slurm test test-faults test-engine test-page test-slow coverage mutants mutants-again ci check verify trace power check-run compare reference times docs contact-sheet unlock locks check-wheels citing clean help twin new studies

all: env ## environment, then the full run into results/main/
	@$(BIN)/snakemake --cores $(CORES)

env: $(RUN_STAMP) ## the environment a run needs, in .venv, from the hashed locks; mends what is damaged in it
	@$(BIN)/python -I $(LOOK) requirements-build.lock requirements.lock >$(VENV)/damaged.txt || { \
		for p in $$(cat $(VENV)/damaged.txt); do $(call entry,$$p,requirements.lock); done >$(VENV)/damaged.lock; \
		CC=true LDSHARED=true $(PIP) install --force-reinstall --no-deps --require-hashes --no-build-isolation -r $(VENV)/damaged.lock && \
		$(ISOLATE) && $(BIN)/python -I $(LOOK) requirements-build.lock requirements.lock >/dev/null || { \
		echo "That did not mend it. Begin anew: rm -rf $(VENV), then make." >&2; exit 2; }; }

dev: $(DEV_STAMP) ## the same and what tests and checks need

slurm: env ## what a run on a Slurm cluster needs besides
	for p in snakemake-executor-plugin-slurm snakemake-executor-plugin-slurm-jobstep; do \
		$(call entry,$$p,requirements-dev.lock); done >$(VENV)/slurm.lock
	$(PIP) install --require-hashes --no-deps -r $(VENV)/slurm.lock

test: dev ## the test suite: the study's, then the engine's (test-engine)
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder tests
	@$(MAKE) --no-print-directory test-engine

test-faults: dev ## same bytes in other surroundings, kill and resume, full disk, Slurm
	$(BIN)/pytest -m slow tests/run/test_faults.py tests/slurm

test-engine: dev ## the engine's wheel alone: its own tests where nothing else is installed
	rm -rf $(ENGINE)
	$(PYTHON) -m venv $(ENGINE)
	sed -nE 's/^([A-Za-z0-9._-]+==[^ ;]+)( *;[^\\]*)?.*/\1\2/p' requirements-dev.lock >$(ENGINE)/versions.txt
	$(PIP) wheel --no-deps --no-build-isolation --no-index -w $(ENGINE)/wheel packages/twolevel
	$(ENGINE)/bin/python -m pip --disable-pip-version-check -q install -c $(ENGINE)/versions.txt "$$(echo $(ENGINE)/wheel/*.whl)[test]"
	cp -r packages/twolevel/tests packages/twolevel/docs packages/twolevel/benchmarks packages/twolevel/pyproject.toml packages/twolevel/CHANGELOG.md $(ENGINE)
	cd $(ENGINE) && bin/python -c 'import twolevel, twolevel.batch' && bin/pytest -n auto --dist loadfile tests

test-page: dev ## the pages of a finished run in a real browser: make test-page RUN=ci
	FINISHED_RUN="$(abspath results/$(RUN))" $(BIN)/pytest -n auto tests/report/test_page_in_browser.py

coverage: dev ## branch coverage of both packages by the fast tests, compiled kernels through their plain path (an hour): docs/coverage.csv
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n auto --dist loadfile --no-loadscope-reorder
	NUMBA_DISABLE_JIT=1 $(BIN)/coverage run -m pytest -n 0 -m "plain and not slow"
	$(BIN)/coverage combine -q
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python .ci/coverage_table.py

mutants: dev ## whether tests notice changed lines, on a fixed sample (an hour): docs/mutants.csv; make mutants EACH=10
	$(BIN)/python .ci/mutants.py --each $(EACH)

mutants-again: dev ## whether tests still notice a fixed few of the changed lines that they noticed then (a minute)
	$(BIN)/python .ci/mutants.py --again --each 2 --only scoring --only intervals --only claims --only privacy

test-slow: dev ## all that takes minutes: faults, each key, a million rows, restarts
	$(BIN)/pytest -m slow

ci: env ## the reduced run into results/ci/
	@$(BIN)/snakemake --cores $(CORES) --configfile config/ci.yaml

studies: env ## the invented study and the two-rater run, at small sizes
	$(BIN)/snakemake --cores $(CORES) --configfile config/studies/hope/config.yaml config/studies/reduced.yaml
	$(BIN)/snakemake --cores $(CORES) --configfile config/studies/two_raters/config.yaml config/studies/reduced.yaml

check: dev ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/snakemake --lint
	$(BIN)/mypy

power: env ## power of a planned study: make power THERAPISTS=40 CLIENTS=6 INDIRECT=.05 (ICC=.05)
	@$(BIN)/python -m fortems.design.question --therapists "$(THERAPISTS)" --clients "$(CLIENTS)" --indirect "$(INDIRECT)" --icc "$(ICC)"

twin: env ## a synthetic twin of your data, for those who may not see them: make twin CONFIG=clinic.yaml
	@test -n "$(CONFIG)" || { echo "Name the configuration of your run: make twin CONFIG=clinic.yaml" >&2; exit 2; }
	@needs=$$($(BIN)/python -m fortems.twin --needs "$(CONFIG)") && \
	$(BIN)/snakemake --cores $(CORES) $$needs --configfile "$(CONFIG)" && \
	$(BIN)/python -m fortems.twin "$(CONFIG)"

new: env ## the skeleton of a study of your own, which runs as it is: make new STUDY=name
	@test -n "$(STUDY)" || { echo "Name the study: make new STUDY=name" >&2; exit 2; }
	@$(BIN)/python -m fortems.study.new "$(STUDY)"

verify: env ## compare results/RUN (main) with what the release ships: make verify RUN=ci
	@$(BIN)/python -m fortems.run.verify $(RUN)

check-run: env ## hold results/RUN (main) against its own manifest: make check-run RUN=x
	@$(BIN)/python -m fortems.run.check_run $(RUN)

trace: env ## where a printed number stands and what made it: make trace N=-0.31 (RUN=main)
	@test -n "$(N)" || { echo "Name a number: make trace N=-0.31" >&2; exit 2; }
	@$(BIN)/python -m fortems.archive.trace $(RUN) -- "$(N)"

reference: env ## make results/RUN (main) the reference that a release ships
	$(BIN)/python -m fortems.run.verify --renew $(RUN)

compare: env ## runs side by side on an HTML page: make compare A=main B=other (C=third)
	@$(BIN)/python -m fortems.archive.comparison $(A) $(B) $(C)

times: env ## put the times and memory of results/RUN (main) into docs/times.csv and README.md, after a whole run
	@$(BIN)/python -m fortems.run.usage $(RUN)
	@$(BIN)/python -m fortems.archive

docs: env ## renew what is generated in README.md and docs/ (results.md)
	@$(BIN)/python -m fortems.archive

contact-sheet: dev ## all figures and report pages of results/RUN (main) on one sheet
	$(BIN)/python -m fortems.run.contact_sheet results/$(RUN)

unlock: env ## after a run was killed: release its lock
	$(BIN)/snakemake --unlock

locks: ## renew the three locks (needs uv)
	uv pip compile --universal --generate-hashes --fork-strategy fewest --python-version 3.11 --no-header --no-annotate --no-emit-index-url pyproject.toml -o requirements.lock
	uv pip compile --universal --generate-hashes --fork-strategy fewest --python-version 3.11 --no-header --no-annotate --no-emit-index-url --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	uv pip compile --universal --generate-hashes --fork-strategy fewest --python-version 3.11 --no-header --no-annotate --no-emit-index-url --group build -c requirements.lock -o requirements-build.lock

check-wheels: env ## whether each locked package installs without a compiler, for each Python and platform (asks the index)
	$(BIN)/python .ci/check_wheels.py

citing: env ## renew codemeta.json from CITATION.cff
	$(BIN)/python .ci/citing.py

clean: ## remove the environment and all runs, not the reference results
	rm -rf $(VENV) .snakemake logs
	rm -f results/compare-*.html
	find results benchmarks -mindepth 1 -maxdepth 1 -type d ! -name reference -exec rm -rf {} +

help:
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## /make \1\t/' | expand -t 20

$(PLACE_STAMP):
	@python='$(PYTHON)'; \
	test -n "$$python" || { newer=$$(for p in python3 python; do "$$p" -c '$(NEWER)' 2>/dev/null; done | head -n 1); \
	test -z "$$newer" || echo "Python $$newer is newer than the libraries that this package is locked to (numpy, scipy, numba)." >&2; \
	echo "No Python 3.11, 3.12, 3.13, 3.14 or 3.15 found on PATH. Install one, or name it: make PYTHON=/path/to/python3.13" >&2; exit 2; }; \
	command -v "$$python" >/dev/null || { echo "$$python is not there. Name another: make PYTHON=/path/to/python3.13" >&2; exit 2; }; \
	"$$python" -c 'import sys; sys.exit(not $(FITS))' || { echo "$$python is not Python 3.11 to 3.15. Name another: make PYTHON=/path/to/python3.13" >&2; exit 2; }; \
	"$$python" -c 'import venv, ensurepip' 2>/dev/null || { echo "$$python has no venv module (Debian, Ubuntu: apt install python3-venv)." >&2; exit 2; }; \
	echo "Making an environment in $(VENV)/ with $$("$$python" -V): three steps, one to three minutes, about 1 GB." >&2; \
	rm -rf $(VENV) && "$$python" -m venv $(VENV) && touch $@

$(RUN_STAMP): requirements.lock requirements-build.lock pyproject.toml packages/twolevel/pyproject.toml | $(PLACE_STAMP)
	@echo "1 of 3: tools that build packages" >&2
	@$(PIP) install --require-hashes -r requirements-build.lock
	@# No wheel of it since Python 3.14. Its C part has a Python twin: leave that part out, and no compiler is needed.
	@$(call entry,immutables,requirements.lock) >$(VENV)/immutables.lock
	@CC=true LDSHARED=true $(PIP) install --require-hashes --no-build-isolation -r $(VENV)/immutables.lock
	@echo "2 of 3: the $$(grep -c '^[a-zA-Z0-9._-]*==' requirements.lock) packages of requirements.lock, each held against its checksum" >&2
	@$(PIP) install --require-hashes --no-build-isolation -r requirements.lock
	@echo "3 of 3: this package and its engine, compiled" >&2
	@$(PIP) install --no-deps --no-build-isolation --no-index --editable packages/twolevel --editable .
	@# Containers often tell Python to keep no bytecode. The engine is compiled once, before jobs that would do it side by side.
	@$(BIN)/python -m compileall -q workflow/fortems packages/twolevel/src/twolevel
	@$(BIN)/python -c 'import twolevel, twolevel.batch'
	@$(ISOLATE)
	@rm -f $(VENV)/.run-*; touch $@

$(DEV_STAMP): requirements-dev.lock | $(RUN_STAMP)
	@echo "Adding what tests and checks need" >&2
	@$(PIP) install --require-hashes --no-build-isolation -r requirements-dev.lock
	@rm -f $(VENV)/.dev-*; touch $@
