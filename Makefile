# Each target does all its own set-up: python3, make and a package index are enough.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: install run test bench lint format clean

install: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[mem0]" --group test --group lint
	touch $(READY)

run: $(READY)
	$(BIN)/memfw demo $(ARGS)

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/memfw policy schema --check
	$(BIN)/memfw policy test policies/tests

test: lint
	$(BIN)/python -m tests.wheel_smoke
	$(BIN)/pytest $(ARGS)

bench: $(READY)
	$(BIN)/python -m tests.benchmarks.micro
	$(BIN)/python -m tests.benchmarks.log_append
	$(BIN)/python -m tests.benchmarks.execution_scale
	$(BIN)/python -m tests.benchmarks.hop

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
