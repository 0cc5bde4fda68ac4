# `make demo` does the main job; `make test` passes the tests. Both work on a fresh machine.

PYTHON ?= python3
DEMO   := .env-demo
DEV    := .venv
PIP    := -m pip install --quiet --disable-pip-version-check -c constraints.txt
OUT    ?= demo-output
IMAGE  ?=

.PHONY: demo test test-all test-system bench check format docs golden clean archive-readers

demo: $(DEMO)/.ready
	$(DEMO)/bin/python examples/demo.py --out $(OUT) $(if $(IMAGE),--image "$(IMAGE)")

# One order for this run, so that red is about the change; test-all shuffles anew each time.
test: $(DEV)/.ready
	$(DEV)/bin/python -m pytest -q -m "not slow and not system" --randomly-seed=1 -n 2 --dist loadfile tests

test-all: $(DEV)/.ready
	$(DEV)/bin/python -m pytest -q -m "not system" -n 2 --dist loadfile tests

test-system: $(DEV)/.ready
	$(DEV)/bin/python -m pytest -q -m system tests

bench: $(DEV)/.ready
	for script in bench/*.py; do echo "== $$script"; $(DEV)/bin/python $$script || exit 1; done

check: $(DEV)/.ready
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/mypy

format: $(DEV)/.ready
	$(DEV)/bin/ruff check --fix .
	$(DEV)/bin/ruff format .

# Luxonis' own readers of NN Archives and superblobs, each in an environment of its own.
archive-readers:
	$(PYTHON) -m venv .env-depthai3 && .env-depthai3/bin/pip install --quiet 'depthai>=3' numpy
	$(PYTHON) -m venv .env-luxonis-ml && .env-luxonis-ml/bin/pip install --quiet 'luxonis-ml[nn-archive]'

golden: $(DEV)/.ready
	$(DEV)/bin/python tests/golden/make_golden.py

clean:
	rm -rf $(DEMO) $(DEV) .env-depthai3 .env-luxonis-ml $(OUT) bench-output build dist .pytest_cache .mypy_cache .ruff_cache

# Two environments: the demo's is light (no torch), the developer's has all extras.
$(DEMO)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(DEMO)
	$(DEMO)/bin/python $(PIP) -e '.[demo]'
	touch $@

$(DEV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(DEV)
	$(DEV)/bin/python $(PIP) -e '.[dev]'
	touch $@
