# The one door.
#   make run      the portal with demo data, on http://HOST:PORT (made ready at the first call)
#   make test     every test, on SQLite and PostgreSQL, and in Chromium; TESTS=tests/wishes for a part, ARGS='-k claim' for pytest
#   make check    style, types, templates, directions of imports
#   make format   put Python files into the house style
#   make messages  the English catalogue with the sentences of the code
#   make bench    the figures of speed
#   make lock     requirements*.txt anew from requirements*.in (needs uv)
#   make clean    remove what was made, except the instance folder

HOST ?= 127.0.0.1
PORT ?= 8000
TESTS ?= tests
ARGS ?=
WORKERS ?= $(shell n=$$(nproc 2>/dev/null || echo 2); [ $$n -gt 8 ] && n=8; echo $$n)
PY := .venv/bin/python

.PHONY: run test check format messages bench lock clean ready ready-dev

run: ready
	@PORTAL_HOST=$(HOST) PORTAL_PORT=$(PORT) $(PY) -m portal.cli serve --demo

test: ready-dev
	@$(PY) -m pytest -n $(WORKERS) --dist loadgroup $(ARGS) $(TESTS)

check: ready-dev
	@tools/check.sh

format: ready-dev
	@.venv/bin/ruff check --select I --fix --quiet . && .venv/bin/ruff format --quiet .

messages: ready-dev
	@$(PY) tools/messages.py

bench: ready-dev
	@$(PY) -m bench $(ARGS)

lock:
	@for name in requirements requirements-dev; do \
		uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
			--custom-compile-command "make lock" --output-file $$name.txt $$name.in || exit 1; \
	done

clean:
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

ready:
	@tools/environment.sh run

ready-dev:
	@tools/environment.sh dev
