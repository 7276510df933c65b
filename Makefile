# Each target does all its own set-up: python3, make and a package index are enough.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: install run test test-backends bench lint format clean

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

# Real servers and clients, each in an environment of its own under .venvs; what cannot be had in BACKENDS_SECONDS is
# skipped with its reason.
BACKENDS_SECONDS ?= 900
test-backends: $(READY)
	$(BIN)/python -m tests.backends.environments $(BACKENDS_SECONDS)
	$(BIN)/pytest -m backends $(ARGS)

bench: $(READY)
	$(BIN)/python -m tests.benchmarks.micro
	$(BIN)/python -m tests.benchmarks.log_append
	$(BIN)/python -m tests.benchmarks.redis_append
	$(BIN)/python -m tests.benchmarks.audit_verify
	$(BIN)/python -m tests.benchmarks.execution_scale
	$(BIN)/python -m tests.benchmarks.quarantine
	$(BIN)/python -m tests.benchmarks.hop

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv .venvs dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
