# `make demo` and `make test` set themselves up: Python 3.11 or newer and make are all they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help demo test test-long lint bench clean

help:
	@echo "make demo       run the gate on both demo candidates"
	@echo "make test       the suite's own tests, ruff and mypy"
	@echo "make test-long  the tests that take longer, too"
	@echo "make bench      time collection, the demo, re-judging, samples and scores (minutes)"
	@echo "make clean      remove what was installed and measured here"

demo: $(READY)
	@$(BIN)/python -m fixtures.demo

test: $(READY) lint
	@$(BIN)/python -m pytest tests -q -n 2 -m "not slow"

test-long: $(READY) lint
	@$(BIN)/python -m pytest tests -q

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(READY)
	@$(BIN)/python -m benchmarks.startup
	@$(BIN)/python -m benchmarks.sampling
	@$(BIN)/python -m benchmarks.scoring

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "basegate needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; \
	  exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV), once ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --constraint constraints.txt "torch==2.13.0"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --constraint constraints.txt --editable ".[dev]"
	@touch $@

clean:
	rm -rf $(VENV) .basegate report.html .pytest_cache .mypy_cache .ruff_cache .hypothesis
