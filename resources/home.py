"""Where Gristmill keeps what it makes: the store, models, Dagster's own records, landing folders.

`GRISTMILL_HOME` names the folder; the default is `var` in the current folder. `GRISTMILL_RECIPES` names the recipes
that the Dagster definitions load, separated by `:`; the default is `recipes/demo.yaml`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from gristmill.hashing import digest_text
from gristmill.remote import is_uri

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


def answers_place(store: str) -> Path | str:
    """Where cached answers of language models lie: `answers` in the store, or what GRISTMILL_ANSWERS names.

    A folder, or a URI where fsspec writes.
    """
    named = os.environ.get("GRISTMILL_ANSWERS") or f"{store}/answers"
    return named if is_uri(named) else Path(named).absolute()


def spool_folder(uri: str) -> Path:
    """On this machine's disk: answers on their way to a URI, and what was read of it.

    GRISTMILL_SPOOL names the folder for all URIs; the default is `spool` at home.
    """
    uri = uri.rstrip("/")
    name = re.sub(r"[^A-Za-z0-9.]+", "-", uri)[:60]
    folder = Path(os.environ.get("GRISTMILL_SPOOL") or home() / "spool").absolute()
    return folder / f"{name}-{digest_text(uri)[:8]}"


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
