# The README's two commands are `make demo` and `make test`. They need Python 3.11 or newer, pip and make.
.DELETE_ON_ERROR:
.PHONY: demo test check lock wheel clean help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# One more than two cores: many tests wait for processes of their own. How files are shared out: tests/conftest.py.
JOBS ?= 3
# WHEEL=1 tests the built wheel instead of the tree
WHEEL ?=
PACKAGES := connector adapters state sandbox mappings

help:
	@echo "make demo    the whole job on local orgs, with progress on the screen"
	@echo "make test    the whole suite, on SQLite and on a real PostgreSQL"
	@echo "make check   formatting, lint, types, import contracts"
	@echo "make lock    renew the locks after pyproject.toml has changed"

demo: $(VENV)/.installed
	@$(BIN)/handoff demo

ifeq ($(WHEEL),)
test: $(VENV)/.clients
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -q
else
# The tree's packages stay behind: what is imported can only be the wheel's.
test: $(VENV)/.clients wheel
	$(PIP) install --no-deps --force-reinstall dist/*.whl
	rm -rf build/wheel-tests && mkdir -p build/wheel-tests
	git ls-files -z | grep -zvE '^($(shell echo $(PACKAGES) | tr ' ' '|'))/' | xargs -0 cp --parents -t build/wheel-tests
	cd build/wheel-tests && $(CURDIR)/$(BIN)/python -P -m pytest -n $(JOBS) --dist loadfile -q
	$(PIP) install --no-deps -e .
endif

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

wheel: $(VENV)/.dev
	rm -rf dist
	$(BIN)/python -m build --wheel --no-isolation --outdir dist .

lock: $(VENV)/.dev
	$(PIP) install 'uv>=0.5'
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-annotate --custom-compile-command 'make lock' --extra sandbox --extra postgres -o requirements/run.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-annotate --custom-compile-command 'make lock' --extra sandbox --extra postgres --extra spark --group test --group check -o requirements/dev.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-annotate --custom-compile-command 'make lock' -o requirements/singer.lock requirements/singer.in

$(VENV)/.created:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.created requirements/run.lock pyproject.toml
	$(PIP) install -r requirements/run.lock
	$(PIP) install --no-deps -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.installed requirements/dev.lock
	$(PIP) install -r requirements/dev.lock
	@touch $@

# Clients that others wrote and the tests point at the sandbox, each where its own dependencies cannot meet ours.
$(VENV)/.clients: $(VENV)/.singer $(VENV)/.node
	@touch $@

$(VENV)/.singer: $(VENV)/.created requirements/singer.lock
	rm -rf $(VENV)/clients/singer && mkdir -p $(VENV)/clients
	$(BIN)/python -m venv $(VENV)/clients/singer
	$(VENV)/clients/singer/bin/python -m pip --disable-pip-version-check --quiet install -r requirements/singer.lock
	@touch $@

$(VENV)/.node: $(VENV)/.dev tests/clients/node/package.json tests/clients/node/package-lock.json
	rm -rf $(VENV)/clients/node && mkdir -p $(VENV)/clients/node
	cp tests/clients/node/package.json tests/clients/node/package-lock.json $(VENV)/clients/node/
	cd $(VENV)/clients/node && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --silent --no-audit --no-fund --ignore-scripts
	@touch $@

clean:
	rm -rf $(VENV) build dist
