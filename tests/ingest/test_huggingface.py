"""Hugging Face dataset folders: which files hold a split, and what each kind of file gives."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.errors import InputError
from gristmill.ingest import HuggingfaceSource
from gristmill.ingest.packed.archives import read_inside
from gristmill.ingest.records import Record
from gristmill.ingest.rows.datasets import dataset_files
from gristmill.ingest.rows.huggingface import read_huggingface
from gristmill.inputs import InputFile

HUB = HuggingfaceSource(kind="huggingface", inputs=("x",))

CARD = """---
license: cc-by-4.0
configs:
- config_name: en
  data_files:
  - split: train
    path: data/en/*.parquet
  - split: test
    path: ["held/en-?.jsonl", "held/more"]
- config_name: de
  default: true
  data_files: "data/de/**"
- config_name: folder
  data_dir: parts
- config_name: metadata
  features: []
---
# A dataset
"""


def files(names: list[str], card: str = "", *, config: str | None = None, split: str = "train") -> list[str]:
    given = {"README.md": card.encode()} if card else {}
    return dataset_files([*names, *given], given.__getitem__, config=config, split=split)


NAMES = [
    "data/en/b.parquet",
    "data/en/a.parquet",
    "data/en/deep/c.parquet",
    "data/de/x/y.parquet",
    "held/en-1.jsonl",
    "held/en-12.jsonl",
    "held/more/z.jsonl",
    "parts/train/1.csv",
    "parts/dev/1.csv",
    ".git/config",
]


@pytest.mark.parametrize(
    ("config", "split", "expected"),
    [
        ("en", "train", ["data/en/a.parquet", "data/en/b.parquet"]),
        ("en", "test", ["held/en-1.jsonl", "held/more/z.jsonl"]),
        ("de", "train", ["data/de/x/y.parquet"]),
        (None, "train", ["data/de/x/y.parquet"]),
        ("folder", "validation", ["parts/dev/1.csv"]),
    ],
)
def test_the_readme_says_which_files(config: str | None, split: str, expected: list[str]) -> None:
    assert files(NAMES, CARD, config=config, split=split) == expected


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet", "data/odd-00000-of-00001.parquet"],
         {"train": 2, "odd": 1}),
        (["train/a.jsonl", "training/b.jsonl", "dev/c.jsonl", "test/d.jsonl"],
         {"train": 2, "validation": 1, "test": 1}),
        (["train.csv", "my_test_file.csv", "eval-1.csv", "contest.csv"], {"train": 1, "test": 2}),
        (["a.jsonl.gz", "sub/b.jsonl.zst", "c.png", "README.md", "dataset_infos.json", "__cache__/d.jsonl"],
         {"train": 2}),
    ],
    ids=["shards", "folders", "names", "all"],
)  # fmt: skip
def test_without_a_readme_names_say_it(names: list[str], splits: dict[str, int]) -> None:
    for split, count in splits.items():
        assert len(dataset_files(names, lambda _: b"", config=None, split=split)) == count
    with pytest.raises(InputError, match="split: got 'trian', the dataset has "):
        dataset_files(names, lambda _: b"", config=None, split="trian")


def test_what_is_not_there_is_named_with_what_is() -> None:
    with pytest.raises(
        InputError, match=r"config: got 'eng', the README declares de, en, folder. Did you mean 'en'\?"
    ):
        files(NAMES, CARD, config="eng")
    with pytest.raises(InputError, match="declares no `configs:`"):
        files(["train.csv"], "# No front matter", config="en")
    with pytest.raises(InputError, match="none; there is no file of a known kind"):
        files(["a.png"])


def test_a_folder_of_save_to_disk_is_what_its_state_says() -> None:
    state = {"_data_files": [{"filename": "data-00000-of-00001.arrow"}], "_split": "test"}
    contents = {
        "dataset_dict.json": b'{"splits": ["train", "test"]}',
        "train/state.json": json.dumps({**state, "_split": "train"}).encode(),
        "test/state.json": json.dumps(state).encode(),
        "train/data-00000-of-00001.arrow": b"",
        "train/cache-0123.arrow": b"",
        "test/data-00000-of-00001.arrow": b"",
    }
    assert dataset_files(list(contents), contents.__getitem__, config=None, split="train") == [
        "train/data-00000-of-00001.arrow"
    ]
    single = {"state.json": json.dumps({**state, "_split": None}).encode(), "data-00000-of-00001.arrow": b""}
    assert dataset_files(list(single), single.__getitem__, config=None, split="train") == [
        "data-00000-of-00001.arrow"
    ]
    del single["data-00000-of-00001.arrow"]
    with pytest.raises(InputError, match="names files that are not there"):
        dataset_files(list(single), single.__getitem__, config=None, split="train")


def test_a_hostile_readme_is_no_readme() -> None:
    laughs = "---\na: &a [x, x]\nb: &b [*a, *a]\nconfigs: *b\n---\n"
    assert files(["train.csv"], laughs) == ["train.csv"]
    assert files(["train.csv"], "---\n" + "[" * 50_000 + "\n---\n") == ["train.csv"]


ROWS = [
    {"id": "a", "text": "one"},
    {"id": "b", "text": 'two, "quoted"\nover lines'},
    {"id": "c", "text": ""},
    {"id": "d"},
]
EXPECTED = [("a", "one", None), ("b", 'two, "quoted"\nover lines', None), ("c", None, "empty_text")]


def read(path: Path, data: bytes, **options: object) -> list[Record]:
    path.write_bytes(data)
    reader = read_inside(read_huggingface, whole=False)
    return list(reader(InputFile.at(path), HUB.model_copy(update=options)))


def outline(records: list[Record]) -> list[tuple[str | None, str | None, str | None]]:
    return [(one.key, one.text, one.rule) for one in records]


def arrow(form: str) -> bytes:
    table = pa.Table.from_pylist(ROWS)
    sink = pa.BufferOutputStream()
    with (pa.ipc.new_stream if form == "stream" else pa.ipc.new_file)(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    return bytes(sink.getvalue())


def parquet() -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(ROWS), sink)
    return bytes(sink.getvalue())


CSV = b'id,text,more\na,one,1\nb,"two, ""quoted""\nover lines",2\nc,"",3\n'
ARRAY = json.dumps(ROWS[:3], indent=2).encode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("f.parquet", parquet()),
        ("f.arrow", arrow("stream")),
        ("f.arrow", arrow("file")),
        ("f.jsonl", b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)),
        ("f.json", b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)),
        ("f.json", ARRAY),
        ("f.json.gz", gzip.compress(ARRAY, mtime=0)),
        ("f.json", b"\xef\xbb\xbf  " + ARRAY),
        ("f.csv", CSV),
        ("f.csv.bz2", bz2.compress(CSV)),
        ("f.csv.xz", lzma.compress(CSV)),
        ("f.tsv", CSV.replace(b", ", b"\x01").replace(b",", b"\t").replace(b"\x01", b", ")),
    ],
    ids=range(12),
)  # fmt: skip
def test_every_kind_of_file_gives_the_same_records(tmp_path: Path, name: str, content: bytes) -> None:
    found = read(tmp_path / name, content)
    assert outline(found)[:3] == EXPECTED
    assert [one.rule for one in found[3:]] in ([], ["missing_text"])


def test_lines_of_plain_text_are_rows(tmp_path: Path) -> None:
    assert [one.text for one in read(tmp_path / "f.txt", b"\xef\xbb\xbfone\r\n\ntwo")] == ["one", "two"]


def test_another_kind_is_a_record(tmp_path: Path) -> None:
    assert [one.rule for one in read(tmp_path / "f.png", b"\x89PNG")] == ["extension"]


def test_a_bad_row_of_csv_is_a_record_and_the_next_is_read(tmp_path: Path) -> None:
    found = read(tmp_path / "f.csv", b"id,text\na,one\nb,two,three,four\nc,four\n")
    assert sorted(outline(found), key=str) == [
        ("a", "one", None),
        ("c", "four", None),
        (None, None, "bad_row"),
    ]
    assert next(one.detail for one in found if one.rule) == "b,two,three,four"


def test_csv_without_the_field_drops_its_rows(tmp_path: Path) -> None:
    assert outline(read(tmp_path / "f.csv", b"id,body\na,one\n")) == [("a", None, "missing_text")]
    assert outline(read(tmp_path / "f.csv", b"id,text\n1,caf\xe9\n")) == [("1", "café", None)]
    utf16 = "id,text\n1,café\n".encode("utf-16")
    assert outline(read(tmp_path / "f.csv", utf16)) == [("1", "café", None)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("f.arrow", arrow("stream")),
        ("f.arrow", arrow("file")),
        ("f.json", ARRAY),
        ("f.json.gz", gzip.compress(ARRAY, mtime=0)),
        ("f.csv.gz", gzip.compress(CSV * 50, mtime=0)),
        ("f.csv", CSV),
    ],
)
def test_a_cut_is_counted_and_never_raises(tmp_path: Path, name: str, content: bytes) -> None:
    for cut in range(1, len(content), max(1, len(content) // 60)):
        found = read(tmp_path / name, content[:cut])
        assert all((one.text is None) == (one.rule is not None) for one in found)
        if name != "f.csv":  # which has no end to be missed
            assert found[-1].rule is not None or len(found) >= 3
    assert read(tmp_path / name, b"") == []


def test_an_array_of_other_things_is_counted(tmp_path: Path) -> None:
    found = read(tmp_path / "f.json", b'[{"text": "one"}, 5, "x", {"text": 7}, {"text": "two"}]')
    assert [(one.text, one.rule) for one in found] == [
        ("one", None), (None, "bad_json"), (None, "bad_json"), (None, "missing_text"), ("two", None)
    ]  # fmt: skip
    found = read(tmp_path / "f.json", b'[{"text": "one"}, {"text": oops}, {"text": "two"}]')
    assert [(one.text, one.rule) for one in found] == [("one", None), (None, "bad_json")]
    found = read(
        tmp_path / "f.json", b'[{"text": "%s"}, {"text": "two"}]' % (b"x" * 5_000), max_record_bytes=1_000
    )
    assert [(one.text, one.rule) for one in found] == [(None, "too_large"), ("two", None)]


def test_places_in_an_array_can_be_read_again(tmp_path: Path) -> None:
    content = json.dumps([{"text": f"tëxt {n} " * 5_000} for n in range(40)], ensure_ascii=False).encode()
    found = read(tmp_path / "f.json", content)
    assert len(found) == 40
    for one in found:
        assert (
            json.loads(content[one.offset : one.offset + (one.length or 0)])["text"].strip()
            == (one.text or "").strip()
        )


def test_json_lines_inside_archives_are_read(tmp_path: Path) -> None:
    import io
    import zipfile

    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("in/f.jsonl", b'{"id": "a", "text": "one"}\n{"id": "b", "text": "two"}\n')
        archive.writestr("in/f.parquet", parquet())
    found = read(tmp_path / "f.zip", held.getvalue())
    assert outline(found) == [("a", "one", None), ("b", "two", None), *EXPECTED, ("d", None, "missing_text")]
    assert found[1].meta == {"entry": "in/f.jsonl", "entry_offset": 27}
    assert found[1].offset == 0
