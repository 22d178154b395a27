# `make demo` is for users, `make test` for developers. Each target installs what it needs first.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet -c constraints.txt

.PHONY: install dev demo test test-slow chaos chaos-sample lint types bench

install: .venv/.installed
dev: .venv/.dev

# Both stamps are made again when the dependencies have changed.
.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(PIP) -e '.[plots]'
	touch $@

.venv/.dev: .venv/.installed
	$(PIP) -e '.[dev]'
	touch $@

demo: install
	$(BIN)/sweep run spaces/lora_rank.py
	$(BIN)/sweep report

test: lint types
	$(BIN)/pytest -n auto

# Simulations, exports and pages share the cores; tests that fill them with Ray's workers have them to themselves.
SHARING := tests/sweep/statistics tests/sweep/export tests/sweep/datasets tests/docs tests/model tests/sweep/page tests/sweep/charts tests/sweep/paper
test-slow: dev
	$(BIN)/pytest -m slow -n auto $(SHARING)
	$(BIN)/pytest -m slow $(addprefix --ignore=,$(SHARING))

# Every fault in tests/chaos, the full number of times: 15 to 30 minutes on two cores.
chaos: dev
	$(BIN)/pytest -m "chaos or not chaos" tests/chaos --chaos

# The faults that `make test` leaves out, a few times each.
chaos-sample: dev
	$(BIN)/pytest -m chaos tests/chaos

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: dev
	$(BIN)/mypy

# The table of targets: about half an hour on two cores. It overwrites benchmarks/RESULTS.md.
bench: dev
	$(BIN)/python -m benchmarks
