"""Files of source code as documents."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gristmill.ingest import CodeSource
from gristmill.ingest.code import read_code
from gristmill.ingest.records import Record
from gristmill.inputs import InputFile
from tests.ingest.archives import SAMPLE

CODE = CodeSource(kind="code", inputs=("x",))


def read(path: Path, data: bytes, options: CodeSource = CODE) -> Record:
    path.write_bytes(data)
    (found,) = read_code(InputFile(str(path), f"src/{path.name}"), options)
    return found


def test_a_file_is_a_document_named_by_its_path(tmp_path: Path) -> None:
    found = read(tmp_path / "mill.PY", b"x = 1\n")
    assert found.text == "x = 1\n"
    assert found.key == "src/mill.PY"
    assert found.meta == {"language": "Python", "charset": "utf-8"}
    assert (found.offset, found.length) == (0, 6)


@pytest.mark.parametrize(
    ("name", "data", "rule"),
    [
        ("mill.xyz", b"x", "extension"),
        ("Makefile", b"x", "extension"),
        ("mill.py", b" \n", "empty_text"),
        ("mill.py", b"", "empty_text"),
        ("mill.py", b"x" * 2_000, "too_large"),
        ("mill.py", bytes(500), "not_text"),
        ("mill.ipynb", b"no JSON", "bad_notebook"),
        ("mill.ipynb", b'{"cells": []}', "empty_text"),
    ],
)
def test_what_is_no_code_is_dropped_with_its_reason(
    tmp_path: Path, name: str, data: bytes, rule: str
) -> None:
    found = read(tmp_path / name, data, CODE.model_copy(update={"max_record_bytes": 1_000}))
    assert (found.text, found.rule) == (None, rule)
    assert found.key == f"src/{name}"


@pytest.mark.parametrize("charset", ["utf-8", "gb18030", "shift_jis", "utf-16"])
def test_other_character_sets_are_detected(tmp_path: Path, charset: str) -> None:
    texts = {
        "gb18030": "磨坊坐落在河湾处，三百年来一直在磨面粉。",
        "shift_jis": "水車小屋は川の曲がり角にある。",
    }
    source = f"# {texts.get(charset, 'die Mühle')}\nx = 1\n" * 5
    assert read(tmp_path / "mill.py", source.encode(charset)).text == source


def test_notebooks_are_their_cells_or_as_they_are(tmp_path: Path) -> None:
    notebook = json.dumps({"cells": [{"cell_type": "code", "source": "x = 1"}]})
    assert read(tmp_path / "a.ipynb", notebook.encode()).text == "```python\nx = 1\n```\n"
    raw = CODE.model_copy(update={"notebooks": "raw"})
    assert read(tmp_path / "a.ipynb", notebook.encode(), raw).text == notebook


def test_every_file_of_the_sample_is_read() -> None:
    files = sorted((SAMPLE / "code").iterdir())
    found = [one for path in files for one in read_code(InputFile.at(path), CODE)]
    assert len(found) == 32
    assert [one.key for one in found if one.text is None] == []
    (gbk,) = [one for one in found if one.key and "gbk" in one.key]
    assert gbk.meta["charset"] != "utf-8"
