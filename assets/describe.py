"""What the Dagster UI shows of a built partition: figures, schema, samples side by side, a plot.

Everything shown was measured when the object was made and lies in its manifest, so a cache hit shows the same.
Metadata stays in Dagster's event log for ever: tables are cut to 20 rows, plots stay below 30 KB.
"""

from __future__ import annotations

from typing import Any

import dagster as dg

from assets.step import Built
from gristmill.store import Manifest

MAX_ROWS = 20
PLOT = "plot"  # figures under this key hold a PNG in base64


def metadata(built: Built) -> dict[str, Any]:
    """Metadata of one partition."""
    manifest = built.manifest
    seconds = float(manifest.run["seconds"])
    shown: dict[str, Any] = {"cached": built.cached}
    if tables := list(manifest.schemas):
        main = "documents" if "documents" in tables else tables[0]
        shown["dagster/row_count"] = manifest.rows(main)
        shown["dagster/column_schema"] = column_schema(manifest, main)
    shown |= {key: render(value, key) for key, value in manifest.figures.items()}
    if "llm" in manifest.run:
        shown["llm"] = render(manifest.run["llm"], "llm")
    shown["seconds"] = seconds
    if manifest.figures.get("characters") and seconds:
        shown["mb_per_s"] = round(manifest.figures["characters"] / 1e6 / seconds, 3)
    shown |= {
        "made_at": manifest.run["at"],
        "bytes": manifest.bytes,
        "fingerprint": manifest.fingerprint,
        "content": manifest.content,
    }
    return {key: value for key, value in shown.items() if value is not None}


def column_schema(manifest: Manifest, table: str) -> dg.TableSchema:
    """Columns of a table as the UI lists them."""
    return dg.TableSchema([dg.TableColumn(name, kind) for name, kind in manifest.schemas[table].items()])


def render(value: Any, key: str) -> Any:
    """A figure in the form that the UI reads best; None leaves it out."""
    if key.endswith(PLOT):
        return dg.MetadataValue.md(f"![{key}](data:image/png;base64,{value})")
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return _table(value)
    if isinstance(value, dict):
        plain = all(isinstance(inner, int | float | str) for inner in value.values())
        if not value:
            return None
        return (
            _table([{"name": k, "value": v} for k, v in value.items()])
            if plain
            else dg.MetadataValue.json(value)
        )
    return value


def _table(rows: list[dict[str, Any]]) -> dg.MetadataValue:
    columns = list(rows[0])
    kinds = {name: _kind([row.get(name) for row in rows]) for name in columns}
    records = [dg.TableRecord({k: _cell(row.get(k), kinds[k]) for k in columns}) for row in rows[:MAX_ROWS]]
    schema = dg.TableSchema([dg.TableColumn(name, kinds[name]) for name in columns])
    return dg.MetadataValue.table(records=records, schema=schema)


def _kind(values: list[Any]) -> str:
    present = [value for value in values if value is not None]
    if present and all(isinstance(value, bool) for value in present):
        return "bool"
    if present and all(isinstance(value, int) for value in present):
        return "int"
    if present and all(isinstance(value, int | float) for value in present):
        return "float"
    return "string"


def _cell(value: Any, kind: str) -> str | int | float | bool | None:
    if value is None or kind != "string":
        return value
    return value if isinstance(value, str) else str(value)
