"""Signature files: their bytes, their order, and that a file which reads otherwise is noticed."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from gristmill.dedup import SignatureOptions, export_signatures
from gristmill.dedup.normalise import normalise_texts
from gristmill.dedup.shingles import hash_shingles
from gristmill.dedup.signatures import find_minima
from gristmill.errors import StageError, StoreError
from tests.dedup.texts import make_words, table

TEXTS = [" ".join(make_words(seed, 30)) for seed in (5, 1, 1, 4)]
TEXTS.insert(1, "too short")
OPTIONS = SignatureOptions(preset="fineweb", bands=3, rows=2)


@pytest.mark.parametrize(("precision", "form"), [(64, "<2QI"), (32, "<2II")])
def test_records_are_minima_and_number_in_ascending_order(tmp_path: Path, precision: int, form: str) -> None:
    options = SignatureOptions(preset="fineweb", bands=3, rows=2, precision=precision)
    paths = export_signatures([table(TEXTS[:2]), table(TEXTS[2:])], tmp_path, options=options, rank=7)
    assert [str(path.relative_to(tmp_path)) for path in paths] == [
        f"bucket_{band:03d}/00007.minhash.sig" for band in range(3)
    ]
    normalised = normalise_texts(table(TEXTS)["text"], options.normalise).texts
    minima = find_minima(hash_shingles(normalised, options), options).tolist()
    for band, path in enumerate(paths):
        expected = sorted((*minima[i][2 * band : 2 * band + 2], i) for i in (0, 2, 3, 4))
        assert list(struct.iter_unpack(form, path.read_bytes())) == expected


def test_a_shard_without_shingles_gives_empty_files(tmp_path: Path) -> None:
    assert [path.read_bytes() for path in export_signatures([], tmp_path, options=OPTIONS)] == [b""] * 3
    paths = export_signatures([table(["", "one two"])], tmp_path, options=OPTIONS)
    assert [path.read_bytes() for path in paths] == [b""] * 3


def test_a_file_that_reads_otherwise_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", lambda self, data: write(self, data[:-1]))
    with pytest.raises(StoreError, match="read back otherwise than it was written"):
        export_signatures([table(TEXTS)], tmp_path, options=OPTIONS)


def test_rolling_hashes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="choose preset `fineweb`"):
        export_signatures([table(TEXTS)], tmp_path, options=SignatureOptions())
