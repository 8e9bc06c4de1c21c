from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.errors import StoreError
from gristmill.llm import journal as module
from gristmill.llm.journal import Entry, JournalReader, JournalWriter, without_writer

TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), min_size=1, max_size=3)


def _entry(number: int, text: str = "yes") -> Entry:
    return Entry(f"{number:032x}", "small", "d1", text, "stop", 7, 2, "stub", 1_000_000 + number)


def _write(folder: Path, entries: list[Entry]) -> Path:
    writer = JournalWriter(folder)
    for entry in entries:
        writer.append(entry)
    writer.close()
    return writer.path


def _read(path: Path) -> list[Entry]:
    reader = JournalReader(path)
    reader.advance()
    entries = list(reader.entries())
    reader.close()
    return entries


@settings(max_examples=5, deadline=None)
@given(TEXTS)
def test_a_journal_cut_at_any_byte_holds_the_answers_before_the_cut(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("journals")
    entries = [_entry(number, text) for number, text in enumerate(texts)]
    writer = JournalWriter(folder)
    ends = [0]
    for entry in entries:
        writer.append(entry)
        ends.append(writer.bytes)
    whole = writer.path.read_bytes()
    cut_file = folder / "cut"
    for cut in range(len(whole) + 1):
        cut_file.write_bytes(whole[:cut])
        assert _read(cut_file) == entries[: sum(end <= cut for end in ends) - 1]


@settings(max_examples=5, deadline=None)
@given(TEXTS, st.randoms(use_true_random=False))
def test_a_changed_byte_hides_answers_but_never_changes_one(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], random: object
) -> None:
    folder = tmp_path_factory.mktemp("journals")
    entries = [_entry(number, text) for number, text in enumerate(texts)]
    path = _write(folder, entries)
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x20]) + whole[place + 1 :])
        found = _read(path)
        assert found == entries[: len(found)]
        assert len(found) < len(entries)


def test_a_reader_sees_what_is_written_after_it_was_opened(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path)
    reader = JournalReader(writer.path)
    reader.advance()
    assert reader.keys == []
    writer.append(_entry(1))
    reader.advance()
    assert reader.get(_entry(1).key) == _entry(1)


def test_a_journal_has_a_writer_until_it_is_closed(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path)
    with without_writer(writer.path) as free:
        assert not free
    writer.close()
    with without_writer(writer.path) as free:
        assert free


def test_half_surrogate_pairs_and_control_characters_survive(tmp_path: Path) -> None:
    entry = _entry(1, "a\ud800\x00\n\u2028")
    assert _read(_write(tmp_path, [entry])) == [entry]


def test_after_a_full_disk_the_next_answer_is_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = JournalWriter(tmp_path)
    writer.append(_entry(1))
    real_write = os.write

    def half_then_full(descriptor: int, data: bytes) -> int:
        monkeypatch.setattr(module.os, "write", full)
        return real_write(descriptor, bytes(data)[:10])

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module.os, "write", half_then_full)
    with pytest.raises(StoreError, match="No space left on device; those written before are kept"):
        writer.append(_entry(2))
    monkeypatch.setattr(module.os, "write", real_write)
    writer.append(_entry(3))
    assert _read(writer.path) == [_entry(1), _entry(3)]
