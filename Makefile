# Two commands: `make lab` opens the course, `make test` checks all of it. The environment lives in .venv.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
# The order in which `make test` re-runs the notebooks: random, given, or a seed that a run printed.
ORDER ?= random
# A mirror of real data beside the checkout serves the tests of the loaders; without one they are skipped.
MIRROR := $(wildcard ../shared/data)
REAL := $(if $(MIRROR),TLUTILS_DATA="$${TLUTILS_DATA:-$$PWD/../shared/data}" )
# Test files run side by side, each whole and in order: two at a time, as on a laptop of two cores.
WORKERS ?= 2
# How long `make fuzz` runs.
SECONDS ?= 600
# Idle threads sleep instead of spinning: where another program is busy, small networks train 4 times as fast.
OMP_WAIT_POLICY ?= PASSIVE


.PHONY: help setup lab test lint exercises class site site-check slides screenshots publish colab-check fuzz report bench
.PHONY: mutants audit lock clean

help:
	@echo "make lab     open the course in JupyterLab"
	@echo "make test    run every test and re-run every notebook (ORDER=random, given or a seed)"
	@echo "make exercises  derive notebooks/exercises from notebooks/solutions"
	@echo "make class CLASS=FOLDER  make a folder in which nbgrader runs a class"
	@echo "make site    write the reading edition to build/site (REPO=owner/name adds buttons for Colab)"
	@echo "make site-check  the same, and check every page for access, in a light and a dark theme"
	@echo "make slides  write slides from the notebooks to build/slides"
	@echo "make screenshots  take pictures of every notebook in JupyterLab, light and dark, into build/screenshots"
	@echo "make publish REPO=owner/name  stamp the repository's address: Colab badges, setup cells, CITATION.cff"
	@echo "make colab-check  run every notebook with Colab's versions (about 20 minutes)"
	@echo "make fuzz    feed damaged real files to every loader, ten minutes (SECONDS=60), then odd arguments to functions"
	@echo "make report  measure notebooks, speed and strength again and rewrite the README's tables (half an hour)"
	@echo "make bench   measure the methods on real data (two hours; BENCH=images.py for one script)"
	@echo "make mutants  change five modules in one place at a time and list what no test notices (about 15 minutes)"
	@echo "make audit   look the locked versions up among known vulnerabilities"
	@echo "make setup   only install the environment, into .venv"
	@echo "make lint    only check style and types"
	@echo "make lock    resolve requirements.lock anew"
	@echo "make clean   remove the environment and everything built"

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("The course needs Python 3.11 or newer, and this is %d.%d: name another, as in make lab PYTHON=python3.12" % sys.version_info[:2])'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

lab: setup
	$(BIN)/jupyter lab notebooks/00_start_here.ipynb

lint: setup
	$(BIN)/ruff check .
	$(BIN)/mypy

# The notebooks get no mirror: what they need lies in the repository. Two processes of one thread each leave two cores
# no more to share out; with two threads each, small matrices wait for each other.
test: lint
	OMP_NUM_THREADS=1 $(REAL)$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile tests
	TLUTILS_PROFILE=laptop $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile \
		-p tests.notebook_order --notebook-order=$(ORDER) \
		--nbval notebooks --ignore notebooks/exercises --ignore notebooks/solutions \
		--nbval-current-env --nbval-cell-timeout=600 --nbval-sanitize-with tests/nbval_sanitize.cfg

exercises: setup
	$(BIN)/python .ci/exercises.py

class: setup
	@test -n "$(CLASS)" || { echo "name a new folder for the class: make class CLASS=../my-class"; exit 1; }
	$(BIN)/python .ci/classroom.py "$(CLASS)"

site: setup
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-build-isolation --editable .[site]
	REPO="$(REPO)" $(BIN)/python .ci/build_site.py

site-check: site
	SITE=build/site $(BIN)/python -m pytest tests/test_site.py tests/test_slides.py

slides: setup
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-build-isolation --editable .[site]
	$(BIN)/python .ci/slides.py --stamp
	$(BIN)/python .ci/slides.py

screenshots: setup
	$(BIN)/python .ci/screenshots.py

publish: setup
	@$(BIN)/python .ci/publish.py '$(REPO)'

colab-check: setup
	$(BIN)/python .ci/colab_check.py

fuzz: setup
	$(REAL)$(BIN)/python .ci/fuzz.py --seconds $(SECONDS)
	HOSTILE_EXAMPLES=100 $(BIN)/python -m pytest -q -n $(WORKERS) tests/test_hostile.py

# Both sides of the benchmarks are installed first. The notebooks get no mirror: what they need is embedded.
report: setup
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-build-isolation --editable .[bench]
	$(BIN)/python -m tlutils.report notebooks speed
	$(REAL)$(BIN)/python -m tlutils.report strength $(if $(MIRROR),fuzz)

BENCH ?= digits_protocol.py images.py language.py driving.py signs.py
bench: setup
	$(REAL)$(BIN)/python -m tlutils.report $(BENCH)

mutants: setup
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-build-isolation --editable .[mutants]
	$(BIN)/python .ci/mutants.py --workers 2

# pip-audit asks PyPI; --strict fails where a version cannot be looked up, as without network.
audit:
	$(PYTHON) -m venv build/audit
	build/audit/bin/python -m pip install --disable-pip-version-check --quiet pip-audit
	build/audit/bin/pip-audit --strict --no-deps --disable-pip --requirement requirements.lock

lock: setup
	$(BIN)/python .ci/lock.py

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find tlutils tests notebooks -name __pycache__ -o -name .ipynb_checkpoints | xargs rm -rf
