"""Compressed files as members, with damage noted instead of raised."""

from __future__ import annotations

import contextlib
import gzip
import re
import zlib
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.ingest.packed import unpack
from gristmill.ingest.packed.unpack import Gap, read_members
from gristmill.inputs import InputFile

STARTS = re.compile(rb"WARC/")
ONE, TWO = b"WARC/1 one " * 20, b"WARC/1 two " * 20


def unpacked(path: Path, max_expansion: int = 500) -> list[tuple[bytes, str | None] | Gap]:
    found: list[tuple[bytes, str | None] | Gap] = []
    for member in read_members(InputFile.at(path), starts=STARTS, max_expansion=max_expansion):
        if isinstance(member, Gap):
            found.append(member)
        else:
            found.append((b"".join(iter(member.read, b"")), member.damage))
    return found


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_members_come_one_by_one_with_their_place(tmp_path: Path) -> None:
    first, second = gzip.compress(ONE), gzip.compress(TWO)
    places = []
    for member in read_members(
        InputFile.at(write(tmp_path / "f", first + second)), starts=STARTS, max_expansion=500
    ):
        assert not isinstance(member, Gap)
        while member.read():
            pass
        places.append((member.offset, member.length))
    assert places == [(0, len(first)), (len(first), len(second))]


def test_the_kind_is_told_by_content_not_by_name(tmp_path: Path) -> None:
    assert unpacked(write(tmp_path / "a.gz", ONE)) == [(ONE, None)]
    assert unpacked(write(tmp_path / "a.txt", gzip.compress(ONE))) == [(ONE, None)]
    packed = pa.compress(ONE, codec="zstd", asbytes=True)
    assert unpacked(write(tmp_path / "b.gz", packed + packed)) == [(ONE, None), (ONE, None)]


def test_an_empty_file_has_no_member(tmp_path: Path) -> None:
    assert unpacked(write(tmp_path / "f", b"")) == []


def test_a_header_with_a_name_and_extra_fields_is_passed_over(tmp_path: Path) -> None:
    plain = gzip.compress(ONE, mtime=0)
    extra = plain[:3] + b"\x1c" + plain[4:10] + b"\x02\x00ab" + b"name\0" + b"comment\0" + plain[10:]
    assert unpacked(write(tmp_path / "f", extra)) == [(ONE, None)]


def test_a_wrong_checksum_is_noted_and_the_data_kept(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(ONE))
    packed[-8] ^= 1
    got = unpacked(write(tmp_path / "f", bytes(packed) + gzip.compress(TWO)))
    assert got == [(ONE, "checksum"), (TWO, None)]


def test_after_a_corrupt_member_the_next_one_is_found(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(ONE))
    packed[12] ^= 0xFF
    got = unpacked(write(tmp_path / "f", bytes(packed) + gzip.compress(TWO)))
    assert len(got) == 2
    assert got[0][1] in ("corrupt", "checksum")  # type: ignore[index]
    assert got[1] == (TWO, None)


def test_after_a_cut_member_the_next_one_is_found(tmp_path: Path) -> None:
    got = unpacked(write(tmp_path / "f", gzip.compress(ONE)[:-15] + gzip.compress(TWO)))
    assert got[-1] == (TWO, None)
    assert got[0][1] is not None  # type: ignore[index]


def test_junk_between_members_is_a_gap_and_zeros_are_padding(tmp_path: Path) -> None:
    one, two = gzip.compress(ONE), gzip.compress(TWO)
    got = unpacked(write(tmp_path / "f", one + b"\0" * 100 + two + b"junk" + one + b"\0" * 7))
    assert got == [(ONE, None), (TWO, None), Gap(len(one) + 100 + len(two), 4), (ONE, None)]


def test_a_magic_number_that_unpacks_to_something_else_is_no_member(tmp_path: Path) -> None:
    decoy = gzip.compress(b"not what was looked for")
    got = unpacked(write(tmp_path / "f", gzip.compress(ONE) + b"junk" + decoy + gzip.compress(TWO)))
    assert got[1] == Gap(len(gzip.compress(ONE)), 4 + len(decoy))
    assert got[2] == (TWO, None)


def test_a_bomb_ends_the_file_at_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "_FREE_BYTES", 1 << 20)
    bomb = gzip.compress(b"\0" * (8 << 20))
    ((data, damage),) = unpacked(write(tmp_path / "f", bomb + gzip.compress(ONE)), max_expansion=10)  # type: ignore[misc]
    assert damage == "expansion"
    assert len(data) <= 1 << 20


def test_a_cut_zstd_file_gives_what_is_there(tmp_path: Path) -> None:
    packed = pa.compress(ONE * 50_000, codec="zstd", asbytes=True)
    ((data, damage),) = unpacked(write(tmp_path / "f", packed[:-5]))  # type: ignore[misc]
    assert damage == "cut"
    assert (ONE * 50_000).startswith(data)


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=300), st.booleans(), st.integers(0, 400))
def test_no_bytes_raise(tmp_path_factory: pytest.TempPathFactory, junk: bytes, magic: bool, cut: int) -> None:
    path = tmp_path_factory.getbasetemp() / "junk"
    data = (b"\x1f\x8b\x08" if magic else b"") + junk + gzip.compress(ONE)
    found = unpacked(write(path, data[: cut or None]))
    assert all(isinstance(one, Gap) or len(one[0]) <= 300_000 for one in found)


@settings(max_examples=15, deadline=None)
@given(st.integers(20, 5_000), st.integers(0, 255))
def test_every_byte_before_a_fault_is_there(
    tmp_path_factory: pytest.TempPathFactory, at: int, value: int
) -> None:
    noise = b"".join(b"%d, " % (n * n) for n in range(8_000))
    packed = bytearray(gzip.compress(ONE + noise, mtime=0))
    at = len(packed) - at
    packed[at] ^= value
    alone = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    expected = bytearray()
    with contextlib.suppress(zlib.error):
        for byte in packed:
            expected += alone.decompress(bytes([byte]))
    found = unpacked(write(tmp_path_factory.getbasetemp() / "fault.gz", bytes(packed)))
    data, damage = found[0]  # type: ignore[misc]  # a fault may end the member early, then a gap follows
    assert data == bytes(expected)
    assert (damage is None) == (value == 0)


@pytest.mark.parametrize("missing", [1, 2, 5, 8])
def test_a_member_after_a_trailer_that_lacks_bytes_is_found(tmp_path: Path, missing: int) -> None:
    one, two = gzip.compress(ONE), gzip.compress(TWO)
    assert unpacked(write(tmp_path / "f", one[:-missing] + two)) == [(ONE, "checksum"), (TWO, None)]


def test_a_file_whose_first_bytes_are_damaged_goes_on_with_its_second_member(tmp_path: Path) -> None:
    one, two = gzip.compress(ONE), gzip.compress(TWO)
    assert unpacked(write(tmp_path / "f", b"\0" + one[1:] + two)) == [Gap(0, len(one)), (TWO, None)]


def test_damaged_members_have_a_length_that_reaches_to_what_follows(tmp_path: Path) -> None:
    one, two = gzip.compress(ONE), gzip.compress(TWO)
    path = write(tmp_path / "f", one[:30] + b"junk" + two)
    places = []
    for member in read_members(InputFile.at(path), starts=STARTS, max_expansion=500):
        assert not isinstance(member, Gap)
        while member.read():
            pass
        places.append((member.offset, member.offset + member.length))
    assert places == [(0, 34), (34, 34 + len(two))]


def test_plain_data_between_members_is_read(tmp_path: Path) -> None:
    data = gzip.compress(ONE) + TWO + gzip.compress(ONE)
    assert unpacked(write(tmp_path / "f", data)) == [(ONE, None), (TWO, None), (ONE, None)]
