"""Jupyter notebooks as text: the cells in order, code between fences, outputs left out."""

from __future__ import annotations

import json
from typing import Any

from gristmill.ingest.charset import clean_text


class NotebookError(ValueError):
    """The text is not a notebook; never leaves the room."""


def notebook_text(source: str) -> str:
    """Text of a notebook of format 3 or 4; raise NotebookError where it has no cells.

    Code cells stand between ``` fences with the notebook's language; markdown, raw and heading cells as they are.
    A cell that is no object, or whose source is no text, is passed over.
    """
    try:
        notebook = json.loads(source)
    except (ValueError, RecursionError) as error:
        raise NotebookError(f"no JSON: {error}"[:200]) from error
    cells = _cells(notebook)
    if cells is None:
        raise NotebookError("no list of cells")
    language = _language(notebook)
    parts = [part for cell in cells if isinstance(cell, dict) and (part := _cell_text(cell, language))]
    return clean_text("\n\n".join(parts) + "\n") if parts else ""


def _cells(notebook: Any) -> list[Any] | None:
    """The cells of format 4, or those of all worksheets of format 3."""
    if not isinstance(notebook, dict):
        return None
    if isinstance(notebook.get("cells"), list):
        return notebook["cells"]
    sheets = notebook.get("worksheets")
    if not isinstance(sheets, list):
        return None
    listed = [sheet["cells"] for sheet in sheets if isinstance(sheet, dict) and "cells" in sheet]
    return [cell for cells in listed if isinstance(cells, list) for cell in cells]


def _language(notebook: dict[str, Any]) -> str:
    metadata = notebook.get("metadata")
    info = metadata.get("language_info") if isinstance(metadata, dict) else None
    name = info.get("name") if isinstance(info, dict) else None
    return name if isinstance(name, str) and name.isalnum() else "python"


def _cell_text(cell: dict[str, Any], language: str) -> str:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    if not isinstance(source, str) or not source.strip():
        return ""
    source = source.strip("\n")
    return f"```{language}\n{source}\n```" if cell.get("cell_type") == "code" else source
