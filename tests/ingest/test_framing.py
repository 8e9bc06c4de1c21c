"""Where a WARC record ends and the next begins, also where the file is damaged."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gristmill.ingest.web.framing import WarcRecord, parse_headers, read_warc_records
from gristmill.inputs import InputFile
from tests.ingest.archives import SAMPLE, members, page, pages, record, response

A, B, C = pages("a", "b", "c")


def framed(path: Path, data: bytes, max_bytes: int = 1_000_000) -> list[WarcRecord]:
    path.write_bytes(data)
    return list(read_warc_records(InputFile.at(path), max_bytes=max_bytes, max_expansion=500))


def outline(records: list[WarcRecord]) -> list[tuple[str | None, bool, str | None]]:
    """(name of the record, whether it has a block, rule)."""
    named = [(one.headers.get("warc-record-id"), one.block is not None, one.rule) for one in records]
    return [(name[10:-1] if name else None, *rest) for name, *rest in named]  # type: ignore[misc]


GOOD = [("a", True, None), ("b", True, None), ("c", True, None)]


@pytest.mark.parametrize(
    "packed", [b"".join([A, B, C]), members([A, B, C]), gzip.compress(A + B + C, mtime=0)]
)
def test_plain_and_packed_files_give_the_same_records(tmp_path: Path, packed: bytes) -> None:
    found = framed(tmp_path / "f", packed)
    assert outline(found) == GOOD
    assert [one.block for one in found] == [response(page(f"Text of {name}.")) for name in "abc"]


def test_a_record_alone_in_its_member_has_the_members_place(tmp_path: Path) -> None:
    found = framed(tmp_path / "f", members([A, B]))
    first, second = (len(gzip.compress(one, mtime=0)) for one in (A, B))
    assert [(one.offset, one.length, one.unpacked) for one in found] == [
        (0, first, False),
        (first, second, False),
    ]


def test_records_that_share_a_member_have_their_place_in_the_unpacked_data(tmp_path: Path) -> None:
    found = framed(tmp_path / "f", gzip.compress(A + B, mtime=0))
    assert [(one.offset, one.length, one.unpacked) for one in found] == [
        (0, len(A), True),
        (len(A), len(B), True),
    ]


def test_a_plain_file_gives_places_that_can_be_read_again(tmp_path: Path) -> None:
    data = A + B + C
    for one, whole in zip(framed(tmp_path / "f", data), (A, B, C), strict=True):
        assert data[one.offset : one.offset + (one.length or 0)] == whole
        assert not one.unpacked


@pytest.mark.parametrize("pack", [b"".join, members])
@pytest.mark.parametrize("extra", [5, 7, 200])
def test_a_length_that_is_too_long_takes_nothing_from_the_next_record(
    tmp_path: Path, pack: object, extra: int
) -> None:
    block = response(page("Text of b."))
    long = record("b", block, length=len(block) + extra)
    found = framed(tmp_path / "f", pack([A, long, C]))  # type: ignore[operator]
    assert outline(found) == [("a", True, None), ("b", True, "content_length"), ("c", True, None)]
    assert found[1].block == block


@pytest.mark.parametrize("pack", [b"".join, members])
def test_a_length_that_is_too_short_cuts_its_own_record_only(tmp_path: Path, pack: object) -> None:
    block = response(page("Text of b."))
    short = record("b", block, length=len(block) - 7)
    found = framed(tmp_path / "f", pack([A, short, C]))  # type: ignore[operator]
    assert outline(found) == [("a", True, None), ("b", True, "content_length"), ("c", True, None)]
    assert found[1].block == block[:-7]


@pytest.mark.parametrize("pack", [b"".join, members])
@pytest.mark.parametrize("length", ["abc", "-5", "", "99999999999999999999", "9" * 18])
def test_a_length_that_makes_no_sense_loses_one_record(tmp_path: Path, pack: object, length: str) -> None:
    bad = record("b", response(page("Text of b.")), length=length)
    found = framed(tmp_path / "f", pack([A, bad, C]))  # type: ignore[operator]
    assert outline(found) == [("a", True, None), ("b", False, "content_length"), ("c", True, None)]


def test_a_page_that_shows_a_record_is_not_taken_apart(tmp_path: Path) -> None:
    nested = record("b", response(b"<pre>\r\n\r\n" + A + b"</pre>"))
    assert outline(framed(tmp_path / "f", nested + C)) == [("b", True, None), ("c", True, None)]


@pytest.mark.parametrize("pack", [b"".join, members])
def test_a_record_over_the_limit_is_passed_over(tmp_path: Path, pack: object) -> None:
    big = record("b", response(b"x" * 300_000))
    found = framed(tmp_path / "f", pack([A, big, C]), max_bytes=10_000)  # type: ignore[operator]
    assert outline(found) == [("a", True, None), ("b", False, "too_large"), ("c", True, None)]


def test_headers_without_an_end_are_dropped(tmp_path: Path) -> None:
    endless = b"WARC/1.0\r\nX: " + b"x" * 2_000_000
    found = framed(tmp_path / "f", members([A, endless, C]))
    assert outline(found) == [("a", True, None), (None, False, "header_too_large"), ("c", True, None)]


def test_garbage_is_one_record_that_cannot_be_read(tmp_path: Path) -> None:
    assert outline(framed(tmp_path / "f", b"no archive at all")) == [(None, False, "unreadable")]
    assert outline(framed(tmp_path / "f", gzip.compress(b"no archive", mtime=0))) == [
        (None, False, "unreadable")
    ]


def test_garbage_before_the_first_record_is_counted_apart(tmp_path: Path) -> None:
    found = framed(tmp_path / "f", b"junk\n" + A)
    assert outline(found) == [(None, False, "unreadable"), ("a", True, None)]


def test_blank_space_is_no_record(tmp_path: Path) -> None:
    assert framed(tmp_path / "f", b"\r\n\0\0 \n" * 50_000) == []
    assert outline(framed(tmp_path / "f", A + b"\r\n" * 100_000 + B)) == [
        ("a", True, None),
        ("b", True, None),
    ]


def test_headers_are_read_leniently() -> None:
    head = b"WARC/1.0\r\ncontent-length:12\r\nX-Fold: one\r\n two\r\n\tthree\r\nno colon\r\nX-Fold: last\r\nL: \xe9"
    assert parse_headers(head) == {"content-length": "12", "x-fold": "one two three", "l": "é"}


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, len(members([A, B, C]))))
def test_a_packed_file_cut_anywhere_keeps_what_is_whole(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    sizes = [len(members([one])) for one in (A, B, C)]
    whole = sum(sum(sizes[: n + 1]) <= cut for n in range(3))
    found = framed(tmp_path_factory.getbasetemp() / "cut.gz", members([A, B, C])[:cut])
    assert outline(found)[:whole] == GOOD[:whole]
    rest = found[whole:]
    assert len(rest) == (0 if cut in (0, *(sum(sizes[: n + 1]) for n in range(3))) else 1)
    assert all(one.rule in ("truncated", "unreadable") for one in rest)


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, len(A + B + C)))
def test_a_plain_file_cut_anywhere_keeps_what_is_whole(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    found = framed(tmp_path_factory.getbasetemp() / "cut", (A + B + C)[:cut])
    whole = sum(len(part) - 4 <= cut for part in (A, A + B, A + B + C))
    assert outline(found)[:whole] == GOOD[:whole]
    assert len(found) - whole <= 1
    assert all(one.block is None for one in found[whole:])


@settings(max_examples=60, deadline=None)
@example(at=229, bit=0)  # the end of the first stream is lost, and the second read as a part of it
@given(at=st.integers(0, len(members([A, B, C])) - 1), bit=st.integers(0, 7))
def test_one_wrong_bit_costs_at_most_one_record(
    tmp_path_factory: pytest.TempPathFactory, at: int, bit: int
) -> None:
    data = bytearray(members([A, B, C]))
    data[at] ^= 1 << bit
    sizes = [len(members([one])) for one in (A, B, C)]
    hit = next(n for n in range(3) if at < sum(sizes[: n + 1]))
    found = framed(tmp_path_factory.getbasetemp() / "bit.gz", bytes(data))
    if at >= 3:  # the first bytes tell that it is gzip at all
        whole = {one[0] for one in outline(found) if one[1] and one[2] is None}
        assert whole >= {"a", "b", "c"} - {"abc"[hit]}


def test_sound_archives_are_read_as_fastwarc_reads_them() -> None:
    fastwarc = pytest.importorskip("fastwarc.warc")
    path = SAMPLE / "docs.warc.gz"
    archive = fastwarc.ArchiveIterator(io.BytesIO(path.read_bytes()), parse_http=False)
    theirs = [(one.record_id, one.stream_pos, one.reader.read()) for one in archive]
    ours = list(read_warc_records(InputFile.at(path), max_bytes=10_000_000, max_expansion=500))
    assert [(one.headers["warc-record-id"], one.offset, one.block) for one in ours] == theirs


@pytest.mark.parametrize("size", [1, 40, 333, 5_000])
def test_records_may_be_cut_into_members(tmp_path: Path, size: int) -> None:
    whole = A + B + C
    found = framed(
        tmp_path / "f", members([whole[start : start + size] for start in range(0, len(whole), size)])
    )
    assert outline(found) == GOOD
    assert [one.block for one in found] == [response(page(f"Text of {name}.")) for name in "abc"]


def test_places_in_unpacked_data_count_on_from_member_to_member(tmp_path: Path) -> None:
    found = framed(tmp_path / "f", gzip.compress(A + B, mtime=0) + gzip.compress(C + A, mtime=0))
    assert [one.offset for one in found] == [0, len(A), len(A + B), len(A + B + C)]


@pytest.mark.parametrize("pack", [b"".join, members])
def test_headers_without_their_blank_line_take_nothing_from_the_next_record(
    tmp_path: Path, pack: object
) -> None:
    bare = record("b", b"").rstrip() + b"\r\n"
    found = framed(tmp_path / "f", pack([A, bare, C]))  # type: ignore[operator]
    lost = "content_length" if pack is not members else "truncated"
    assert outline(found) == [
        ("a", True, None),
        ("b" if pack is not members else None, False, lost),
        ("c", True, None),
    ]


def test_a_record_after_garbage_that_ends_in_no_line_is_found(tmp_path: Path) -> None:
    found = framed(tmp_path / "f", A + b"garbage" + B)
    assert [one.block is not None for one in found] == [True, True]
