# Two commands for everyone: `make demo` and `make test`. The others are for developers.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: demo test slow sample versions ledger lowest check lint types imports docstrings doctests bench smoke docs clean

demo: $(VENV)/.lowland
	$(BIN)/lowland demo
	@echo
	@echo "Open demo-report.html in a browser to see the report."

# one process a core, each with one thread of linear algebra: two that share all cores wait for each other
SHARED := -n auto --maxprocesses=8 --dist worksteal
# bytecode is kept whatever the environment says: dozens of processes read the same modules
ALONE := PYTHONDONTWRITEBYTECODE= OPENBLAS_NUM_THREADS=1
PYTEST := $(ALONE) $(BIN)/python -m pytest $(SHARED)
# what draws the slow tests and the benchmarks of a run
SEED ?= $(shell git rev-parse HEAD 2>/dev/null || echo none)

test: $(VENV)/.test
	$(PYTEST) -m "not slow"

# what truly takes minutes: thousands of instances beside an independent oracle
slow: $(VENV)/.test
	$(PYTEST) -m slow

# a tenth of them, whole families drawn by the revision, so that every one has its turn
sample: $(VENV)/.test
	@echo "slow tests drawn by $(SEED)"
	PYTHONPATH=tests $(PYTEST) -p sampling --sample $(SEED) -m slow

# what another version of Python may change: not arithmetic, its proofs, published experiments, clusters, nor what
# tests read in the sources
VERSIONS := tests/core tests/kernels tests/measure tests/search tests/files tests/examples tests/report/test_page.py \
  tests/cli/test_commands.py tests/cli/test_signals.py tests/estimators/test_scikit_learn.py \
  tests/estimators/test_matrix_completion.py
versions: $(VENV)/.test
	$(PYTEST) -m "not slow" $(VERSIONS)

# CPU seconds of the tests, by folder and of the slow ones, in tests/ledger.tsv; the reasons in it are kept
ledger: $(VENV)/.test
	PYTHONPATH=tests $(PYTEST) -p ledger --ledger tests/ledger.tsv -m "not slow"

# what shows that the lowest versions work at all
SMOKE := tests/core tests/kernels tests/search tests/measure tests/landscape tests/objectives/test_elimination.py \
  tests/certificates/test_spectral_bounds.py tests/report/test_plain_findings.py tests/sensing/test_input_checks.py \
  tests/sensing/test_many_searches.py tests/sensing/test_tomography.py tests/contracts/test_generated_data.py \
  tests/cli/test_commands.py tests/cluster tests/completion/test_storage_observations.py

# smoke tests with the lowest versions that are allowed; newer libraries beside them warn of their age
lowest: $(VENV)/.lowest
	NUMBA_CACHE_DIR=$(CURDIR)/$(VENV)-lowest/numba $(ALONE) $(VENV)-lowest/bin/python -m pytest \
	  $(SHARED) -W default -m "not slow" $(SMOKE)

check: lint types imports docstrings test doctests

lint: $(VENV)/.lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.lint
	$(BIN)/mypy

imports: $(VENV)/.lint
	$(BIN)/lint-imports

docstrings: $(VENV)/.lint
	$(BIN)/numpydoc lint $$(git ls-files 'src/*.py')

doctests: $(VENV)/.test
	$(PYTEST) --doctest-modules --doctest-glob='*.md' \
	  --ignore=docs/gallery --ignore=docs/_build src README.md docs

bench: $(VENV)/.bench $(VENV)/.test
	$(BIN)/python benchmarks/run.py

# shows that the benchmarks still run: small sizes, figures that mean nothing; SMOKED="--sample WORD": an eighth
smoke: $(VENV)/.test
	$(BIN)/python benchmarks/run.py --smoke $(SMOKED) > $(VENV)/smoke.log || (cat $(VENV)/smoke.log; exit 1)

docs: $(VENV)/.docs
	$(BIN)/sphinx-build --fail-on-warning --quiet docs docs/_build/html
	@echo "Open docs/_build/html/index.html in a browser."

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade 'pip>=25.1'

# the package itself, with the extras that its commands use
$(VENV)/.lowland: pyproject.toml | $(VENV)/bin/python
	$(PIP) install --editable '.[all]'
	$(BIN)/python -m compileall -q src
	touch $@

$(VENV)/.lowest: pyproject.toml | $(VENV)/bin/python
	$(PYTHON) -m venv $(VENV)-lowest
	$(BIN)/python scripts/lowest_versions.py > $(VENV)-lowest/constraints.txt
	$(VENV)-lowest/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(VENV)-lowest/bin/python -m pip install --quiet --constraint $(VENV)-lowest/constraints.txt \
	  --editable '.[all]' --group test
	touch $@

$(VENV)/.test $(VENV)/.lint $(VENV)/.docs $(VENV)/.bench: $(VENV)/.%: pyproject.toml $(VENV)/.lowland
	$(PIP) install --group $*
	touch $@

clean:
	rm -rf $(VENV) $(VENV)-* docs/_build docs/gallery dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
