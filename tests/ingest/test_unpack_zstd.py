"""zstd files as frames."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import zstandard

from gristmill.ingest.packed.unpack import Gap, read_members
from gristmill.ingest.web.framing import read_warc_records
from gristmill.inputs import InputFile
from tests.ingest.archives import pages

STARTS = re.compile(rb"WARC/")
ONE, TWO = b"WARC/1 one " * 20_000, b"WARC/1 two " * 20_000
SKIPPED = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc"
RECORDS = pages(*"abcdef")
TRAINED = zstandard.train_dictionary(2_000, [one + bytes([n]) for n in range(100) for one in RECORDS])
pack = zstandard.ZstdCompressor(write_checksum=True).compress
pack_trained = zstandard.ZstdCompressor(dict_data=TRAINED).compress


def unpacked(path: Path, data: bytes, max_expansion: int = 500) -> list[tuple[bytes, str | None] | Gap]:
    path.write_bytes(data)
    found: list[tuple[bytes, str | None] | Gap] = []
    for part in read_members(InputFile.at(path), starts=STARTS, max_expansion=max_expansion):
        if isinstance(part, Gap):
            found.append(part)
        else:
            found.append((b"".join(iter(part.read, b"")), part.damage))
    return found


def names(path: Path, data: bytes) -> list[tuple[str, str | None]]:
    path.write_bytes(data)
    records = read_warc_records(InputFile.at(path), max_bytes=1_000_000, max_expansion=500)
    return [(one.headers.get("warc-record-id", "-----")[-2], one.rule) for one in records]


def dictionary(content: bytes) -> bytes:
    return b"\x5d\x2a\x4d\x18" + len(content).to_bytes(4, "little") + content


GOOD = [(name, None) for name in "abcdef"]


def test_frames_come_one_by_one_and_skippable_ones_not_at_all(tmp_path: Path) -> None:
    data = SKIPPED + pack(ONE) + SKIPPED + pack(TWO) + SKIPPED
    assert unpacked(tmp_path / "f", data) == [(ONE, None), (TWO, None)]


def test_a_record_alone_in_its_frame_has_the_frames_place(tmp_path: Path) -> None:
    frames = [pack(one) for one in RECORDS]
    (tmp_path / "f").write_bytes(b"".join(frames))
    records = list(read_warc_records(InputFile.at(tmp_path / "f"), max_bytes=10**6, max_expansion=500))
    assert [one.length for one in records] == [len(frame) for frame in frames]
    assert not any(one.unpacked for one in records)


@pytest.mark.parametrize("size", [1, 100, 333, 5_000])
def test_records_may_be_cut_into_frames(tmp_path: Path, size: int) -> None:
    whole = b"".join(RECORDS)
    frames = [pack(whole[at : at + size]) for at in range(0, len(whole), size)]
    assert names(tmp_path / "f", b"".join(frames)) == GOOD


@pytest.mark.parametrize("packed", [False, True])
def test_a_dictionary_in_front_is_used(tmp_path: Path, packed: bool) -> None:
    content = pack(TRAINED.as_bytes()) if packed else TRAINED.as_bytes()
    data = dictionary(content) + b"".join(map(pack_trained, RECORDS))
    assert names(tmp_path / "f", data) == GOOD


@pytest.mark.parametrize("broken", [b"", b"\x37\xa4\x30\xec" + b"x" * 500, b"\x28\xb5\x2f\xfdxx"])
def test_frames_without_their_dictionary_are_broken_one_by_one(tmp_path: Path, broken: bytes) -> None:
    found = names(
        tmp_path / "f", dictionary(broken) + b"".join(map(pack_trained, RECORDS)) + pack(RECORDS[0])
    )
    assert {rule for _, rule in found[:-1]} == {"corrupt_member"}
    assert found[-1] == ("a", None)


def test_a_wrong_checksum_is_noted_and_the_data_kept(tmp_path: Path) -> None:
    packed = bytearray(pack(ONE))
    packed[-1] ^= 1
    assert unpacked(tmp_path / "f", bytes(packed) + pack(TWO)) == [(ONE, "checksum"), (TWO, None)]


def test_after_a_broken_frame_the_next_one_is_found(tmp_path: Path) -> None:
    packed = bytearray(pack(ONE))
    packed[20:30] = b"\xff" * 10
    found = unpacked(tmp_path / "f", bytes(packed) + b"junk" + pack(TWO))
    assert found[0][1] == "corrupt"  # type: ignore[index]
    assert found[-1] == (TWO, None)


def test_a_cut_frame_gives_its_whole_blocks(tmp_path: Path) -> None:
    ((data, damage),) = unpacked(tmp_path / "f", pack(ONE)[:-9])  # type: ignore[misc]
    assert damage == "cut"
    assert len(data) >= 128 << 10
    assert ONE.startswith(data)


def test_a_bomb_ends_the_file_at_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gristmill.ingest.packed.unpack._FREE_BYTES", 1 << 20)
    ((data, damage),) = unpacked(tmp_path / "f", pack(bytes(50 << 20)) + pack(ONE), max_expansion=10)  # type: ignore[misc]
    assert damage == "expansion"
    assert len(data) <= 1 << 20


def test_zstd_and_gzip_may_follow_each_other(tmp_path: Path) -> None:
    import gzip

    data = pack(RECORDS[0]) + gzip.compress(RECORDS[1]) + b"junk" + pack(RECORDS[2])
    assert [name for name, _ in names(tmp_path / "f", data)] == ["a", "b", "-", "c"]
