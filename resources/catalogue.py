"""The catalogue: one DuckDB file with a view per table of every recipe, over the Parquet files in the store.

    demo.filtered               the documents of asset `filtered`, all shards
    demo.filtered_decisions     its decisions; `_shard` is the partition, null for a global asset
    demo.assets, demo.funnel, demo.drops, demo.llm_costs    tables, as they were when the file was written
    answers                     every cached answer of a language model whose writer has closed, of all recipes

The views name their files relative to the store's folder, so the store may be moved or copied as a whole. DuckDB looks
below the current folder and below `file_search_path`: either `cd STORE && duckdb -readonly catalogue.duckdb`, or
`open_catalogue`, or `catalogue_resource`. The file is written aside and renamed, never changed in place: who has it
open keeps the old one, and nobody waits for a lock. It holds nothing that the store does not, so it can be deleted.

Where answers lie in an object store (GRISTMILL_ANSWERS), `open_catalogue` reads them through fsspec. Plain DuckDB and
`catalogue_resource` read s3:// with DuckDB's own extension `httpfs`, and all other views without it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
from dagster_duckdb import DuckDBResource

from gristmill import remote
from gristmill.errors import StoreError
from gristmill.llm.places import open_place
from gristmill.report import Corpus, Funnel, funnel, recipes_in
from gristmill.store import Manifest, Store
from resources.home import answers_place, spool_folder

_log = logging.getLogger(__name__)

FILE_NAME = "catalogue.duckdb"
MAIN_TABLES = ("documents", "scores", "selection", "index", "signatures", "duplicates", "tokens")
_RESERVED = ("assets", "funnel", "drops", "llm_costs")  # names of the tables beside the views

Columns = dict[str, str]
_ASSETS: Columns = {
    "asset": "VARCHAR",
    "partition": "VARCHAR",
    "fingerprint": "VARCHAR",
    "content": "VARCHAR",
    "rows": "BIGINT",  # of the main table
    "bytes": "BIGINT",
    "seconds": "DOUBLE",
    "made_at": "VARCHAR",
}
_FUNNEL: Columns = {
    "stage": "VARCHAR",
    "rows_in": "BIGINT",
    "rows_out": "BIGINT",
    "dropped": "BIGINT",
    "new": "BIGINT",
    "tokens": "BIGINT",
    "partitions": "BIGINT",
    "expected_partitions": "BIGINT",
    "seconds": "DOUBLE",
}
_DROPS: Columns = {"stage": "VARCHAR", "rule": "VARCHAR", "documents": "BIGINT"}
_LLM_COSTS: Columns = {
    "stage": "VARCHAR",
    "requests": "BIGINT",
    "prompt_tokens": "BIGINT",
    "output_tokens": "BIGINT",
    "seconds": "DOUBLE",
    "not_attempted": "BIGINT",
}
_ANSWERS: Columns = {
    "key": "VARCHAR",  # of the request
    "model": "VARCHAR",  # its name in the recipe that asked
    "model_digest": "VARCHAR",
    "prompt_tokens": "BIGINT",
    "output_tokens": "BIGINT",
    "finish_reason": "VARCHAR",  # stop, length, error:...
    "text": "VARCHAR",
    "engine": "VARCHAR",  # programs, versions and device
    "created": "TIMESTAMP WITH TIME ZONE",
}


def write_catalogue(
    store: Store, recipe_name: str | None = None, assets: Sequence[str] | None = None
) -> Path:
    """Write the catalogue of all recipes in the store anew; returns the file.

    `assets`: those of the graph of `recipe_name`, so that refs which an earlier version of the recipe left behind
    are not shown. Of all other recipes everything that has a ref is shown. Raises StoreError where the store cannot
    be written.
    """
    path = Path(store.name) / FILE_NAME
    with store.files.scratch() as folder:
        made = folder / FILE_NAME
        try:
            with duckdb.connect(str(made)) as connection:
                # Views are bound when they are made: their files must be found from here.
                connection.execute("SET file_search_path = ?", [_search_path(path.parent)])
                _write_answers(connection, answers_place(store.name), path.parent)
                for recipe in recipes_in(store):
                    shown = assets if recipe == recipe_name else None
                    _write_recipe(connection, Corpus(store, recipe), shown)
            os.replace(made, path)
        except (OSError, duckdb.IOException) as error:
            raise StoreError(f"store {store.name}: cannot write {FILE_NAME!r}: {error}") from error
    return path


def open_catalogue(path: Path) -> duckdb.DuckDBPyConnection:
    """The catalogue, read-only; raise StoreError that says how to make it where there is none."""
    if not path.is_file():
        raise StoreError(f"catalogue {str(path)!r} does not exist; make it: gristmill build RECIPE")
    answers = answers_place(str(path.parent))
    connection = duckdb.connect(
        str(path), read_only=True, config={"file_search_path": _search_path(path.parent.absolute())}
    )
    if isinstance(answers, str):
        _let_read(connection, answers)
    return connection


def catalogue_resource(path: Path) -> DuckDBResource:
    """The same for assets: a dagster-duckdb resource that opens the catalogue read-only."""
    return DuckDBResource(
        database=str(path),
        connection_config={
            "access_mode": "READ_ONLY",
            "file_search_path": _search_path(path.parent.absolute()),
        },
    )


def _search_path(folder: Path) -> str:
    """The folder as DuckDB's list of folders, in which a comma cannot be protected."""
    if "," in str(folder):
        raise StoreError(
            f"store {str(folder)!r}: DuckDB cannot search a folder with a comma in its name; "
            "rename it or move the store"
        )
    return str(folder)


def _let_read(connection: duckdb.DuckDBPyConnection, uri: str) -> None:
    """Let DuckDB read such URIs through fsspec."""
    try:
        connection.register_filesystem(remote.file_system(uri)[0])
    except ImportError as error:
        _log.warning("the view `answers` cannot be read: %s", error)


def _write_answers(connection: duckdb.DuckDBPyConnection, answers: Path | str, folder: Path) -> None:
    """A view over the segments that are there when it is read; where none is yet, one without rows."""
    columns = ", ".join(_ANSWERS)
    if isinstance(answers, str):
        _let_read(connection, answers)
        place = open_place(answers, spool_folder(answers))
    else:
        place = open_place(answers, answers)
    if place.list():
        pattern = place.pattern.removeprefix(f"{folder}/")
        # What two processes asked at the same time is there twice until the segments are merged, as it was paid twice.
        query = f"SELECT {columns} FROM read_parquet({_literal(pattern)})"
    else:
        nulls = ", ".join(f"CAST(NULL AS {kind}) AS {name}" for name, kind in _ANSWERS.items())
        query = f"SELECT {nulls} WHERE false"
    connection.execute(f"CREATE VIEW answers AS {query}")


def _write_recipe(
    connection: duckdb.DuckDBPyConnection, corpus: Corpus, assets: Sequence[str] | None
) -> None:
    schema = _quoted(corpus.recipe)
    shown = [asset for asset in corpus.assets if assets is None or asset in assets]
    current = {asset: manifests for asset in shown if (manifests := corpus.manifests(asset))}
    connection.execute(f"CREATE SCHEMA {schema}")
    _write_table(
        connection, f"{schema}.assets", _ASSETS, [_asset_row(m) for ms in current.values() for m in ms]
    )
    counted: Funnel = funnel(corpus.store, corpus.recipe, list(current))
    _write_table(connection, f"{schema}.funnel", _FUNNEL, counted.rows())
    _write_table(connection, f"{schema}.drops", _DROPS, counted.drops())
    _write_table(connection, f"{schema}.llm_costs", _LLM_COSTS, counted.llm_costs())
    for asset, manifests in current.items():
        tables = list(dict.fromkeys(table for manifest in manifests for table in manifest.schemas))
        for table in tables:
            name = view_name(asset, table, main=_main_table(tables))
            connection.execute(f"CREATE VIEW {schema}.{_quoted(name)} AS {_select(schema, manifests, table)}")


def view_name(asset: str, table: str, *, main: str | None) -> str:
    """`filtered` for the main table of an asset, `filtered_decisions` for another; `/` and `-` become `_`."""
    name = asset if table == main else f"{asset}_{table}"
    plain = name.replace("/", "_").replace("-", "_")
    return f"{plain}_" if plain in _RESERVED else plain


def _main_table(tables: Sequence[str]) -> str | None:
    return next((name for name in MAIN_TABLES if name in tables), tables[0] if len(tables) == 1 else None)


def _select(schema: str, manifests: Sequence[Manifest], table: str) -> str:
    """All partitions of a table; the partition is found by the fingerprint, which is the name of a file's folder."""
    holders = [manifest for manifest in manifests if table in manifest.schemas]
    files = [m.key(entry) for m in holders for entry in m.files if entry.table == table]
    # Partitions made by different versions of a stage may differ in columns; reading all schemas costs time.
    differ = any(m.schemas[table] != holders[0].schemas[table] for m in holders)
    listed = ", ".join(_literal(file) for file in files)
    return (
        f"SELECT rows.* EXCLUDE (_file), assets.partition AS _shard "
        f"FROM read_parquet([{listed}], filename = '_file', union_by_name = {str(differ).lower()}) AS rows "
        f"LEFT JOIN {schema}.assets AS assets ON assets.fingerprint = split_part(_file, '/', -2)"
    )


def _asset_row(manifest: Manifest) -> dict[str, Any]:
    main = _main_table(list(manifest.schemas))
    return {
        "asset": manifest.asset,
        "partition": manifest.partition,
        "fingerprint": manifest.fingerprint,
        "content": manifest.content,
        "rows": manifest.rows(main) if main else None,
        "bytes": manifest.bytes,
        "seconds": manifest.run.get("seconds"),
        "made_at": manifest.run.get("at"),
    }


def _write_table(
    connection: duckdb.DuckDBPyConnection, name: str, columns: Columns, rows: Sequence[dict[str, Any]]
) -> None:
    declared = ", ".join(f"{_quoted(column)} {kind}" for column, kind in columns.items())
    connection.execute(f"CREATE TABLE {name} ({declared})")
    if rows:
        places = ", ".join("?" for _ in columns)
        connection.executemany(
            f"INSERT INTO {name} VALUES ({places})", [[row[column] for column in columns] for row in rows]
        )


def _quoted(name: str) -> str:
    """An SQL identifier, whatever the name holds."""
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    """An SQL string, whatever the text holds."""
    return "'" + text.replace("'", "''") + "'"
