# The only entry: everything from a machine with Python 3.11, git, make and a C compiler.
VENV := .venv
RUN := $(VENV)/bin/
# The first interpreter that runs and is new enough; `make PYTHON=/path/to/python3.11` overrides.
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
# Worker processes of the tests.
JOBS ?= 2
# What the tests leave on disk and in logs; searched for card data at the end.
LEFT := build/left

.DEFAULT_GOAL := help
.PHONY: help install demo test check format bench reference pictures lock upgrade clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

install: $(VENV)/.installed  ## Make .venv with the locked versions

$(VENV)/.installed: requirements.lock pyproject.toml tools/environment.py
	@test -n "$(PYTHON)" || { echo "Sekisho needs Python 3.11 or later, and none was found." \
		"Install it, or name it: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) tools/environment.py install $(VENV)
	@touch $@

demo: install  ## The main job on a fictional leak: find it, show when, write the report
	@$(RUN)sekisho demo

test: install  ## Everything that the tests need, and the tests
	@$(RUN)python tools/environment.py browser
	@rm -rf $(LEFT) && mkdir -p $(LEFT)/temporary
	@TMPDIR=$(CURDIR)/$(LEFT)/temporary $(RUN)python -m pytest -n $(JOBS) --dist worksteal \
		--basetemp=$(LEFT)/tests -o log_file=$(LEFT)/tests.log -o log_file_level=DEBUG $(ARGS)
	@$(RUN)python tools/left_behind.py $(LEFT)
	@echo "make test: all tests passed."

check: install  ## Format, lint, types, import contracts, documentation
	@$(RUN)ruff format --check .
	@$(RUN)ruff check .
	@$(RUN)mypy
	@$(RUN)lint-imports --no-logo
	@$(RUN)python -m pytest -q tests/house
	@echo "make check: clean."

format: install  ## Format the code and repair what the linter can
	@$(RUN)ruff check --fix .
	@$(RUN)ruff format .

bench: install  ## Run the benchmarks (make bench ARGS="--list" lists them)
	@$(RUN)python -m benchmarks $(ARGS)

reference: install  ## Write docs/reference/cli.md and features.md from the program itself
	@$(RUN)python tools/reference.py
	@$(RUN)python tools/features.py

pictures: install  ## Make the pictures of the documentation from the product itself
	@$(RUN)python docs/images/make.py

lock: install  ## Write requirements.lock anew, keeping versions that still fit
	@$(RUN)python tools/environment.py lock

upgrade: install  ## Write requirements.lock anew with the newest versions
	@$(RUN)python tools/environment.py lock --upgrade

clean:  ## Remove everything that make made
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis \
		build dist demo-out benchmarks/out
	find src tests benchmarks tools docs -name __pycache__ -type d -prune -exec rm -rf {} +
