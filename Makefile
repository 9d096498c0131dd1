# Everything a developer needs, from a machine with Python 3.11, git, make and a C compiler.
PYTHON ?= python3
VENV := .venv
UV := $(VENV)/bin/uv
RUN := $(VENV)/bin/

.PHONY: install demo test check bench lock clean

install: $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check uv
	$(UV) pip sync --quiet --python $(VENV)/bin/python --require-hashes requirements.lock
	$(VENV)/bin/python -m pip --version >/dev/null 2>&1 || true
	$(UV) pip install --quiet --python $(VENV)/bin/python --no-deps --editable .
	touch $@

lock:
	$(UV) pip compile pyproject.toml --group dev --universal --generate-hashes \
	    --no-emit-index-url --no-header --quiet --output-file requirements.lock
