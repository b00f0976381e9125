# make run    install what is missing, load the sample company, serve the web page (http://127.0.0.1:8501)
# make test   install what is missing, run the test suite
# make test-browser   the page in a real Chromium, where one is installed
# make train-extras   what trains and serves open models (torch, peft), in an environment of their own (.venv-train)
# make test-train   the tests that need torch, in that environment
# make lint   format, lint, types; make fix mends what can be mended
# make bench  the benchmarks that need no data of yours and no torch; benchmarks/README.md has the others
# make lock   resolve requirements.txt and requirements-dev.txt anew into the lock files
# make clean  remove what was installed and built (your knowledge bases in .groundtune stay)

PYTHON ?= python3
PORT ?= 8501
TORCH ?=   # such as torch==2.13.0, or with --index-url where builds without CUDA are
VENV := .venv
PY := $(VENV)/bin/python
INSTALL := $(PY) scripts/install.py
CODE := errors.py app chains loaders local finetune evaluation tests benchmarks examples scripts

.PHONY: run test test-browser train-extras test-train lint fix bench lock clean
.DELETE_ON_ERROR:

run: $(VENV)/.installed
	@$(PY) -m app ui --port $(PORT)

test: $(VENV)/.installed-dev
	@echo "Running the test suite (it takes some minutes) ..."
	@$(PY) -m pytest --ignore=tests/browser --numprocesses=logical --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

test-browser: $(VENV)/.installed-dev
	@$(PY) -m pytest tests/browser

train-extras: $(VENV)-train/.installed

test-train: $(VENV)-train/.installed
	@OMP_NUM_THREADS=1 $(VENV)-train/bin/python -m pytest tests/train

lint: $(VENV)/.installed-dev
	@$(PY) -m ruff format --check $(CODE)
	@$(PY) -m ruff check $(CODE)
	@$(PY) -m mypy

fix: $(VENV)/.installed-dev
	@$(PY) -m ruff format $(CODE)
	@$(PY) -m ruff check --fix $(CODE)

bench: $(VENV)/.installed-dev
	@$(PY) -m benchmarks.start
	@$(PY) -m benchmarks.sample_company
	@$(PY) -m benchmarks.overhead
	@$(PY) -m benchmarks.incremental

# The stamps are written last, so an interrupted install is taken up again by the next make.
$(VENV)/.installed: requirements.lock
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Groundtune needs Python 3.11 or newer; this is ' + sys.version.split()[0] + '. Try: make PYTHON=python3.12 run')"
	@echo "Making $(VENV) and installing Groundtune's packages (a few minutes the first time) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(INSTALL) requirements.lock
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.lock
	@echo "Installing the development tools ..."
	@$(INSTALL) requirements-dev.lock
	@touch $@

$(VENV)-train/.installed: requirements.lock requirements-dev.lock requirements-train.txt
	@echo "Making $(VENV)-train and installing the training extras (gigabytes where torch comes with CUDA) ..."
	@$(PYTHON) -m venv $(VENV)-train
	@$(VENV)-train/bin/python scripts/install.py requirements.lock
	@$(VENV)-train/bin/python scripts/install.py requirements-dev.lock
	@$(VENV)-train/bin/python -m pip install --quiet --disable-pip-version-check $(TORCH) -r requirements-train.txt
	@touch $@

lock: $(VENV)/.installed
	@$(PY) -m pip install --quiet uv
	@$(PY) scripts/lock.py

clean:
	@rm -rf $(VENV) $(VENV)-train .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
