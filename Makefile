# Six targets; bare `make` lists them. Each makes .venv first where it is missing or out of date, with nothing but
# python3 (3.11 or newer, with its venv module); otherwise that costs no time.
.DEFAULT_GOAL := help
.PHONY: help serve test check fix bench clean

PYTHON ?= python3
SYNCED := .venv/.synced

help:
	@sed -n 's/^\([a-z]*\):.*## /make \1	/p' Makefile | expand -t 14

$(SYNCED): pyproject.toml uv.lock .ci/bootstrap.py
	@$(PYTHON) .ci/bootstrap.py
	@touch $@

serve: $(SYNCED) ## start Headwater in ./headwater-home; HEADWATER_* variables are passed on
	@exec .venv/bin/headwater serve

test: $(SYNCED) ## run the whole test suite; a test whose server is not there is skipped, and the end says which
	@.venv/bin/pytest -q -n auto --maxprocesses 8 --dist worksteal

check: $(SYNCED) ## format, lint, types, floors and the rules of the house
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/mypy
	.venv/bin/lint-imports --no-cache
	.venv/bin/pytest -q tests/test_house.py

fix: $(SYNCED) ## format, and mend what lint can mend by itself
	.venv/bin/ruff check --fix-only
	.venv/bin/ruff format

bench: $(SYNCED) ## race Headwater against its peers on this machine
	@.venv/bin/python bench/run.py

clean: ## remove what make and the tools have made; homes and .services stay
	rm -rf .venv build dist .coverage .coverage.* htmlcov .hypothesis .schemathesis
	rm -rf .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests bench .ci -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
