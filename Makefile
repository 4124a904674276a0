# make demo: set up and run the whole pipeline on the simulated fleets.
# make test: set up and pass the tests.
# make results: write docs/results.md from the stored runs.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test results setup check lock clean

demo: setup
	$(BIN)/mmbind demo
	$(BIN)/mmbind run

test: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# The runs themselves take hours: mmbind results run --study studies/utd_mhad --workers 2 (resumes; docs/evaluation.md).
results: setup
	$(BIN)/mmbind results page
	@echo "to train what is missing: mmbind results run --study studies/utd_mhad --workers 2"

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

# Everything that looks at the code without running it.
check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Resolves pyproject.toml anew and writes down what was chosen.
lock:
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet --disable-pip-version-check -e '.[dev]' hatchling editables
	build/lock/bin/pip freeze --exclude-editable | sed 's/+cpu$$//' > requirements.lock

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
