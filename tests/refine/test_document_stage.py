from __future__ import annotations

import pytest

from gristmill.refine.document_stage import decide_document, decide_document_compat
from gristmill.refine.line_f1 import line_f1


@pytest.mark.parametrize(
    ("output", "strict", "compat"),
    [
        ("drop_doc()", "drop", "drop"),
        ("Keep.", "keep", "keep"),
        ("keep_doc() # do not drop", "keep", "drop"),
        ("raindrop", "unknown", "drop"),
        ("DROP_DOC();", "drop", "keep"),
        ("", "unknown", "keep"),
    ],
)
def test_decisions_are_read_strictly_or_as_the_reference_does(output: str, strict: str, compat: str) -> None:
    assert (decide_document(output), decide_document_compat(output)) == (strict, compat)


def test_f1_of_removed_lines_is_null_where_there_is_nothing_to_find() -> None:
    assert line_f1([], []).f1 is None
    assert line_f1([1, 2], [2, 3]) == (1, 1, 1, 0.5)
