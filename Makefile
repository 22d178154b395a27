# Everything a newcomer types: `make demo` and `make test`. Each target makes what it needs first.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: install demo test test-slow chaos chaos-sample lint types bench

install: .venv/.installed

# Made again only when what it depends on has changed.
.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@

demo: install
	$(BIN)/sweep run spaces/lora_rank.py
	$(BIN)/sweep report

test: lint types
	$(BIN)/pytest -n auto

test-slow: install
	$(BIN)/pytest -m slow

# Every fault of tests/chaos, the full number of times: 15 to 30 minutes on two cores.
chaos: install
	$(BIN)/pytest -m "chaos or not chaos" tests/chaos --chaos

# The faults that `make test` leaves out, a few times each.
chaos-sample: install
	$(BIN)/pytest -m chaos tests/chaos

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy

bench: install
	$(BIN)/python -m benchmarks
