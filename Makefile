# make run     the sandbox: gateway and stubs on loopback
# make test    everything that must hold, with a database and a browser of its own
# make lint    formatter, linter, strict types, imports
# make bench   figures, with their references in the same run; ARGS="--only parts" for policy decisions a second alone
# make bench-memory 100,000 views and what the process holds meanwhile
# make torture kills and soak (hours)
# make kills   200 kills of the gateway under load and 200 of a writer, on each database
# make soak    an hour of mixed traffic through every door while things break, half of it on each database; MINUTES=60

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
PORT_BASE ?= 8080
TEST_JOBS ?= 4
KILLS ?= 200
MINUTES ?= 60
ARGS ?=

# Bytecode is kept whatever the machine says: a run starts some hundred processes, and each would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.DELETE_ON_ERROR:
.PHONY: run test lint bench bench-memory torture kills soak format clean assets browser postgres mutation fuzz-fhir features

run: $(VENV)/.run assets
	@$(BIN)/scr-gateway sandbox --port-base $(PORT_BASE) $(ARGS)

test: $(VENV)/.dev assets postgres browser
	$(BIN)/pytest -n $(TEST_JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/.dev
	$(BIN)/python -m tests.bench $(ARGS)

# memory of one gateway process over 100,000 views, and for each browser signed in
bench-memory: $(VENV)/.dev assets
	$(BIN)/python -m tests.bench.memory $(ARGS)

torture: kills soak

soak: $(VENV)/.dev assets postgres
	$(BIN)/python -m tests.soak --minutes $(MINUTES) $(ARGS)

kills: $(VENV)/.dev assets postgres
	SCR_KILLS=$(KILLS) SCR_STORE_KILLS=$(KILLS) $(BIN)/pytest -s tests/test_kill.py tests/store/test_store_crash.py $(ARGS)

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Pinned and hashed; the project itself is installed in place.
$(VENV)/.run: requirements/build.txt requirements/run.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing pinned dependencies"
	@$(PIP) install --require-hashes -r requirements/build.txt -r requirements/run.txt
	@$(PIP) install --no-deps --no-build-isolation --no-index -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

# Style and script of the pages, from npm by lock file; does nothing where they are up to date.
assets: $(VENV)/.run
	@$(BIN)/python deploy/build_assets.py

# What tests need beside Python packages: installed where this may, used where it stands already.
postgres:
	@sh deploy/install-postgres.sh

browser:
	@sh deploy/install-browser.sh

# docs/doors/README.md from the doors' tests
features: $(VENV)/.dev assets browser
	$(BIN)/pytest -n $(TEST_JOBS) -q --write-features tests/doors tests/test_patient_cases.py tests/test_doors_agree.py

# 10,000 requests made from the OpenAPI document against a sandbox of its own
fuzz-fhir: $(VENV)/.dev
	$(BIN)/python -m tests.fuzz_fhir --requests 10000 $(ARGS)

# changed copies of the policy's code that its tests must notice
mutation: $(VENV)/.dev
	$(BIN)/mutmut run

clean:
	rm -rf $(VENV) var build .mypy_cache .ruff_cache .pytest_cache
