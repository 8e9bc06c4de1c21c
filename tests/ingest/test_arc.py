"""ARC, the format before WARC."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from gristmill.ingest.records import Record
from gristmill.ingest.web.arc import ARC_LINE, parse_arc_line
from gristmill.ingest.web.warc import read_warc
from gristmill.inputs import InputFile
from tests.ingest.archives import WARC, arc_record, members, page, response

HEAD = arc_record(
    "filedesc://x.arc", b"1 0 me\nURL IP-address Archive-date Content-type Archive-length\n", "text/plain", 1
)
A, B, C = (arc_record(name, response(page(f"Text of {name}."))) for name in "abc")


def read(path: Path, data: bytes) -> list[Record]:
    path.write_bytes(data)
    return list(read_warc(InputFile.at(path), WARC))


def outline(records: list[Record]) -> list[tuple[str | None, str | None]]:
    return [((one.text or "").split("\n")[0][-2:-1] or None, one.rule) for one in records]


GOOD = [(None, "warcinfo"), ("a", None), ("b", None), ("c", None)]


@pytest.mark.parametrize("version", [1, 2])
def test_a_line_of_either_version_gives_the_headers_of_a_response(version: int) -> None:
    line = arc_record("http://example.org/x y", b"12345", version=version).split(b"\n")[0]
    assert ARC_LINE.match(line + b"\n")
    assert parse_arc_line(line) == {
        "warc-type": "response",
        "warc-record-id": "arc:20060102030405:http://example.org/x y",
        "warc-target-uri": "http://example.org/x y",
        "warc-ip-address": "192.0.2.1",
        "warc-date": "2006-01-02T03:04:05Z",
        "content-type": "application/http; msgtype=response",
        "content-length": "5",
    }


def test_a_type_with_a_blank_and_a_short_date_are_read() -> None:
    headers = parse_arc_line(b"dns:example.org - 200601020304 text/dns; charset=x 40")
    assert (headers["content-type"], headers["warc-date"], headers["content-length"]) == (
        "text/dns; charset=x",
        "200601020304",
        "40",
    )


def test_what_is_no_line_of_arc_has_no_headers() -> None:
    assert parse_arc_line(b"<html>") == {}


@pytest.mark.parametrize("pack", [b"".join, members, lambda parts: gzip.compress(b"".join(parts), mtime=0)])
def test_plain_and_packed_files_give_the_same_records(tmp_path: Path, pack: object) -> None:
    found = read(tmp_path / "f", pack([HEAD, A, B, C]))  # type: ignore[operator]
    assert outline(found) == GOOD
    assert found[1].url == "http://example.org/a"
    assert found[1].date == "2006-01-02T03:04:05Z"
    assert found[1].key == "arc:20060102030405:http://example.org/a"


def test_other_schemes_are_no_pages(tmp_path: Path) -> None:
    found = read(tmp_path / "f", HEAD + arc_record("dns:example.org", b"1 2 3", "text/dns") + A)
    assert outline(found) == [(None, "warcinfo"), (None, "not_a_response"), ("a", None)]


@pytest.mark.parametrize("wrong", [3, -3, 400])
def test_a_wrong_length_takes_nothing_from_the_next_record(tmp_path: Path, wrong: int) -> None:
    size = len(response(page("Text of b.")))
    bad = B.replace(str(size).encode() + b"\n", str(size + wrong).encode() + b"\n", 1)
    found = read(tmp_path / "f", HEAD + A + bad + C)
    assert [one.rule for one in found] == ["warcinfo", None, "content_length", None]
    assert outline(found)[3] == ("c", None)


def test_a_damaged_first_line_costs_one_record(tmp_path: Path) -> None:
    found = read(tmp_path / "f", HEAD[20:] + A + B)
    assert [one.rule for one in found] == ["unreadable", None, None]


def test_a_cut_line_is_truncated(tmp_path: Path) -> None:
    assert outline(read(tmp_path / "f", HEAD + A + b"http://exam"))[2] == (None, "truncated")
