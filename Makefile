# The two commands are `make demo` and `make test`; each sets itself up.
PYTHON ?= python3
BIN := .venv/bin
PEOPLE ?= 100000
.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench soak lock clean

help:  ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: .venv/ready  ## Virtual environment from the hashed lock, translations, and what the tests need

.venv/ready: requirements.lock pyproject.toml src/ariyippu/web/locale/ml/LC_MESSAGES/django.po
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/pybabel --quiet compile -d src/ariyippu/web/locale -D django
	@touch $@

demo: setup  ## The main job end to end on this machine; PEOPLE=20000 for a smaller one
	$(BIN)/ariyippu demo --people $(PEOPLE)

test: setup  ## All tests (installs Chromium, a Malayalam font and Postfix's smtp-sink where it can)
	@sh scripts/test-needs.sh
	$(BIN)/pytest -q -n 2 --dist loadscope -m "not soak"

check: setup  ## Lint, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup  ## Every benchmark, each with its baselines in the same run
	$(BIN)/ariyippu bench ingest --json
	$(BIN)/ariyippu bench seal --json
	$(BIN)/ariyippu bench link --json
	$(BIN)/ariyippu bench accuracy --json
	$(BIN)/ariyippu bench decide --json
	$(BIN)/ariyippu bench decide-links --json
	$(BIN)/ariyippu bench hand-off --json
	$(BIN)/ariyippu bench smpp --json

soak: setup  ## Long fault and mutation runs
	@sh scripts/test-needs.sh
	$(BIN)/pytest -q -m soak
	$(BIN)/python -m tests.mutation

lock: setup  ## Renew requirements.lock (hashed, names no host)
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --upgrade \
		--python-version 3.11 --extra dev pyproject.toml -o requirements.lock

clean:  ## Remove what the other targets made, demonstrations included
	@[ ! -x $(BIN)/python ] || $(BIN)/python -c "import pathlib; from ariyippu.base import postgres; \
		[postgres.remove(p) for p in pathlib.Path('var').glob('*/postgres')]"
	rm -rf .venv var dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src -name '*.mo' -delete
