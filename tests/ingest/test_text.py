"""Plain text and Markdown as documents."""

from __future__ import annotations

import bz2
import gzip
import random
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.ingest import TextSource
from gristmill.ingest.files.text import read_texts
from gristmill.ingest.records import Record
from gristmill.inputs import InputFile
from tests.ingest.test_archives import tarred

TEXT = TextSource(kind="text", inputs=("x",))


def read(path: Path, data: bytes, name: str | None = None, **options: object) -> list[Record]:
    path.write_bytes(data)
    return list(read_texts(InputFile(str(path), name or path.name), TEXT.model_copy(update=options)))


def test_a_file_is_a_document_named_by_its_path(tmp_path: Path) -> None:
    (one,) = read(tmp_path / "f", "Wörter\n\nund mehr\n".encode(), "böoks/one.txt")
    assert (one.key, one.text) == ("böoks/one.txt", "Wörter\n\nund mehr")
    assert one.meta == {"charset": "utf-8"}


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("café ".encode("latin-1") * 20, ("café " * 20).strip()),
        ("Мельница ".encode("utf-16"), "Мельница"),
        (b"\xef\xbb\xbfone", "one"),
        (gzip.compress(b"one", mtime=0), "one"),
        (bz2.compress(b"one"), "one"),
    ],
)
def test_character_set_and_compression_are_found(tmp_path: Path, data: bytes, text: str) -> None:
    assert read(tmp_path / "f.txt", data)[0].text == text


def test_a_declared_character_set_is_taken(tmp_path: Path) -> None:
    assert read(tmp_path / "f.txt", "Łódź".encode("iso8859-2"), encoding="iso-8859-2")[0].text == "Łódź"


def test_front_matter_goes_into_the_columns(tmp_path: Path) -> None:
    head = b"---\ntitle: On mills\ndate: 2024-03-01\nlang: en\ntags: [corn, water]\nweight: .nan\n---\n"
    data = head + b"# Mills\n\nText.\n"
    (one,) = read(tmp_path / "a.md", data)
    assert (one.text, one.date, one.lang) == ("# Mills\n\nText.", "2024-03-01", "en")
    assert one.meta == {"charset": "utf-8", "title": "On mills", "tags": ["corn", "water"], "weight": None}
    (kept,) = read(tmp_path / "a.md", data, front_matter=False)
    assert (kept.text or "").startswith("---\ntitle: On mills")


@pytest.mark.parametrize(
    "head",
    [
        "---\nnot: [closed\n---\n",
        "---\njust a rule\n---\n",
        "---\na: &a [x]\nb: *a\n---\n",
        "---\n" + "[" * 30_000 + "\n---\n",
        "---\n!!python/object/apply:os.system [ls]\n---\n",
        "---\nopen: without end\n",
    ],
)
def test_what_is_no_front_matter_stays_text(tmp_path: Path, head: str) -> None:
    (one,) = read(tmp_path / "a.md", (head + "Text.").encode())
    assert one.text == (head + "Text.").strip()


@pytest.mark.parametrize(
    ("text", "title"),
    [("# One #\ntext", "One"), ("text\n\n# Later\n", "Later"), ("One\n===\ntext", "One"), ("## Two\n", None)],
)
def test_the_title_of_markdown_is_its_first_heading(tmp_path: Path, text: str, title: str | None) -> None:
    assert read(tmp_path / "a.md", text.encode())[0].meta["title"] == title
    assert "title" not in read(tmp_path / "a.txt", text.encode())[0].meta


@pytest.mark.parametrize(
    ("data", "rule"),
    [(b"", "empty_text"), (b" \n", "empty_text"), (bytes(500), "not_text"), (b"x" * 3_001, "too_large")],
)
def test_what_is_no_text_is_dropped(tmp_path: Path, data: bytes, rule: str) -> None:
    (one,) = read(tmp_path / "f.txt", data, max_record_bytes=3_000)
    assert (one.key, one.text, one.rule) == ("f.txt", None, rule)


PARTS = b"one\ntwo\n\n\n  \nthree\r\n%%\nfour\n"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"split": "line"}, ["one", "two", "three", "%%", "four"]),
        ({"split": "paragraph"}, ["one\ntwo", "three\r\n%%\nfour"]),
        ({"split": "separator", "separator": "%%"}, ["one\ntwo\n\n\n  \nthree", "four"]),
        ({"split": "separator", "separator": "never"}, [PARTS.decode().strip()]),
    ],
)
def test_parts_are_documents_named_by_their_content(
    tmp_path: Path, options: dict[str, str], expected: list[str]
) -> None:
    for data in (PARTS, gzip.compress(PARTS, mtime=0)):
        found = read(tmp_path / "f.txt", data, **options)
        assert [one.text for one in found] == expected
        assert all(one.key is None and one.digest for one in found)
    for one in read(tmp_path / "f.txt", PARTS, **options):
        assert PARTS[one.offset : one.offset + (one.length or 0)].decode().strip() == one.text


def test_a_part_that_is_too_large_is_dropped_and_the_next_is_read(tmp_path: Path) -> None:
    data = b"one\n\n" + b"x" * 900 + b"\n" + b"y" * 900 + b"\n\ntwo\n\n" + b"z" * 2_000 + b"\n\nthree"
    found = read(tmp_path / "f.txt", data, split="paragraph", max_record_bytes=1_000)
    assert [one.text or one.rule for one in found] == ["one", "too_large", "two", "too_large", "three"]


def test_a_cut_is_counted_and_what_was_before_it_is_kept(tmp_path: Path) -> None:
    noise = "\n\n".join(str(random.Random(n).random()) for n in range(20_000)).encode()
    found = read(tmp_path / "f.txt.gz", gzip.compress(noise, mtime=0)[:100_000], split="paragraph")
    assert len(found) > 5_000
    assert found[-1].rule == "truncated"
    assert all(one.rule is None for one in found[:-1])


def test_utf16_is_not_cut_into_parts(tmp_path: Path) -> None:
    found = read(tmp_path / "f.txt", "one\n\ntwo".encode("utf-16"), split="paragraph")
    assert [(one.rule, one.detail) for one in found] == [("not_text", "UTF-16 is read with `split: file`")]


def test_entries_of_an_archive_are_files(tmp_path: Path) -> None:
    data = gzip.compress(tarred({"a/one.txt": b"one", "b.md": b"# Two\n", "c.txt": b"x\n\ny"}), mtime=0)
    found = read(tmp_path / "texts.tar.gz", data)
    assert [(one.key, one.text) for one in found] == [
        ("texts.tar.gz/a/one.txt", "one"),
        ("texts.tar.gz/b.md", "# Two"),
        ("texts.tar.gz/c.txt", "x\n\ny"),
    ]
    found = read(tmp_path / "texts.tar.gz", data, split="paragraph")
    assert [one.text for one in found] == ["one", "# Two", "x", "y"]
    assert [one.meta["entry_offset"] for one in found] == [0, 0, 0, 3]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "f.txt.gz"
    line = b"The mill grinds corn. " * 200 + b"\n"
    peaks = []
    for lines in (1_000, 8_000):
        path.write_bytes(gzip.compress(line * lines, 1, mtime=0))
        tracemalloc.start()
        found = read(path, path.read_bytes(), split="separator", separator="x", max_record_bytes=1_000_000)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert [one.rule for one in found] == ["too_large"]
    assert max(peaks) < 20 << 20


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=400), split=st.sampled_from(["file", "line", "paragraph"]))
def test_no_bytes_raise(tmp_path_factory: pytest.TempPathFactory, data: bytes, split: str) -> None:
    for one in read(tmp_path_factory.getbasetemp() / "bytes.md", data, split=split):
        assert (one.text is None) == (one.rule is not None)
        (one.text or "").encode()
