"""Jupyter notebooks as text or as a script: the cells in order, outputs left out."""

from __future__ import annotations

import json
from typing import Any

from gristmill.ingest.charset import clean_text

# Languages of kernels whose comments do not begin with #.
_COMMENT_MARKS = {
    **dict.fromkeys(
        ("scala", "java", "javascript", "typescript", "kotlin", "rust", "go", "groovy", "c", "swift"), "//"
    ),
    **dict.fromkeys(("haskell", "sql", "lua"), "--"),
    **dict.fromkeys(("matlab", "octave"), "%"),
    **dict.fromkeys(("clojure", "scheme"), ";"),
}


class NotebookError(ValueError):
    """The text is not a notebook; never leaves the room."""


def notebook_text(source: str) -> str:
    """Text of a notebook of format 3 or 4; raise NotebookError where it has no cells.

    Code cells stand between ``` fences with the notebook's language; markdown, raw and heading cells as they are.
    A cell that is no object, or whose source is no text, is passed over.
    """
    cells, language = _read(source)
    parts = [part for cell in cells if (part := _cell_text(cell, language))]
    return clean_text("\n\n".join(parts) + "\n") if parts else ""


def notebook_script(source: str) -> str:
    """A program of a notebook: code cells as they are, all others as comments; raise NotebookError as above.

    Source: StarCoder (arXiv 2305.06161), Jupyter scripts.
    """
    cells, language = _read(source)
    mark = _COMMENT_MARKS.get(language.lower(), "#")
    parts = []
    for cell in cells:
        text = _source(cell)
        if text and cell.get("cell_type") != "code":
            text = "\n".join(f"{mark} {line}".rstrip() for line in text.split("\n"))
        if text:
            parts.append(text)
    return clean_text("\n\n".join(parts) + "\n") if parts else ""


def _read(source: str) -> tuple[list[dict[str, Any]], str]:
    """(cells that are objects, language)."""
    try:
        notebook = json.loads(source)
    except (ValueError, RecursionError) as error:
        raise NotebookError(f"no JSON: {error}"[:200]) from error
    cells = _cells(notebook)
    if cells is None:
        raise NotebookError("no list of cells")
    return [cell for cell in cells if isinstance(cell, dict)], _language(notebook)


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
    source = _source(cell)
    return f"```{language}\n{source}\n```" if source and cell.get("cell_type") == "code" else source


def _source(cell: dict[str, Any]) -> str:
    """The text of a cell without blank lines around it; empty where it has none."""
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    if not isinstance(source, str) or not source.strip():
        return ""
    return source.strip("\n")
