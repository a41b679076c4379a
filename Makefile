# `make demo` and `make test` need Python 3.11 or newer, make, and nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)# a container's only user; Jupyter refuses it otherwise
# Without bytecode each kernel and command compiles the package (0.6 s) and each worker rewrites the tests (5 s).
export PYTHONDONTWRITEBYTECODE :=

MAKEFLAGS += --jobs=2# mypy, which has one core, runs beside the suite

.PHONY: demo sample test suite lab lint fix clean

demo: $(VENV)/.demo  ## every notebook on the offline provider, no key needed
	$(BIN)/benchkit run

sample: $(VENV)/.test  ## the README's picture and sample report, from a demo run
	$(BIN)/python benchmarks/picture.py

test: suite lint  ## every test

suite: $(VENV)/.test
	$(BIN)/pytest

lab: $(VENV)/.demo  ## the notebooks in JupyterLab
	$(BIN)/jupyter lab --ServerApp.root_dir="$(CURDIR)" --LabApp.default_url=/lab/tree/notebooks $(AS_ROOT)

lint: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

fix: $(VENV)/.test  ## format, and take the outputs out of the notebooks
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/nbstripout --keep-id --extra-keys "metadata.papermill cell.metadata.papermill" notebooks/*.ipynb

clean:
	rm -rf $(VENV)

$(VENV)/bin/python:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || \
		{ echo "benchkit needs Python 3.11 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up $(VENV) (a minute or two, once)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml | $(VENV)/bin/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.test: pyproject.toml | $(VENV)/bin/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[test,dask,large]"
	@touch $@ $(VENV)/.demo
