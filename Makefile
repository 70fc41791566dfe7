# Everything that a newcomer, a developer or CI does. 'make' prints the targets.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
CPP := $(wildcard src/rebnet/engine/native/*.?pp src/rebnet/fold/timing/native/*.cpp tests/engine/native/*.?pp benchmarks/cpu_peers/*.cpp)
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
# what is installed, with hashes; only 'make install LOCK=', by hand, takes the versions of constraints.txt unchecked
LOCK := requirements.lock
HASHED := $(PIP) --require-hashes --no-deps --only-binary :all:
UNLOCKED = { echo "not all that is locked could be installed; where pip says that hashes differ, because your index has \
files of its own, 'make $(or $(MAKECMDGOALS),install) LOCK=' takes the same versions unchecked" >&2; exit 1; }
JOBS := $(shell nproc 2>/dev/null || echo 2)

PYTEST := $(BIN)/pytest -n $(JOBS) --dist worksteal

.PHONY: help install demo test quick check static docs format benchmark clean tools

help: ## print these targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(READY) ## create .venv with everything in it

demo: $(READY) ## train, compile, simulate and compare on embedded digits
	$(BIN)/rebnet demo --output build/demo

test: $(READY) ## run all tests
	@command -v perl >/dev/null || { echo "the tests need perl to run the simulator alone; install it (for example: apt install perl)" >&2; exit 1; }
	$(PYTEST) --durations=40

quick: $(READY) ## run the tests that need no simulator, compiler or training
	$(PYTEST) -q -m 'not long and not data'

check: static ## lint, types, import direction, formatting, RTL lint
	$(BIN)/pytest -q tests/rtl/test_lint.py

static: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/clang-format --dry-run -Werror $(CPP)
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(READY) ## make the site of the documentation, site/, every link checked
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "site/index.html"

format: $(READY) ## format and fix what can be fixed
	$(BIN)/ruff format
	$(BIN)/clang-format -i $(CPP)
	$(BIN)/ruff check --fix

benchmark: $(READY) ## measure simulator, FIFO sizing, training step and CPU engine (needs MNIST and CIFAR-10, see --data-dir)
	$(PIP) -c constraints.txt --no-build-isolation -e '.[benchmark]'
	$(BIN)/python benchmarks/simulation.py
	$(BIN)/python benchmarks/fifo_sizing.py
	$(BIN)/python benchmarks/training_step.py
	$(BIN)/python benchmarks/cpu_engine.py

clean: ## remove builds and the environment
	rm -rf .venv build runs site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

tools:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "rebnet needs Python 3.11 or newer with venv; install it, or name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@command -v g++ >/dev/null || { echo "rebnet needs a C++ compiler, g++, to simulate; install it (for example: apt install g++)" >&2; exit 1; }

$(READY): pyproject.toml constraints.txt $(wildcard requirements*.lock) | tools
	$(PYTHON) -m venv .venv
ifneq ($(strip $(LOCK)),)
	@# torch for the CPU alone where one of its known files is offered, else the index's own
	$(HASHED) -r requirements-cpu.lock 2>/dev/null || $(HASHED) -r requirements-index.lock || $(UNLOCKED)
	$(HASHED) -r '$(LOCK)' || $(UNLOCKED)
	$(PIP) --no-deps --no-build-isolation -e .
	$(BIN)/pip check
else
	$(PIP) -c constraints.txt scikit-build-core nanobind cmake ninja
	$(PIP) -c constraints.txt --no-build-isolation -e '.[all,dev,docs]'
endif
	touch $@
