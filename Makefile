# `make` alone lists the targets. Everything runs in .venv, which is rebuilt when pyproject.toml changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help demo dev test lint type schemas check bench clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(STAMP): pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@$(BIN)/python -m compileall -q veospec # also where the environment forbids Python to do so as it goes
	@touch $(STAMP)

dev: $(STAMP) ## make .venv with everything a developer needs

demo: $(STAMP) ## render the reference storyboard as an animatic, without an account
	$(BIN)/veospec apply specs/night-ferry/shots.yaml

test: $(STAMP) ## run the tests, offline
	$(BIN)/python -m pytest -n auto -q

lint: $(STAMP) ## style and likely bugs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

type: $(STAMP) ## strict types
	$(BIN)/mypy

schemas: $(STAMP) ## write again what is generated from the catalogue and the code
	$(BIN)/python -m veospec.catalog.shipped veospec/catalog/models.json
	$(BIN)/python -m veospec.spec.schema schemas

check: lint type test ## what must be green before a commit

bench: $(STAMP) ## measure speed as ratios, in turns (slow; needs the peers of tests/bench/README.md)
	$(BIN)/python tests/bench

clean: ## remove what the targets above made
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
