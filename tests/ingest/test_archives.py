"""Entries of archives: zip and tar, whole, damaged and hostile."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.ingest.packed.archives import (
    Entry,
    Limits,
    archive_kind,
    is_archive,
    read_entries,
    unpack_entries,
)
from gristmill.inputs import InputFile

FILES = {"a.txt": b"one\n", "folder/ünï.txt": b"two\n" * 500, "empty.txt": b"", "deep/er/c.txt": b"three\n"}


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return held.getvalue()


def streamed_zip(files: dict[str, bytes]) -> bytes:
    """A zip file as a pipe gets it: sizes and checksums stand behind the content."""

    class Pipe(io.RawIOBase):
        held = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            self.held += bytes(data)  # type: ignore[call-overload]
            return len(data)  # type: ignore[arg-type]

    pipe = Pipe()
    pipe.held = bytearray()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[type-var]
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return bytes(pipe.held)


def tarred(files: dict[str, bytes], kind: int = tarfile.PAX_FORMAT, *others: tarfile.TarInfo) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", format=kind) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for info in others:
            archive.addfile(info)
    return held.getvalue()


def special(name: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd"
    return info


def entries(path: Path, data: bytes, **limits: int) -> list[Entry]:
    path.write_bytes(data)
    return list(read_entries(InputFile.at(path), Limits(**limits)))


def contents(found: list[Entry]) -> dict[str, bytes]:
    return {one.name: one.data for one in found if one.data is not None}


def rules(found: list[Entry]) -> list[tuple[str, str | None]]:
    return [(one.name, one.rule) for one in found if one.rule is not None]


TAR = tarred(FILES)


@pytest.mark.parametrize(
    "data",
    [
        zipped(FILES),
        zipped(FILES, zipfile.ZIP_STORED),
        zipped(FILES, zipfile.ZIP_BZIP2),
        streamed_zip(FILES),
        TAR,
        tarred(FILES, tarfile.GNU_FORMAT),
        tarred(FILES, tarfile.USTAR_FORMAT),
        gzip.compress(TAR, mtime=0),
        gzip.compress(TAR[:900], mtime=0) + gzip.compress(TAR[900:], mtime=0),
        bz2.compress(TAR),
        bz2.compress(TAR[:900]) + bz2.compress(TAR[900:]),
        lzma.compress(TAR),
        lzma.compress(TAR[:900]) + bytes(8) + lzma.compress(TAR[900:]),
        pa.compress(TAR, codec="zstd", asbytes=True),
        TAR + bytes(10_240),
    ],
)
def test_every_kind_gives_the_same_files(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "no_name_says_so"
    assert contents(entries(path, data)) == FILES
    assert rules(entries(path, data)) == []
    assert is_archive(InputFile.at(path))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        b"x" * 600,
        gzip.compress(b"x" * 600, mtime=0),
        bz2.compress(b"text"),
        b"BZh9 is a word",
        bytes(512),
    ],
)
def test_other_files_are_no_archives(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "f.zip"
    path.write_bytes(data)
    assert archive_kind(InputFile.at(path)) is None


def test_an_office_document_is_no_archive(tmp_path: Path) -> None:
    path = tmp_path / "report.docx"
    path.write_bytes(zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>"}))
    assert not is_archive(InputFile.at(path))


def test_folders_are_no_entries(tmp_path: Path) -> None:
    assert entries(tmp_path / "f", tarred({}, tarfile.PAX_FORMAT, special("folder", tarfile.DIRTYPE))) == []
    assert entries(tmp_path / "f", zipped({"folder/": b""})) == []


def test_places_can_be_read_again(tmp_path: Path) -> None:
    for one in entries(tmp_path / "f", TAR):
        again = io.BytesIO(TAR[one.offset : one.offset + (one.length or 0)])
        with tarfile.open(fileobj=again) as archive:
            members = archive.getmembers()
        assert [(member.name, member.size) for member in members] == [(one.name, one.size)]
    data = zipped(FILES)
    for one in entries(tmp_path / "f", data):
        assert data[one.offset :].startswith(b"PK\x03\x04")
        assert data[one.offset + (one.length or 0) :].startswith((b"PK\x03\x04", b"PK\x01\x02"))


@pytest.mark.parametrize(
    "name", ["../up.txt", "a/../../up.txt", "/etc/passwd", "C:/up.txt", "..\\up.txt", "\\\\host\\up.txt", "."]
)
def test_names_that_lead_out_are_dropped(tmp_path: Path, name: str) -> None:
    for data in (tarred({name: b"x", "a": b"y"}), zipped({name: b"x", "a": b"y"})):
        found = entries(tmp_path / "f", data)
        assert contents(found) == {"a": b"y"}
        assert [rule for _, rule in rules(found)] == ["unsafe_name"]


def test_links_and_devices_are_dropped(tmp_path: Path) -> None:
    kinds = [
        tarfile.SYMTYPE,
        tarfile.LNKTYPE,
        tarfile.CHRTYPE,
        tarfile.BLKTYPE,
        tarfile.FIFOTYPE,
        tarfile.GNUTYPE_SPARSE,
    ]
    found = entries(
        tmp_path / "f", tarred(FILES, tarfile.PAX_FORMAT, *(special(f"s{kind!r}", kind) for kind in kinds))
    )
    assert contents(found) == FILES
    assert [rule for _, rule in rules(found)] == ["not_a_file"] * len(kinds)
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert rules(entries(tmp_path / "f", held.getvalue())) == [("link", "not_a_file")]


def test_the_same_name_twice_is_two_entries(tmp_path: Path) -> None:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for data in (b"old", b"new"):
            info = tarfile.TarInfo("a")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    assert [one.data for one in entries(tmp_path / "f", held.getvalue())] == [b"old", b"new"]


def test_what_cannot_be_unpacked_is_named(tmp_path: Path) -> None:
    found = entries(tmp_path / "f", zipped({"a": b"one"}, zipfile.ZIP_LZMA))
    assert rules(found) == [("a", "unknown_method")]
    data = bytearray(zipped({"a": b"one", "b": b"two"}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    found = entries(tmp_path / "f", bytes(data))
    assert rules(found) == [("a", "encrypted")]
    assert contents(found) == {"b": b"two"}


def test_a_wrong_checksum_drops_the_entry(tmp_path: Path) -> None:
    data = bytearray(zipped({"a": b"one", "b": b"two"}, zipfile.ZIP_STORED))
    data[data.index(b"one")] ^= 1
    found = entries(tmp_path / "f", bytes(data))
    assert rules(found) == [("a", "bad_checksum")]
    assert contents(found) == {"b": b"two"}


@pytest.mark.parametrize("make", [zipped, streamed_zip])
def test_a_cut_zip_gives_the_entries_before_the_cut(tmp_path: Path, make: object) -> None:
    files = {f"{number}.txt": random.Random(number).randbytes(2_000) for number in range(20)}
    data = make(files)  # type: ignore[operator]
    cut = data[: data.index(b"10.txt") + 500]
    found = entries(tmp_path / "f", cut)
    assert contents(found) == {name: files[name] for name in list(files)[:10]}
    assert rules(found) == [("10.txt", "truncated"), ("", "truncated")]


def test_a_zip_without_its_directory_gives_everything(tmp_path: Path) -> None:
    for data in (zipped(FILES), streamed_zip(FILES)):
        found = entries(tmp_path / "f", data[: data.index(b"PK\x01\x02") + 10])
        assert contents(found) == FILES
        assert rules(found) == [("", "truncated")]


@pytest.mark.parametrize("codec", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_a_cut_tar_gives_the_entries_before_the_cut(tmp_path: Path, codec: object) -> None:
    noise = random.Random(1)
    files = {f"{number}.txt": noise.randbytes(2_000) for number in range(900)}
    data = codec(tarred(files, tarfile.USTAR_FORMAT))  # type: ignore[operator]
    found = entries(tmp_path / "f", data[: len(data) * 2 // 3])
    kept = contents(found)
    assert 200 < len(kept) < 900
    assert kept.items() <= files.items()
    assert [rule for _, rule in rules(found)] == ["truncated"]


def test_after_a_damaged_header_the_next_entry_is_found(tmp_path: Path) -> None:
    files = {f"{number}.txt": b"text " * 300 for number in range(4)}
    data = bytearray(tarred(files, tarfile.USTAR_FORMAT))
    data[data.index(b"1.txt")] ^= 0xFF
    found = entries(tmp_path / "f", bytes(data))
    assert list(contents(found)) == ["0.txt", "2.txt", "3.txt"]
    assert rules(found) == [("", "unreadable")]
    assert [one.length for one in found if one.rule] == [2_048]


def test_a_large_entry_is_dropped_and_the_next_is_read(tmp_path: Path) -> None:
    files = {"big": bytes(3_000_000), "small": b"text"}
    for data in (zipped(files), tarred(files), gzip.compress(tarred(files), mtime=0)):
        found = entries(tmp_path / "f", data, max_entry_bytes=1_000_000)
        assert contents(found) == {"small": b"text"}
        assert rules(found) == [("big", "too_large")]


def test_a_bomb_ends_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gristmill.ingest.packed.archives.FREE_BYTES", 1_000_000)
    files = {f"{number:03d}": bytes(400_000) for number in range(50)}
    found = entries(tmp_path / "f", zipped(files), max_expansion=1)
    assert len(contents(found)) == 2
    assert rules(found) == [("002", "too_large")]
    inner = zipped(files)
    found = entries(tmp_path / "f", zipped({"a.zip": inner, "b.zip": inner}), max_expansion=1)
    assert len(contents(found)) == 2
    assert [rule for _, rule in rules(found)] == ["too_large"]


def test_a_zip_whose_entries_overlap_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory with a thousand entries for the same bytes: the total is what is counted."""
    monkeypatch.setattr("gristmill.ingest.packed.archives.FREE_BYTES", 5_000_000)
    data = zipped({"a": bytes(1_000_000)})
    start = data.index(b"PK\x01\x02")
    end = data.rindex(b"PK\x05\x06")
    directory = data[start:end] * 1_000
    tail = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1_000, 1_000, len(directory), start, 0)
    found = entries(tmp_path / "f", data[:start] + directory + tail, max_expansion=1)
    assert len(contents(found)) == 1
    assert sum(one.size for one in found) <= 5_000_000
    assert found[-1].rule == "too_large"


def test_the_number_of_entries_is_bounded(tmp_path: Path) -> None:
    files = {str(number): b"x" for number in range(10)}
    for data in (zipped(files), tarred(files), zipped({"a.zip": zipped(files)})):
        found = entries(tmp_path / "f", data, max_entries=5)
        assert len(found) == 6 - (len(found) == 5)
        assert found[-1].rule == "too_many_entries"


def test_archives_inside_are_opened_to_a_depth(tmp_path: Path) -> None:
    inner = gzip.compress(tarred({"x/a.txt": b"text"}), mtime=0)
    found = entries(tmp_path / "f", zipped({"in.tar.gz": inner, "picture.bin": zipped({"b": b"not opened"})}))
    assert [(one.name, one.offset) for one in found] == [
        ("in.tar.gz/x/a.txt", 0),
        ("picture.bin", found[1].offset),
    ]
    assert found[0].data == b"text"
    nested = b"text"
    for number in range(4):
        nested = zipped({f"{number}.zip" if number else "a.txt": nested})
    assert rules(entries(tmp_path / "f", nested)) == [("3.zip/2.zip/1.zip", "too_deep")]
    assert contents(entries(tmp_path / "f", nested, max_depth=3)) == {"3.zip/2.zip/1.zip/a.txt": b"text"}


def test_a_header_that_asks_for_too_much_memory_is_passed_over(tmp_path: Path) -> None:
    long_name = tarfile.TarInfo("././@LongLink")
    long_name.type, long_name.size = tarfile.GNUTYPE_LONGNAME, 3 << 20
    header = long_name.tobuf(tarfile.GNU_FORMAT)
    data = header + bytes(3 << 20) + tarred({"a": b"one", "b": b"two"}, tarfile.USTAR_FORMAT)
    found = entries(tmp_path / "f", data)
    assert rules(found) == [("a", "unreadable")]
    assert contents(found) == {"b": b"two"}


def test_a_declared_size_beyond_the_file_is_a_cut(tmp_path: Path) -> None:
    info = tarfile.TarInfo("a")
    info.size = 1 << 60
    found = entries(tmp_path / "f", info.tobuf(tarfile.GNU_FORMAT) + b"text")
    assert rules(found) == [("a", "truncated")]


def test_zip64_and_leading_bytes_are_read(tmp_path: Path) -> None:
    held = io.BytesIO()
    with (
        zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a", "w", force_zip64=True) as entry,
    ):
        entry.write(b"text")
    assert contents(entries(tmp_path / "f", held.getvalue())) == {"a": b"text"}
    path = tmp_path / "unpacker"
    path.write_bytes(b"PK\x03\x04" + bytes(60) + zipped(FILES))
    assert contents(list(read_entries(InputFile.at(path), Limits()))) == FILES


def test_memory_is_that_of_one_entry(tmp_path: Path) -> None:
    peaks = []
    for count in (300, 3_000):
        path = tmp_path / f"{count}.tar.gz"
        with tarfile.open(path, "w:gz", compresslevel=1) as archive:
            for number in range(count):
                info = tarfile.TarInfo(f"{number}.txt")
                info.size = 20_000
                archive.addfile(info, io.BytesIO(bytes(20_000)))
        tracemalloc.start()
        assert sum(1 for _ in read_entries(InputFile.at(path), Limits())) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert max(peaks) < 6 << 20
    assert peaks[1] < peaks[0] + (1 << 20)


def test_a_large_entry_is_laid_on_disk_and_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gristmill.ingest.packed.archives._HELD_BYTES", 1_000)
    path = tmp_path / "f.zip"
    path.write_bytes(zipped({"../up": b"x" * 2_000, "large": b"y" * 2_000, "small": b"z"}))
    places = []
    for entry, content in unpack_entries(InputFile.at(path), Limits(max_entry_bytes=None)):
        if content is None:
            assert (entry.name, entry.rule) == ("../up", "unsafe_name")
            continue
        with content.open() as handle:
            assert handle.read() in (b"y" * 2_000, b"z")
        assert (content.name, content.entry, content.size()) == (
            f"f.zip/{entry.name}",
            entry.name,
            entry.size,
        )
        places.append((Path(content.path), content.data is None))
    assert [on_disk for _, on_disk in places] == [True, False]
    assert not any(place.exists() for place, _ in places)


def mutations(data: bytes) -> Iterator[bytes]:
    rng = random.Random(7)
    for _ in range(50):
        cut = rng.randrange(len(data))
        yield data[:cut]
        flipped = bytearray(data)
        for _ in range(rng.randint(1, 4)):
            flipped[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        yield bytes(flipped)
        yield data[:cut] + rng.randbytes(rng.randint(1, 40)) + data[cut + rng.randint(0, 40) :]


SMALL = {f"{number}.txt": b"some text, some more " * number for number in range(1, 8)}


@pytest.mark.parametrize(
    ("data", "is_checked"),
    [
        (zipped(SMALL), True),
        (streamed_zip(SMALL), False),  # its checksums stand in the directory alone
        (zipped(SMALL, zipfile.ZIP_BZIP2), True),
        (tarred(SMALL), False),
        (tarred(SMALL, tarfile.GNU_FORMAT), False),
        (bz2.compress(tarred(SMALL)), True),
        (lzma.compress(tarred(SMALL)), True),
    ],
    ids=["zip", "streamed zip", "bzip2 zip", "pax", "gnu", "tar.bz2", "tar.xz"],
)
def test_damage_never_raises_and_what_is_checked_is_never_wrong(
    tmp_path: Path, data: bytes, is_checked: bool
) -> None:
    path = tmp_path / "f"
    for damaged in mutations(data):
        path.write_bytes(damaged)
        if not is_archive(InputFile.at(path)):
            continue
        found = list(read_entries(InputFile.at(path), Limits()))
        assert all((one.data is None) == (one.rule is not None) for one in found)
        if is_checked:
            assert all(one.data in SMALL.values() for one in found if one.data is not None)


@settings(max_examples=60, deadline=None)
@given(
    files=st.dictionaries(
        st.text(st.characters(codec="utf-8", exclude_characters="\0/\\:."), min_size=1, max_size=60),
        st.binary(max_size=3_000),
        max_size=6,
    )
)
def test_what_was_put_in_comes_out(tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]) -> None:
    files = {name: data for name, data in files.items() if name.strip()}
    path = tmp_path_factory.getbasetemp() / "archive"
    for make in (zipped, tarred):
        path.write_bytes(make(files))  # type: ignore[operator]
        if files:
            assert contents(list(read_entries(InputFile.at(path), Limits()))) == files
