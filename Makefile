# infragen. `make help` lists the targets. Every target makes what it needs; nothing has to be installed by hand.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-long test-fast twin scaffold soak mutants lint templates upgrade wheel bench docs lock check audit clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

# Everything is installed from a lock with hashes, and infragen itself without asking for anything else.
INSTALL := -m pip install --quiet --disable-pip-version-check
OLD_PYTHON := infragen needs Python 3.11 or newer: make PYTHON=python3.11
CHECKED = $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo '$(OLD_PYTHON)' >&2; exit 1; }
define install
	@$(CHECKED)
	@echo "Creating $(VENV) and installing $$(grep -c '==' $(1)) packages of $(1) with pip; $(2)."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(INSTALL) --require-hashes --requirement $(1)
	@echo 'Installing infragen itself.'
	@$(BIN)/python $(INSTALL) --no-deps --no-build-isolation --editable .
endef
$(STAMP): pyproject.toml requirements/dev.txt
	$(call install,requirements/dev.txt,about a minute)
	@touch $(RUNS) $(STAMP)

# What runs infragen and its emulator, without linters and test browsers.
RUNS := $(VENV)/.runs
$(RUNS): pyproject.toml requirements/infragen.txt
	$(call install,requirements/infragen.txt,about half a minute)
	@touch $(RUNS)

setup: $(STAMP) ## Make the virtual environment with everything in it

# The project that the demo makes runs on Node. Where the machine has no Node 24 with npm, the one of the package index comes into $(VENV).
HAS_NODE := command -v npm >/dev/null && node -e 'process.exit(parseInt(process.versions.node) < 24 ? 1 : 0)' 2>/dev/null
NODE := $(VENV)/.node
$(NODE): requirements/node.txt $(RUNS)
	@$(HAS_NODE) || { echo 'Installing Node, some 60 MB, with pip.'; \
		$(BIN)/python $(INSTALL) --require-hashes --requirement requirements/node.txt; }
	@touch $(NODE)

demo: $(NODE) ## Deploy a new project to the local emulator and show that all of it works
	$(BIN)/python tools/demo.py

# Of the running emulator it has one test, tests/twin/test_short_day.py, which needs Node and PostgreSQL and skips without.
test: $(STAMP) ## Run the tests
	$(BIN)/python -m pytest -n auto --dist worksteal -m 'not long and not twin and not scaffold'

test-long: $(STAMP) ## Run what `make test` leaves out: the tests that take longest, and the other topology
	$(BIN)/python -m pytest -n auto --dist worksteal -m 'long and not twin and not scaffold'

twin: $(STAMP) ## Run the tests of the running emulator that take longest: whole environments in it
	$(BIN)/python -m pytest -n 3 --dist loadfile -m twin tests/twin

# Node comes with pip, whatever the machine has: the scaffold needs the version that the lock names.
scaffold: $(STAMP) ## Install the application that `infragen init` writes, run its tests, and run it in the emulator
	@$(BIN)/python $(INSTALL) --require-hashes --requirement requirements/node.txt
	INFRAGEN_SCAFFOLD=required $(BIN)/python -m pytest -n 0 -m scaffold tests/scaffold

test-fast: $(STAMP) ## Run the tests that need no process, browser, emulator or fake: less than half a minute
	$(BIN)/python -m pytest --fast -n auto --dist worksteal

SEED := $(shell date +%s)
soak: $(STAMP) ## Run the tests with many more cases each and print the figures; SEED=… repeats a run
	@echo 'make soak SEED=$(SEED)'
	INFRAGEN_SOAK=$(SEED) $(BIN)/python -m pytest -n auto --dist worksteal --hypothesis-seed=$(SEED)

mutants: $(STAMP) ## Break the gates, and what the layers keep safe, in every small way; each break must fail a test
	$(BIN)/python tests/mutants.py

lint: $(STAMP) ## Style, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

templates: $(STAMP) ## Check that the committed templates are current and lint without a finding
	$(BIN)/infragen render --check
	$(BIN)/infragen lint --fail-on informational
	$(BIN)/cfn-lint --include-checks I -- templates/*/*.yaml

FROM := $(shell git describe --tags --abbrev=0 2>/dev/null || echo HEAD)
upgrade: $(RUNS) ## Show what this version changes in the templates of FROM=TAG (default: the last tag)
	$(BIN)/python tools/upgrade.py $(FROM)

# As a user installs it: a new environment, an empty directory and an empty home. The versions are those of the lock.
wheel: $(RUNS) ## Build the wheel and use it in an empty directory
	rm -rf dist && $(BIN)/python -m hatchling build -t wheel -d dist
	@rm -rf $(TRIED) && $(PYTHON) -m venv $(TRIED)/venv && mkdir $(TRIED)/home $(TRIED)/here
	@$(TRIED)/venv/bin/python $(INSTALL) --require-hashes --requirement requirements/infragen.txt
	@$(TRIED)/venv/bin/python $(INSTALL) --no-deps dist/*.whl
	cd $(TRIED)/here && $(IN_EMPTY_HOME) infragen --version
	cd $(TRIED)/here && $(IN_EMPTY_HOME) infragen init shop --region eu-central-1
	cd $(TRIED)/here/shop && $(IN_EMPTY_HOME) infragen render --check
	cd $(TRIED)/here/shop && $(IN_EMPTY_HOME) infragen lint --fail-on informational
TRIED := $(CURDIR)/build/wheel
IN_EMPTY_HOME := env -i HOME=$(TRIED)/home PATH=$(TRIED)/venv/bin:/usr/bin:/bin

bench: $(STAMP) ## Measure start-up, rendering, linting and deploying, as ratios
	PYTHONPATH=tests $(BIN)/python benchmarks/run.py

docs: $(STAMP) ## Write anew what is made from the schemas and the commands
	$(BIN)/infragen schema > environment.schema.json
	$(BIN)/python tools/environment_page.py > docs/environment.md
	$(BIN)/python tools/plan_json_page.py > docs/plan-json.md
	$(BIN)/python tools/prices_page.py > docs/prices.md
	$(BIN)/python tools/access_page.py > docs/access.md
	$(BIN)/python tools/event_page.py > docs/json-events.md
	$(BIN)/python tools/documents_page.py > docs/json-documents.md
	$(BIN)/python tools/doctor_page.py > docs/doctor.md
	$(BIN)/python tools/ps_page.py > docs/ps.md
	$(BIN)/python tools/commands_page.py > docs/commands.md

# One lock for every Python from 3.11 and every platform; no registry is named in it. UPGRADE= keeps what still fits.
UPGRADE := --upgrade
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --custom-compile-command 'make lock' $(UPGRADE)
lock: $(STAMP) ## Renew the locks in requirements/ with the newest releases that pyproject.toml allows
	$(COMPILE) pyproject.toml --extra local --group build --output-file requirements/infragen.txt
	$(COMPILE) pyproject.toml --extra local --group build --group dev --output-file requirements/dev.txt
	$(COMPILE) --group pyproject.toml:node --output-file requirements/node.txt
	$(COMPILE) --group pyproject.toml:audit --output-file requirements/audit.txt

check: lint templates audit test test-long twin scaffold ## What CI runs

# A scanner is a tool for whoever changes the layers, not a part of the product: it has an environment of its own.
AUDIT := .venv-audit
$(AUDIT)/.installed: requirements/audit.txt
	$(PYTHON) -m venv --clear $(AUDIT)
	$(AUDIT)/bin/python $(INSTALL) --require-hashes --requirement requirements/audit.txt
	@touch $@

audit: $(AUDIT)/.installed $(STAMP) ## Scan the committed templates and workflows for security findings, check the workflows' schema
	$(AUDIT)/bin/checkov --directory templates --framework cloudformation --skip-download --compact --quiet
	$(AUDIT)/bin/checkov --directory . --framework github_actions --skip-download --compact --quiet
	$(AUDIT)/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(AUDIT)/bin/actionlint .github/workflows/*.yml
	rm -rf build/pipeline
	$(BIN)/infragen init build/pipeline --project shop --region eu-central-1 --github acme/shop
	$(BIN)/infragen pipeline gitlab --environments build/pipeline/environments
	$(AUDIT)/bin/check-jsonschema --builtin-schema vendor.github-workflows build/pipeline/.github/workflows/*.yaml
	$(AUDIT)/bin/actionlint build/pipeline/.github/workflows/*.yaml
	$(AUDIT)/bin/check-jsonschema --builtin-schema vendor.gitlab-ci build/pipeline/.gitlab-ci.yml

clean: ## Remove the virtual environments and caches
	rm -rf $(VENV) $(AUDIT) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
