"""Jupyter notebooks as text."""

from __future__ import annotations

import json

import pytest

from gristmill.ingest.code.notebooks import NotebookError, notebook_text


def test_cells_come_in_order_and_code_is_fenced() -> None:
    notebook = {
        "metadata": {"language_info": {"name": "julia"}},
        "cells": [
            {"cell_type": "markdown", "source": ["# The mill\n", "It turns."]},
            {"cell_type": "code", "source": "x = 1\n", "outputs": [{"text": "never shown"}]},
            {"cell_type": "raw", "source": "as it is"},
        ],
    }
    text = notebook_text(json.dumps(notebook))
    assert text == "# The mill\nIt turns.\n\n```julia\nx = 1\n```\n\nas it is\n"


def test_format_3_keeps_cells_in_worksheets() -> None:
    cells = [{"cell_type": "code", "input": ["x = 1"]}, {"cell_type": "heading", "source": "Mill"}]
    assert notebook_text(json.dumps({"worksheets": [{"cells": cells}]})) == "```python\nx = 1\n```\n\nMill\n"


@pytest.mark.parametrize("source", ["", "[]", "3", "{}", '{"cells": 3}', '{"worksheets": 3}', "[" * 100_000])
def test_what_has_no_cells_is_no_notebook(source: str) -> None:
    with pytest.raises(NotebookError):
        notebook_text(source)


def test_odd_cells_are_passed_over() -> None:
    cells = [3, None, {}, {"source": 3}, {"source": [3, "x"]}, {"source": " "}]
    assert notebook_text(json.dumps({"cells": cells, "metadata": 3})) == "x\n"
    assert notebook_text(json.dumps({"worksheets": [{"cells": 3}, 4]})) == ""
