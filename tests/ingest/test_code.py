"""Files of source code as documents."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest

from gristmill.ingest import CodeSource
from gristmill.ingest.code.code import read_code
from gristmill.ingest.records import Record
from gristmill.inputs import InputFile
from tests.ingest.archives import SAMPLE

CODE = CodeSource(kind="code", inputs=("x",))
MIT = "SPDX-License-Identifier: MIT\n"


def read(path: Path, data: bytes, options: CodeSource = CODE, name: str | None = None) -> Record:
    path.write_bytes(data)
    (found,) = (
        record for _, record in read_code([InputFile(str(path), name or f"src/{path.name}")], options)
    )
    return found


def read_folder(folder: Path, options: CodeSource = CODE) -> dict[str, Record]:
    """All records of a folder by key."""
    files = [
        InputFile(str(path), path.relative_to(folder).as_posix())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    return {str(record.key): record for _, record in read_code(files, options)}


def write(folder: Path, **files: str | bytes) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return folder


def test_a_file_is_a_document_named_by_its_path(tmp_path: Path) -> None:
    found = read(tmp_path / "mill.PY", b"x = 1\n")
    assert found.text == "x = 1\n"
    assert found.key == "src/mill.PY"
    assert found.meta == {
        "language": "Python",
        "charset": "utf-8",
        "repository": "src",
        "path": "mill.PY",
        "licence": None,
        "licence_class": "unknown",
        "n_lines": 1,
    }
    assert (found.offset, found.length) == (0, 6)


@pytest.mark.parametrize(
    ("name", "data", "rule"),
    [
        ("mill.xyz", b"x", "extension"),
        ("mill", b"x = 1\n", "extension"),
        ("mill.py", b" \n", "empty_text"),
        ("mill.py", b"", "empty_text"),
        ("mill.py", b"x" * 2_000, "too_large"),
        ("mill.py", bytes(500), "not_text"),
        ("mill.ipynb", b"no JSON", "bad_notebook"),
        ("mill.ipynb", b'{"cells": []}', "empty_text"),
        ("mill.go", b"package mill\n", "language"),
        ("mill.zip", b"PK no archive", "extension"),
        ("mill.bundle", b"no bundle", "extension"),
    ],
)
def test_what_is_no_code_is_dropped_with_its_reason(
    tmp_path: Path, name: str, data: bytes, rule: str
) -> None:
    languages = ("Python", "Jupyter Notebook")
    options = CODE.model_copy(update={"max_record_bytes": 1_000, "languages": languages})
    found = read(tmp_path / name, data, options)
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


def test_notebooks_are_their_cells_a_script_or_as_they_are(tmp_path: Path) -> None:
    cells = [{"cell_type": "markdown", "source": "A mill"}, {"cell_type": "code", "source": "x = 1"}]
    notebook = json.dumps({"cells": cells})
    assert read(tmp_path / "a.ipynb", notebook.encode()).text == "A mill\n\n```python\nx = 1\n```\n"
    script = CODE.model_copy(update={"notebooks": "script"})
    assert read(tmp_path / "a.ipynb", notebook.encode(), script).text == "# A mill\n\nx = 1\n"
    raw = CODE.model_copy(update={"notebooks": "raw"})
    assert read(tmp_path / "a.ipynb", notebook.encode(), raw).text == notebook


def test_every_file_of_the_sample_is_read() -> None:
    files = [InputFile.at(path) for path in sorted((SAMPLE / "code").iterdir())]
    found = [record for _, record in read_code(files, CODE)]
    assert len(found) == 32
    assert [one.key for one in found if one.text is None] == []
    (gbk,) = [one for one in found if one.key and "gbk" in one.key]
    assert gbk.meta["charset"] != "utf-8"
    assert {one.meta["repository"] for one in found} == {None}


@pytest.mark.parametrize(
    ("name", "depth", "repository", "path"),
    [
        ("mill/src/a.py", 1, "mill", "src/a.py"),
        ("owner/mill/src/a.py", 2, "owner/mill", "src/a.py"),
        ("mill/a.py", 2, None, "mill/a.py"),
        ("a.py", 1, None, "a.py"),
        ("mill/a.py", 0, None, "mill/a.py"),
    ],
)
def test_the_first_folders_are_the_repository(
    tmp_path: Path, name: str, depth: int, repository: str | None, path: str
) -> None:
    options = CODE.model_copy(update={"repository_depth": depth})
    meta = read(tmp_path / "a.py", b"x = 1\n", options, name).meta
    assert (meta["repository"], meta["path"]) == (repository, path)


def test_further_extensions_go_before_what_is_known(tmp_path: Path) -> None:
    options = CODE.model_copy(update={"extensions": {"xyz": "Mill", "py": "Snake"}})
    assert read(tmp_path / "a.xyz", b"x", options).meta["language"] == "Mill"
    assert read(tmp_path / "a.py", b"x", options).meta["language"] == "Snake"


def test_the_nearest_licence_above_holds_and_a_files_own_goes_first(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        **{
            "mill/LICENSE": "Licensed under the Apache License, Version 2.0",
            "mill/package.json": '{"license": "ISC"}',
            "mill/a.js": "a()\n",
            "mill/deep/er/b.js": "b()\n",
            "mill/deep/COPYING": "GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007\n",
            "mill/deep/c.js": f"// {MIT}c()\n",
            "weir/package.json": '{"license": "ISC"}',
            "weir/d.js": "d()\n",
            "e.js": "e()\n",
        },
    )
    found = {
        key: (record.meta["licence"], record.meta["licence_class"])
        for key, record in read_folder(folder).items()
        if key.endswith(".js")
    }
    assert found == {
        "mill/a.js": ("Apache-2.0", "permissive"),
        "mill/deep/er/b.js": ("GPL-3.0", "copyleft"),
        "mill/deep/c.js": ("MIT", "permissive"),
        "weir/d.js": ("ISC", "permissive"),
        "e.js": (None, "unknown"),
    }


def test_flags_are_there_only_where_they_hold(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        **{
            "mill/node_modules/a/b.min.js": "a()\n",
            "mill/a_pb2.py": "x = 1\n",
            "mill/a.py": "x = 1\n",
        },
    )
    flags = {
        key: sorted({"generated", "minified", "vendored"} & record.meta.keys())
        for key, record in read_folder(folder).items()
    }
    assert flags == {
        "mill/node_modules/a/b.min.js": ["minified", "vendored"],
        "mill/a_pb2.py": ["generated"],
        "mill/a.py": [],
    }


ENTRIES = {
    "mill-1.0/LICENSE": MIT.encode(),
    "mill-1.0/src/a.py": b"x = 1\n",
    "mill-1.0/blob.bin": bytes(50),
    "mill-1.0/large.py": b"x = 1\n" * 400,
}


def zip_of(entries: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def tar_of(entries: dict[str, bytes], mode: str = "w:gz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in entries.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "name", ["mill-1.0.zip", "mill-1.0.tar.gz", "mill-1.0-py3-none-any.whl", "mill-1.0.tar"]
)
def test_an_archive_is_a_repository(tmp_path: Path, name: str) -> None:
    zipped = name.endswith((".zip", ".whl"))
    data = zip_of(ENTRIES) if zipped else tar_of(ENTRIES, "w:gz" if name.endswith("gz") else "w")
    folder = write(tmp_path, **{name: data})
    found = read_folder(folder, CODE.model_copy(update={"max_record_bytes": 1_000}))
    assert {key: record.rule for key, record in found.items()} == {
        f"{name}/mill-1.0/LICENSE": "extension",
        f"{name}/mill-1.0/src/a.py": None,
        f"{name}/mill-1.0/blob.bin": "extension",
        f"{name}/mill-1.0/large.py": "too_large",
    }
    meta = found[f"{name}/mill-1.0/src/a.py"].meta
    top = "" if name.startswith("mill-1.0.") else "mill-1.0/"
    assert (meta["path"], meta["licence"]) == (f"{top}src/a.py", "MIT")
    assert meta["repository"] == name.split(".tar")[0].removesuffix(".zip").removesuffix(".whl")
    assert meta["entry"] == "mill-1.0/src/a.py"


def test_a_language_that_is_not_known_is_an_error() -> None:
    with pytest.raises(ValueError, match="Did you mean 'Python'"):
        CodeSource(kind="code", inputs=("x",), languages=("Pyton",))
    CodeSource(kind="code", inputs=("x",), languages=("Mill",), extensions={"mill": "Mill"})


@pytest.mark.slow
@pytest.mark.parametrize(
    "data",
    [
        b"x = 1\n" * 150_000,
        b"x" * 900_000,
        b"#" * 900_000,
        b"/*" * 400_000,
        b"class x " * 100_000,
        b"GPL " * 200_000,
        b"version " * 100_000,
        b"GNU General Public License " * 30_000,
        b"<" * 900_000,
        b"(" * 900_000,
    ],
)
@pytest.mark.parametrize("name", ["a.py", "a.h", "a.m", "a.pl", "LICENSE", "a.js"])
def test_hostile_files_take_linear_time(tmp_path: Path, name: str, data: bytes) -> None:
    import time

    started = time.process_time()
    read(tmp_path / name, data)
    assert time.process_time() - started < 5
