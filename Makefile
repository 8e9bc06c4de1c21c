# The words for people. Each sets up what it needs; a second call starts within seconds.
#   ACCEL=cpu|cuda, PYTHON=python3.11: see scripts/install
RUN := .venv/bin

# Tests start many processes; each would compile every module again where this is set.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check ui bench clean install

demo: install ## build a real corpus from the sample input with a real language model
	@$(RUN)/gristmill build recipes/demo.yaml
	@$(RUN)/gristmill show recipes/demo.yaml

test: install ## run the tests: many at a time, then one at a time those with a language model, which needs all cores
	@$(RUN)/python -m pytest -q -n auto --dist loadfile --no-loadscope-reorder -m "not llm"
	@$(RUN)/python -m pytest -q -m llm

check: install ## format, lint, types, import contracts
	@$(RUN)/ruff format --check . && $(RUN)/ruff check . && $(RUN)/mypy && $(RUN)/lint-imports

ui: install ## the Dagster UI on http://127.0.0.1:3000, with the sensor and the schedule
	@$(RUN)/gristmill ui

bench: install ## every bench, with peers in an environment of their own
	@scripts/bench

clean: ## remove what was built: the environment, the store, the models
	rm -rf .venv .venv-bench var build *.egg-info

install:
	@ACCEL="$(ACCEL)" PYTHON="$(PYTHON)" scripts/install
