# infragen. `make help` lists the targets. Every target makes what it needs; nothing has to be installed by hand.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo test soak mutants lint templates bench docs check audit clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[local]' --group dev
	@touch $(STAMP)

setup: $(STAMP) ## Make the virtual environment with everything in it

demo: $(STAMP) ## Render, lint, plan and deploy dev on the embedded emulator
	$(BIN)/infragen render --env dev
	$(BIN)/infragen lint --env dev
	$(BIN)/infragen local start
	$(BIN)/infragen bootstrap --env dev --local --yes
	$(BIN)/infragen plan --env dev --local
	$(BIN)/infragen deploy --env dev --local --yes
	$(BIN)/infragen outputs --env dev --local
	@echo 'The emulator keeps running: $(BIN)/infragen local stop ends it, local reset forgets what was deployed.'

test: $(STAMP) ## Run the tests
	$(BIN)/python -m pytest -n auto --dist worksteal

SEED := $(shell date +%s)
soak: $(STAMP) ## Run the tests with many more cases each and print the figures; SEED=… repeats a run
	@echo 'make soak SEED=$(SEED)'
	INFRAGEN_SOAK=$(SEED) $(BIN)/python -m pytest -n auto --dist worksteal --hypothesis-seed=$(SEED)

mutants: $(STAMP) ## Break the guard and the widening gate in every small way; each break must fail a test
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

bench: $(STAMP) ## Measure start-up, rendering, linting and deploying, as ratios
	PYTHONPATH=tests $(BIN)/python benchmarks/run.py

docs: $(STAMP) ## Write anew what is made from the schemas and the commands
	$(BIN)/infragen schema > environment.schema.json
	$(BIN)/python -m infragen.report.environment_page > docs/environment.md
	$(BIN)/python -m infragen.report.plan_json_page > docs/plan-json.md
	$(BIN)/python -m infragen.report.prices_page > docs/prices.md
	$(BIN)/python -m infragen.report.event_page > docs/json-events.md
	$(BIN)/python -m infragen.cli.commands_page > docs/commands.md

check: lint templates test ## What CI runs

# A scanner is a tool for those who change the layers, not a part of the product: it has an environment of its own.
AUDIT := .venv-audit
$(AUDIT)/.checkov-3.3.30:
	$(PYTHON) -m venv --clear $(AUDIT)
	$(AUDIT)/bin/python -m pip install --quiet 'checkov==3.3.30'
	@touch $@

audit: $(AUDIT)/.checkov-3.3.30 ## Scan the committed templates for security findings
	$(AUDIT)/bin/checkov --directory templates --framework cloudformation --skip-download --compact --quiet

clean: ## Remove the virtual environments and caches
	rm -rf $(VENV) $(AUDIT) .mypy_cache .ruff_cache .pytest_cache .hypothesis
