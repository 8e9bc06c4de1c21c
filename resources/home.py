"""Where Gristmill keeps what it makes: the store, models, Dagster's own records, landing folders.

`GRISTMILL_HOME` names the folder; the default is `var` in the current folder. `GRISTMILL_RECIPES` names the recipes
that the Dagster definitions load, separated by `:`; the default is `recipes/demo.yaml`.
"""

from __future__ import annotations

import os
from pathlib import Path

DAGSTER_YAML = """\
# Written once by Gristmill; change it as you like.
telemetry: {enabled: false}
nux: {enabled: false}
concurrency:
  runs: {max_concurrent_runs: 1}
run_monitoring: {enabled: true, poll_interval_seconds: 15}
"""


def home() -> Path:
    """The folder for everything that Gristmill makes."""
    return Path(os.environ.get("GRISTMILL_HOME") or "var").absolute()


def store_folder() -> Path:
    """The store: objects, refs, registry."""
    return Path(os.environ.get("GRISTMILL_STORE") or home() / "store").absolute()


def models_folder() -> Path:
    """Models prepared once from their packages."""
    return Path(os.environ.get("GRISTMILL_MODELS") or home() / "models").absolute()


def catalogue_file() -> Path:
    """The DuckDB file with views over the store."""
    return store_folder() / "catalogue.duckdb"


def recipe_files() -> list[Path]:
    """The recipes that the definitions load."""
    names = os.environ.get("GRISTMILL_RECIPES") or "recipes/demo.yaml"
    return [Path(name).absolute() for name in names.split(":") if name]


def prepare_dagster_home() -> Path:
    """Dagster's folder, with its settings written on first use, and named in DAGSTER_HOME."""
    folder = Path(os.environ.get("DAGSTER_HOME") or home() / "dagster").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "dagster.yaml"
    if not settings.exists():
        settings.write_text(DAGSTER_YAML, encoding="utf-8")
    os.environ["DAGSTER_HOME"] = str(folder)
    return folder
