# The front door. Every target does the set-up it needs, once: see .ci/set-up.
#
#     make PYTHON=python3.13 test      another Python
#     make test ARGS="-k lease -x"     arguments for pytest
#     make install PREFIX=/usr         elsewhere than /usr/local; DESTDIR= for packagers

PYTHON ?=
ARGS ?=
export PYTHON
# What a person has set for other projects must not change what is imported here.
unexport PYTHONPATH PYTHONHOME

BIN := .venv/bin
DISTRIBUTIONS := $(patsubst %/pyproject.toml,%,$(wildcard pyproject.toml plugins/*/pyproject.toml contrib/*/pyproject.toml))
DISTRIBUTIONS := $(patsubst pyproject.toml,.,$(DISTRIBUTIONS))
SOURCES := daemon $(wildcard plugins contrib)

.DEFAULT_GOAL := help
.PHONY: help setup setup-demo demo test lint types imports packages faults gap-hunt autobahn check format lock bench driver-compat fuzz-http binary install uninstall clean pictures

help: ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## the virtual environment .venv, with everything a developer needs
	@.ci/set-up dev

setup-demo:
	@.ci/set-up demo

demo: setup-demo ## see Drena work: database, fake API, two offices, in one minute
	@$(BIN)/drena demo $(ARGS)

test: setup ## all tests
	@.ci/browser
	$(BIN)/python -m pytest $(ARGS)

lint: setup ## ruff, and flake8-async for the cancellation rules that ruff lacks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/flake8 $(SOURCES) tests

types: setup ## mypy, strict
	$(BIN)/mypy $(SOURCES)

imports: setup ## import-linter: who may import whom
	$(BIN)/lint-imports --no-logo

packages: setup ## build wheels and source distributions into dist/, install them into an empty environment
	@.ci/packages $(DISTRIBUTIONS)

binary: setup ## build dist/drena, all of Drena in one file, and run its demo alone; DRENA_BINARY_POSTGRES=no leaves PostgreSQL out
	@.ci/build-binary

# Tests come last, so that their closing lines end the output.
check: lint types imports packages binary test ## everything that CI runs

format: setup ## put all code into the one form
	$(BIN)/ruff check --select I --fix .
	$(BIN)/ruff format .

lock: setup ## write .ci/requirements again from the pyproject files; ARGS=--upgrade takes the newest versions
	$(BIN)/python .ci/lock.py $(ARGS)

# A new measurement is a new file: make bench-NAME runs tests/bench/NAME.py or tests/NAME/bench/run.py.
SCRIPTS := $(wildcard tests/bench/[a-z]*.py tests/*/bench/run.py)
BENCHES := $(patsubst tests/%/bench/run.py,bench-%,$(patsubst tests/bench/%.py,bench-%,$(SCRIPTS)))

bench: $(BENCHES) ## measure everything; make bench-NAME measures one thing

bench-%: setup
	$(BIN)/python $(firstword $(wildcard tests/bench/$*.py tests/$*/bench/run.py) no-measurement-named-$*) $(ARGS)

faults: setup ## kill, freeze and cut off nodes, databases and networks for ten minutes; ARGS="--seed 7", "--kills 1000"
	cd tests && ../$(BIN)/python -m faults.long $(ARGS)

gap-hunt: setup ## look for lost changes: writers, flaky feed clients, dying nodes; ARGS="--minutes 10 --clients 200"
	cd tests && ../$(BIN)/python -m feed.hunt $(ARGS)

autobahn: setup ## the Autobahn suite against the feed; says so when there is no CPython 2.7 for it; ARGS="6.*" for some
	cd tests && ../$(BIN)/python -m feed.autobahn $(ARGS)

fuzz-http: setup ## make up requests to the HTTP API by its own document for five minutes; FUZZ_HTTP_S=3600, FUZZ_HTTP_SEED=7
	FUZZ_HTTP_S=$${FUZZ_HTTP_S:-300} $(BIN)/python -m pytest tests/http/test_fuzz.py -s $(ARGS)

driver-compat: setup ## asyncpg's own published tests against asyncpg_trio
	$(BIN)/python tests/driver/compat/run.py $(ARGS)

PREFIX ?= /usr/local

build/bundle/drena:
	@$(MAKE) --no-print-directory binary

install: build/bundle/drena ## Drena as a service: program, units, user, completions, pages; then see contrib/operating.md
	@.ci/install "$(DESTDIR)" "$(PREFIX)"

uninstall: ## remove what install put there; /etc/drena, /var/lib/drena and the user drena stay
	@.ci/install --remove "$(DESTDIR)" "$(PREFIX)"

pictures: setup ## draw every state of the status page into build/pictures; ARGS=phone-dark-en draws one look
	cd tests && ../$(BIN)/python -m page.pictures ../build/pictures $(ARGS)

clean: ## remove everything that was built, and .venv
	rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
