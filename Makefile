# Ekiden's chores. `make` alone lists them.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh
VENV ?= .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=

# The first interpreter on the PATH that is 3.11 or newer; `make run PYTHON=/path/to/python` chooses another.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$python; break; fi; done)

# A configuration like that of a real site, for Django's own deployment check.
PRODUCTION := DEBUG=false HTTPS=true ALLOWED_HOSTS=ekiden.example.org \
	DATABASE_URL=postgresql://ekiden@127.0.0.1:1/ekiden \
	SECRET_KEY=for-the-check-only-0123456789abcdefghijklmnopqrstuvwxyz-0123456789

.PHONY: help
help: ## list what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: $(VENV)/.installed ## run everything: PostgreSQL, web server, worker (Ctrl-C stops it)
	@exec $(BIN)/python manage.py up

.PHONY: test
test: $(VENV)/.installed-dev ## run the tests, on an embedded PostgreSQL or on TEST_DATABASE_URL
	$(BIN)/pytest $(PYTEST_ARGS)

.PHONY: storm
storm: $(VENV)/.installed-dev ## run only the tests that kill, freeze and restart real processes, or go on by chance
	$(BIN)/pytest tests/acceptance tests/concurrency tests/jobs/test_workflows_machine.py \
		tests/jobs/search/test_readers.py $(PYTEST_ARGS)

.PHONY: pictures
pictures: $(VENV)/.installed-dev ## take the documents' pictures of the console anew, with chromium
	EKIDEN_PICTURES=var/pictures $(BIN)/pytest -q tests/browser/test_pictures.py tests/browser/test_analytics.py \
	  tests/browser/test_search.py
	mkdir -p docs/images
	cd var/pictures/light-1280 && cp dead-letter.png dead-letters.png analytics-performance.png search.png ../../../docs/images/

.PHONY: screens
screens: $(VENV)/.installed-dev ## photograph every screen of the console in both themes, into docs/screens/
	EKIDEN_SCREENS=docs/screens $(BIN)/pytest -q tests/browser/screens.py

.PHONY: messages
messages: $(VENV)/.installed-dev ## bring the Japanese catalogue in step with the sources, and name what has no Japanese yet
	$(BIN)/python -m tests.catalogue

.PHONY: check
check: $(VENV)/.installed-dev ## check style, types, imports, migrations and the deployment settings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PRODUCTION) $(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	$(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING

.PHONY: fix
fix: $(VENV)/.installed-dev ## repair what ruff can repair
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: ci
ci: check test ## what every change has to pass

.PHONY: requirements
requirements: $(VENV)/.installed-dev ## pin the newest allowed versions for every supported Python
	$(BIN)/uv pip compile $(UPGRADE) $(PINNING) pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile $(UPGRADE) $(PINNING) --all-extras pyproject.toml -c requirements.txt -o requirements-extras.txt
	$(BIN)/uv pip compile $(UPGRADE) $(PINNING) --all-extras --group dev pyproject.toml -c requirements-extras.txt -o requirements-dev.txt
UPGRADE ?= --upgrade
PINNING := --quiet --universal --python-version 3.11 --no-emit-index-url --custom-compile-command "make requirements"

.PHONY: clean
clean: ## remove what was built; the data in var/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(VENV)/.installed: requirements.txt | $(VENV)/bin/pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt | $(VENV)/bin/pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/.installed

$(VENV)/bin/pip:
	@if [ -z "$(PYTHON)" ]; then echo "Ekiden needs Python 3.11 or newer, and none is on the PATH."; exit 1; fi
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments: install its venv package (Debian: apt install python3-venv)."; exit 1; }
	$(PYTHON) -m venv $(VENV)
