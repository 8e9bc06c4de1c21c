"""Parquet files as documents."""

from __future__ import annotations

import datetime
import json
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill import documents as data
from gristmill.hashing import digest_bytes
from gristmill.ingest import ParquetSource
from gristmill.ingest.records import Record
from gristmill.ingest.rows.parquet import read_parquet
from gristmill.inputs import InputFile

PARQUET = ParquetSource(kind="parquet", inputs=("x",))


def write(path: Path, table: pa.Table, **options: Any) -> Path:
    pq.write_table(table, path, **options)
    return path


def read(path: Path, **options: object) -> list[Record]:
    return list(read_parquet(InputFile.at(path), PARQUET.model_copy(update=options)))


def outline(records: list[Record]) -> list[tuple[str | None, str | None, str | None]]:
    return [(one.key, one.text, one.rule) for one in records]


TEXTS = ["one", "zwei ü", "three"]


@pytest.mark.parametrize(
    "kind",
    [
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.binary(),
        pa.large_binary(),
        pa.dictionary(pa.int32(), pa.string()),
    ],
    ids=str,
)
def test_every_type_of_text_is_read(tmp_path: Path, kind: pa.DataType) -> None:
    column = (
        pa.array(TEXTS, pa.string()).cast(kind)
        if "binary" not in str(kind)
        else pa.array([t.encode() for t in TEXTS], kind)
    )
    path = write(tmp_path / "f", pa.table({"text": column, "id": [1, 2, 3]}))
    found = read(path)
    assert outline(found) == [("1", "one", None), ("2", "zwei ü", None), ("3", "three", None)]
    assert [one.digest for one in found] == [digest_bytes(text.encode()) for text in TEXTS]
    assert [(one.offset, one.length) for one in found] == [(0, None), (1, None), (2, None)]


def test_declared_fields_are_taken_also_from_structs(tmp_path: Path) -> None:
    table = pa.table(
        {
            "body": [{"content": "one", "n": 1}, {"content": "two", "n": 2}, None],
            "ref": ["a", "b", "c"],
            "info": [{"where": {"url": "https://example.org/1"}, "code": "en"}] * 3,
            "when": pa.array([datetime.datetime(2024, 3, 1, 12)] * 3, pa.timestamp("ns")),
            "a.b": ["dotted"] * 3,
        }
    )
    fields = {
        "text": "body.content",
        "id": "ref",
        "url": "info.where.url",
        "date": "when",
        "lang": "info.code",
    }
    found = read(write(tmp_path / "f", table), **fields, meta=("body.n", "a.b", "nowhere", "no.where"))
    assert outline(found) == [("a", "one", None), ("b", "two", None), ("c", None, "missing_text")]
    assert (found[0].url, found[0].date, found[0].lang) == (
        "https://example.org/1",
        "2024-03-01T12:00:00",
        "en",
    )
    assert found[0].meta == {"body.n": 1, "a.b": "dotted"}


def test_values_of_meta_are_json(tmp_path: Path) -> None:
    table = pa.table(
        {
            "text": ["one"],
            "list": [[1, 2]],
            "map": pa.array([[("k", 1.5)]], pa.map_(pa.string(), pa.float64())),
            "nan": [float("nan")],
            "decimal": [Decimal("1.50")],
            "day": [datetime.date(2024, 3, 1)],
            "zoned": pa.array([0], pa.timestamp("us", "UTC")),
            "ns": pa.array([1], pa.timestamp("ns")),
            "bytes": [b"\xffa"],
            "flag": [True],
            "nothing": pa.nulls(1),
        }
    )
    names = tuple(name for name in table.column_names if name != "text")
    meta = json.loads(data.to_meta(read(write(tmp_path / "f", table), meta=names)[0].meta))
    assert meta["list"] == [1, 2]
    assert meta["map"] == [["k", 1.5]]
    assert meta["decimal"] == "1.50"
    assert meta["day"] == "2024-03-01"
    assert meta["zoned"].startswith("1970-01-01T00:00:00")
    assert meta["bytes"] == "\ufffda"
    assert meta["flag"] is True
    assert not {"nan", "nothing"} & set(meta)


@pytest.mark.parametrize(
    ("column", "detail"),
    [
        (None, "field 'text' is missing"),
        (pa.array([1, 2]), "field 'text' is 1, must be text"),
        (pa.array([["a"], ["b"]]), "field 'text' is ['a'], must be text"),
        (pa.nulls(2), "field 'text' is None, must be text"),
        (pa.array([None, None], pa.string()), "field 'text' is None, must be text"),
    ],
)
def test_a_row_without_text_is_a_record(tmp_path: Path, column: pa.Array | None, detail: str) -> None:
    table = pa.table({"id": ["a", "b"], **({} if column is None else {"text": column})})
    found = read(write(tmp_path / "f", table))
    assert outline(found) == [("a", None, "missing_text"), ("b", None, "missing_text")]
    assert found[0].detail == detail


def test_blank_and_large_texts_are_dropped_with_their_size(tmp_path: Path) -> None:
    path = write(tmp_path / "f", pa.table({"text": [" \n\t", "", "x" * 5_000, "good"]}))
    found = read(path, max_record_bytes=4_000)
    assert [one.rule for one in found] == ["empty_text", "empty_text", "too_large", None]
    assert (found[2].value, found[2].bound) == (5_000.0, 4_000.0)


def test_ids_are_text_or_whole_numbers(tmp_path: Path) -> None:
    for ids, keys in (([1, None], ["1", None]), (["", "b"], [None, "b"]), ([1.5, 2.0], [None, None])):
        found = read(write(tmp_path / "f", pa.table({"text": ["one", "two"], "id": ids})))
        assert [one.key for one in found] == keys


def test_text_that_is_no_utf8_is_repaired(tmp_path: Path) -> None:
    texts = pa.array([b"caf\xe9 one", b"two"], pa.binary())
    broken = pa.Array.from_buffers(pa.string(), 2, texts.buffers())
    found = read(write(tmp_path / "f", pa.table({"text": broken, "url": broken})))
    assert [one.text for one in found] == ["caf\ufffd one", "two"]
    assert found[0].url == "caf\ufffd one"
    assert read(write(tmp_path / "f", pa.table({"text": texts})))[0].text == "café one"


@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "zstd", "brotli", "lz4"])
def test_batches_and_row_groups_change_nothing(tmp_path: Path, codec: str) -> None:
    rng = random.Random(3)
    texts = ["".join(rng.choices("abc \n", k=rng.randint(1, 400))) + "!" for _ in range(5_000)]
    path = write(tmp_path / "f", pa.table({"text": texts}), row_group_size=777, compression=codec)
    found = read(path)
    assert [one.text for one in found] == texts
    assert [one.offset for one in found] == list(range(5_000))


def test_an_empty_file_and_an_empty_table_have_no_records(tmp_path: Path) -> None:
    (tmp_path / "e").write_bytes(b"")
    assert read(tmp_path / "e") == []
    assert read(write(tmp_path / "f", pa.table({"text": pa.array([], pa.string())}))) == []


GROUPS = pa.table(
    {"text": [f"text number {number} {'x' * 50}" for number in range(3_000)], "id": list(range(3_000))}
)


def test_a_cut_file_is_one_record(tmp_path: Path) -> None:
    whole = write(tmp_path / "f", GROUPS).read_bytes()
    for cut in (1, 3, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "g").write_bytes(whole[:cut])
        assert [(one.rule, one.offset, one.length) for one in read(tmp_path / "g")] == [("truncated", 0, cut)]
    (tmp_path / "g").write_bytes(whole[:-12] + b"\xff" * 4 + whole[-8:])
    assert [one.rule for one in read(tmp_path / "g")] == ["unreadable"]


def test_a_damaged_row_group_costs_its_rows_and_they_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "f", GROUPS, row_group_size=1_000, compression="zstd", write_page_checksum=True)
    described = pq.ParquetFile(path).metadata.row_group(1).column(0)
    damaged = bytearray(path.read_bytes())
    middle = described.data_page_offset + described.total_compressed_size // 2
    damaged[middle] ^= 0xFF
    path.write_bytes(damaged)
    found = read(path)
    assert [one.key for one in found if one.rule is None] == [
        str(n) for n in range(3_000) if not 1_000 <= n < 2_000
    ]
    lost = [one for one in found if one.rule]
    assert [(one.rule, one.value, one.offset) for one in lost] == [("unreadable", 1_000.0, 1_000)]
    assert (lost[0].detail or "").startswith("1000 rows of row group 1: ")


def test_damage_never_raises(tmp_path: Path) -> None:
    whole = write(tmp_path / "f", GROUPS.slice(0, 200), row_group_size=50, compression="snappy").read_bytes()
    rng = random.Random(11)
    path = tmp_path / "g"
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 5)):
            damaged[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        found = read(path)
        assert found
        assert all((one.text is None) == (one.rule is not None) for one in found)


def test_a_value_that_is_repeated_is_not_held_for_every_row(tmp_path: Path) -> None:
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 800, pa.int32()), pa.array(["x" * 1_000_000]))
    path = write(
        tmp_path / "f", pa.table({"text": texts}), dictionary_pagesize_limit=64 << 20, compression="zstd"
    )
    assert path.stat().st_size < 10_000
    options = PARQUET.model_copy(update={"max_expansion": 10_000_000})
    before = pa.total_allocated_bytes()
    held = [pa.total_allocated_bytes() - before for _ in read_parquet(InputFile.at(path), options)]
    assert len(held) == 800
    assert max(held) < 600 << 20
    found = read(path, max_expansion=1)
    assert len(found) == (256 << 20) // 1_000_000 + 1
    assert found[-1].rule == "too_large"


def test_only_declared_columns_are_read(tmp_path: Path) -> None:
    table = GROUPS.append_column("large", pa.array([str(n) * 2_000 for n in range(3_000)]))
    path = write(tmp_path / "f", table, use_dictionary=False, compression="none")
    before = pa.total_allocated_bytes()
    most = max(pa.total_allocated_bytes() - before for _ in read_parquet(InputFile.at(path), PARQUET))
    assert most < 4 << 20


def test_memory_is_flat_in_the_size_of_a_row_group(tmp_path: Path) -> None:
    rng = random.Random(5)
    peaks = []
    for rows in (20_000, 80_000):
        texts = pa.array([rng.randbytes(500).hex() for _ in range(rows)])
        path = write(tmp_path / "f", pa.table({"text": texts}), row_group_size=rows, compression="zstd")
        del texts
        before = pa.total_allocated_bytes()
        peaks.append(
            max(pa.total_allocated_bytes() - before for _ in read_parquet(InputFile.at(path), PARQUET))
        )
    assert max(peaks) < 30 << 20
