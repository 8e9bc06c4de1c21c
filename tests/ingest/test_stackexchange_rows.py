"""Rows of a dump's XML, whole and damaged."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.ingest.stackexchange import rows as module
from gristmill.ingest.stackexchange.rows import Damage, Fault, read_rows

HEAD = b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>\r\n<posts>\r\n'


def read(
    data: bytes, *, piece: int = 1 << 20, max_bytes: int = 1 << 20
) -> tuple[list[dict[str, str | None]], list[Fault]]:
    pieces: Iterator[bytes | Damage] = iter(data[i : i + piece] for i in range(0, len(data), piece))
    found, faults = [], []
    for block in read_rows(pieces, ("Id", "Body"), max_bytes=max_bytes):
        columns = {name: list(values) for name, values in block.attributes.items()}
        for number, (offset, length) in enumerate(zip(block.offsets, block.lengths, strict=True)):
            row = {name: values[number] for name, values in columns.items()}
            assert data[offset:].startswith(b"<row")
            assert data[offset : offset + length].endswith(b">")
            found.append(row)
        faults += block.faults
    return found, faults


def table(*rows: str | bytes) -> bytes:
    lines = b"".join(b"  " + (row.encode() if isinstance(row, str) else row) + b"\r\n" for row in rows)
    return HEAD + lines + b"</posts>"


def ids(rows: list[dict[str, str | None]]) -> list[str | None]:
    return [row["Id"] for row in rows]


def test_values_are_what_an_xml_parser_gives() -> None:
    row = "<row Id='1' Other=\"&gt;\" Body=\"a&lt;b&#xA;c&#10;d&quot;&apos;&amp;lt;\te\r\nf>g 'é' &#x1F680;\" />"
    rows, faults = read(table(row, '<row Id="2"/>', '<row\n Id="3" ></row>'))
    assert rows[0] == {"Id": "1", "Body": "a<b\nc\nd\"'&lt; e f>g 'é' 🚀"}
    assert ids(rows) == ["1", "2", "3"]
    assert rows[1]["Body"] is None
    assert faults == []


@pytest.mark.parametrize("piece", [1, 7, 64, 1 << 20])
def test_the_size_of_pieces_and_blocks_changes_nothing(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = table(*(f'<row Id="{i}" Body="{"é" * i}&lt;" />' for i in range(30)), b'<row Id="\x01x" />')
    expected = read(data)
    monkeypatch.setattr(module, "_BLOCK_BYTES", 100)
    assert read(data, piece=piece) == expected
    assert len(expected[0]) == 31


def test_forbidden_characters_are_dropped_and_the_row_kept() -> None:
    data = table(
        b'<row Id="1" Body="a\x00b\x1fc" />',
        '<row Id="2" Body="a&#x1;b&#0;c&#xFFFE;d&#55296;" />',
        b'<row Id="3" Body="a\xed\xa0\x80b\xef\xbf\xbfc" />',
        '<row Id="4" Body="fine" />',
    )
    block = next(iter(read_rows(iter([data]), ("Id", "Body"), max_bytes=1000)))
    assert list(block.attributes["Body"]) == ["abc", "abcd", "abc", "fine"]
    assert (block.controls, block.repaired, block.faults) == (8, {0, 1, 2}, [])


@pytest.mark.parametrize(
    "bad",
    [
        '<row Id="2" Body="&bogus;" />',
        '<row Id="2" Body="a & b" />',
        '<row Id="2" Id="3" />',
        "<row Id=2 />",
        '<row Id="2" Body="a',
        b'<row Id="2" Body="\xff" />',
        '<row Id="2"Body="x" />',
    ],
)
def test_a_bad_row_ends_with_itself(bad: str | bytes) -> None:
    data = table('<row Id="1" />', bad, '<row Id="4" Body="x" />')
    rows, faults = read(data)
    assert ids(rows) == ["1", "4"]
    assert [(fault.rule, fault.offset) for fault in faults] == [
        ("bad_xml", data.index(b'<row Id="1" />') + 18)
    ]
    assert faults[0].digest is not None


def test_bytes_that_are_no_row_are_told_and_lose_no_row() -> None:
    rows, faults = read(table('<row Id="1" />', "& what <", '<row Id="2" />'))
    assert ids(rows) == ["1", "2"]
    assert [fault.rule for fault in faults] == ["unreadable"]


@pytest.mark.parametrize("cut", [12, 40])
def test_a_file_that_ends_in_a_row_keeps_what_came_before(cut: int) -> None:
    data = table('<row Id="1" Body="x" />', '<row Id="2" Body="0123456789012345678901234567890" />')
    data = data[: -cut - 2]
    rows, faults = read(data)
    assert ids(rows) == ["1"]
    assert [(fault.rule, fault.offset) for fault in faults] == [("truncated", data.rindex(b"<row"))]
    assert f"byte {len(data)}" in str(faults[0].detail)


def test_a_file_that_ends_between_rows_is_truncated_too() -> None:
    data = table('<row Id="1" />').removesuffix(b"</posts>")
    rows, faults = read(data)
    assert ids(rows) == ["1"]
    assert [(fault.rule, fault.offset) for fault in faults] == [("truncated", len(data))]


def test_damage_of_the_compression_is_the_rule_of_the_row_that_it_cut() -> None:
    pieces = iter(
        [table('<row Id="1" />', '<row Id="2" Body="xx')[:-12], Damage("corrupt_member", "bad data")]
    )
    block = next(iter(read_rows(pieces, ("Id",), max_bytes=1000)))
    assert list(block.attributes["Id"]) == ["1"]
    assert [(fault.rule, "bad data" in str(fault.detail)) for fault in block.faults] == [
        ("corrupt_member", True)
    ]


@pytest.mark.parametrize("piece", [50, 1 << 20])
def test_a_row_without_end_is_passed_over_and_not_held(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK_BYTES", 1000)
    data = table('<row Id="1" />', f'<row Id="2" Body="{"x" * 20_000}" />', '<row Id="3" />')
    rows, faults = read(data, piece=piece, max_bytes=5000)
    if faults:
        assert [(fault.rule, fault.offset) for fault in faults] == [("too_large", data.index(b'<row Id="2"'))]
        assert ids(rows) == ["1", "3"]
    else:  # it came in one piece; its length is then held against the limit with the other rows
        assert ids(rows) == ["1", "2", "3"]


def test_declarations_have_no_effect() -> None:
    bomb = b'<!DOCTYPE posts [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/hostname">]>'
    data = bomb + b'<posts><row Id="1" Body="&b;" /><row Id="2" Body="&f;" /><row Id="3" Body="x" /></posts>'
    rows, faults = read(data)
    assert rows == [{"Id": "3", "Body": "x"}]
    assert [fault.rule for fault in faults] == ["doctype", "bad_xml", "bad_xml"]


def test_other_encodings() -> None:
    latin = '<?xml version="1.0" encoding="ISO-8859-1"?><posts><row Id="1" Body="é" /></posts>'.encode(
        "latin-1"
    )
    assert read(latin) == ([{"Id": "1", "Body": "é"}], [])
    rows, faults = read('<posts><row Id="1" /></posts>'.encode("utf-16"))
    assert (rows, [fault.rule for fault in faults]) == ([], ["encoding"])


def test_empty_tables_and_files() -> None:
    assert read(b"") == ([], [])
    assert read(table()) == ([], [])
    assert read(b"<posts />") == ([], [])
    assert [fault.rule for fault in read(b"no XML at all")[1]] == ["truncated"]


_VALUES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"),
    max_size=20,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_VALUES, max_size=8), st.integers(1, 40))
def test_both_ways_of_reading_agree(values: list[str], piece: int) -> None:
    rows = [f"<row Id='{i}' Body={quoteattr(value)} />" for i, value in enumerate(values)]
    certain = read(table(*rows), piece=piece)
    doubtful = read(table(*rows, "<!-- this makes the scanner give up -->"), piece=piece)
    assert certain == doubtful
    assert [row["Body"] for row in certain[0]] == values


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_mutations_never_raise_and_lose_at_most_what_they_touch(data: st.DataObject) -> None:
    rows = [f'<row Id="{i}" Body="text &lt; {i}" />' for i in range(6)]
    good = bytearray(table(*rows))
    at = data.draw(st.integers(len(HEAD), len(good) - 12))
    good[at] = data.draw(st.integers(0, 255))
    found, faults = read(bytes(good))
    assert len(found) + len(faults) >= 5
    assert len(found) >= 4
