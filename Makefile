# The two commands of the README are `make demo` and `make test`; both set the
# machine up through `make setup`. Everything else is for people who change
# the code.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv

.PHONY: setup demo test check bench console system clean lock

setup: .setup.stamp

# Debian packages that the demo and the tests use. Root installs them;
# anybody else is told which, in one line, and goes on without.
system:
	@scripts/system-packages

# uv is fetched into the venv itself, so nothing outside the checkout changes.
.setup.stamp: pyproject.toml requirements.lock console/package-lock.json scripts/build-console $(shell find console/src console/index.html -type f 2>/dev/null)
	@$(MAKE) --no-print-directory system
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(UV) || $(BIN)/python -m pip install --quiet uv
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	scripts/build-console
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

console:
	scripts/build-console

demo: setup
	$(BIN)/patrolctl demo

# Three workers on two cores: half of the scenarios' time is waiting.
test: setup
	$(BIN)/python -m pytest -n 3 --dist loadfile -m "not ardupilot and not campaign"

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	scripts/check-console

bench: setup
	$(BIN)/python -m benchmarks

# Python 3.11 to 3.13, with hashes, without the address of any registry.
lock:
	$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	    --python-version 3.11 --group dev pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) .setup.stamp console/node_modules src/patrolctl/web/static
