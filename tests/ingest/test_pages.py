"""Folders and archives of HTML files as documents."""

from __future__ import annotations

import gzip
import io
import random
import zipfile
from pathlib import Path

import pytest

from gristmill.ingest import HtmlSource
from gristmill.ingest.options import HtmlOptions
from gristmill.ingest.packed.archives import read_inside
from gristmill.ingest.records import Record
from gristmill.ingest.web.pages import read_html
from gristmill.ingest.web.webpage import own_url
from gristmill.inputs import InputFile
from tests.ingest.archives import page

# Which engine takes the text does not matter here.
HTML = HtmlSource(kind="html", inputs=("x",), html=HtmlOptions(engine="resiliparse"))


def read(path: Path, data: bytes, name: str | None = None, **options: object) -> list[Record]:
    path.write_bytes(data)
    file = InputFile(str(path), name or path.name)
    return list(read_inside(read_html, whole=True)(file, HTML.model_copy(update=options)))


def test_a_file_is_a_page_and_its_key_is_its_path(tmp_path: Path) -> None:
    data = page("The mill.", "<title>Mills</title>")
    (one,) = read(tmp_path / "a.html", data, "site/a.html")
    assert (one.key, one.text, one.rule, one.url) == ("site/a.html", "The mill.", None, None)
    assert (one.offset, one.length) == (0, len(data))
    assert one.meta["title"] == "Mills"
    assert one.meta["charset"] == "utf-8"


def test_a_packed_file_is_a_page(tmp_path: Path) -> None:
    (one,) = read(tmp_path / "a.html.gz", gzip.compress(page("The mill."), mtime=0))
    assert (one.text, one.meta["unpacked"]) == ("The mill.", True)


@pytest.mark.parametrize(
    ("head", "prefix", "url"),
    [
        ("", None, None),
        ("", "https://", "https://example.org/a%20b.html"),
        ("<link rel=canonical href=https://example.org/own>", "https://", "https://example.org/own"),
        ("<link href='/own?a=1&amp;b=2' rel='x canonical'>", "https://", "https://example.org/own?a=1&b=2"),
        ("<link rel=canonical href='/own'>", None, None),
        ("<link rel=canonical href='javascript:alert(1)'>", None, None),
        ("<meta property='og:url' content='https://example.org/og'>", None, "https://example.org/og"),
        ("<meta content='https://e.org/og' property=og:url><link rel=canonical href='https://e.org/c'>", None, "https://e.org/c"),
        ("<link rel=canonical href='https://[bad'>", "https://", "https://example.org/a%20b.html"),
    ],
)  # fmt: skip
def test_the_address_is_the_pages_own_else_that_of_its_path(
    tmp_path: Path, head: str, prefix: str | None, url: str | None
) -> None:
    (one,) = read(tmp_path / "f", page("The mill.", head), "example.org/a b.html", url_prefix=prefix)
    assert one.url == url


def test_an_address_in_the_text_of_a_page_is_not_its_own() -> None:
    assert own_url("<body><link rel=canonical href='https://example.org/x'>") is None


def test_the_pages_own_address_can_be_left_alone(tmp_path: Path) -> None:
    data = page("The mill.", "<link rel=canonical href='https://example.org/own'>")
    assert read(tmp_path / "a.html", data, url_from_page=False)[0].url is None


@pytest.mark.parametrize(
    ("name", "data", "rule"),
    [
        ("a.html", b"", "empty_body"),
        ("a.html", b"  \n", "empty_body"),
        ("a.html", bytes(range(32)) * 50, "not_text"),
        ("a.css", b"p { color: red }", "content_type"),
        ("a.html", b"<html><body></body></html>", "empty_text"),
        ("a.html", page("x" * 3_000), "too_large"),
        ("a.html.gz", gzip.compress(page("x" * 3_000), mtime=0), "too_large"),
        ("a.html.gz", gzip.compress(page("The mill."), mtime=0)[:-20], "truncated"),
        ("a.html", b"<b>" * 700 + b"deep", "too_deep"),
    ],
)
def test_what_is_no_page_is_dropped(tmp_path: Path, name: str, data: bytes, rule: str) -> None:
    (one,) = read(tmp_path / name, data, max_record_bytes=3_000)
    assert (one.key, one.text, one.rule) == (name, None, rule)


def test_a_page_without_an_extension_is_known_by_its_head(tmp_path: Path) -> None:
    assert read(tmp_path / "article", page("The mill."))[0].text == "The mill."


def test_pages_of_an_archive_are_keyed_by_archive_and_path(tmp_path: Path) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("example.org/ü.html", page("One."))
        archive.writestr("../up.html", page("Two."))
        archive.writestr("example.org/style.css", b"p {}")
    found = read(tmp_path / "site.zip", held.getvalue(), url_prefix="https://")
    assert [(one.key, one.text, one.rule) for one in found] == [
        ("site.zip/example.org/ü.html", "One.", None),
        ("site.zip/../up.html", None, "unsafe_name"),
        ("site.zip/example.org/style.css", None, "content_type"),
    ]
    assert found[0].url == "https://example.org/%C3%BC.html"
    assert found[0].meta["entry"] == "example.org/ü.html"
    assert (found[0].offset, found[2].offset > found[1].offset > 0) == (0, True)


def test_a_label_that_the_bytes_contradict_is_passed_over(tmp_path: Path) -> None:
    data = "<meta charset=windows-1251><p>Мельница мелет зерно.</p>".encode("cp1251")
    assert read(tmp_path / "a.html", data)[0].text == "Мельница мелет зерно."


def test_damage_never_raises(tmp_path: Path) -> None:
    whole = gzip.compress(
        page("The mill grinds. " * 200, "<link rel=canonical href='https://example.org/'>"), mtime=0
    )
    rng = random.Random(2)
    for _ in range(100):
        damaged = bytearray(whole[: rng.randint(1, len(whole))])
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        (one,) = read(tmp_path / "a.html", bytes(damaged))
        assert (one.text is None) == (one.rule is not None)
