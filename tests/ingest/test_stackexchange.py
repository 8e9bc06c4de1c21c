"""Dumps of Stack Exchange sites as documents, with a decision for every post."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import polars as pl
import pyarrow as pa
import pytest

from bench.stackexchange import write_dump
from gristmill import documents as data
from gristmill.errors import InputError, RecipeError
from gristmill.ingest import read_shard
from gristmill.ingest.options import StackExchangeSource
from gristmill.ingest.options.stackexchange import site_name
from gristmill.ingest.stackexchange import reader
from gristmill.inputs import InputFile
from gristmill.recipe import parse_recipe
from gristmill.store.registry import Shard, ShardFile, describe_file
from gristmill.tokenizer import Tokenizer

SITE = "mill.example.com"
Rows = list[dict[str, Any]]


def question(number: int, body: str = "<p>Why?</p>", **more: Any) -> dict[str, Any]:
    return {"Id": number, "PostTypeId": 1, "Title": f"Title {number}", "Score": 1, "Body": body, **more}


def answer(number: int, parent: int, body: str = "", **more: Any) -> dict[str, Any]:
    body = body or f"<p>Answer {number}.</p>"
    return {"Id": number, "PostTypeId": 2, "ParentId": parent, "Score": 1, "Body": body, **more}


def comment(number: int, post: int, text: str = "", **more: Any) -> dict[str, Any]:
    return {"Id": number, "PostId": post, "Text": text or f"Comment {number}.", **more}


def xml(table: str, rows: Rows) -> bytes:
    lines = [" ".join(f"{k}={quoteattr(str(v))}" for k, v in row.items()) for row in rows]
    body = "".join(f"  <row {line} />\n" for line in lines)
    return f'<?xml version="1.0" encoding="utf-8"?>\n<{table}>\n{body}</{table}>\n'.encode()


def write(folder: Path, posts: Rows | bytes, comments: Rows = (), users: Rows | None = None) -> list[Path]:  # type: ignore[assignment]
    site = folder / SITE
    site.mkdir(parents=True, exist_ok=True)
    tables = {
        "Posts": posts if isinstance(posts, bytes) else xml("posts", posts),
        "Comments": xml("comments", list(comments)),
    }
    if users is not None:
        tables["Users"] = xml("users", users)
    for name, content in tables.items():
        (site / f"{name}.xml").write_bytes(content)
    return sorted(site.glob("*.xml"))


def options(**more: Any) -> StackExchangeSource:
    return StackExchangeSource(kind="stackexchange", inputs=("x",), **{"min_comments": 0, **more})


def tables(paths: list[Path], given: StackExchangeSource, **more: Any) -> tuple[Rows, pl.DataFrame]:
    """Documents as rows with `meta` taken apart, and decisions; what every shard must keep is checked."""
    files = tuple(describe_file(path, f"{path.parent.name}/{path.name}") for path in paths)
    batches = list(read_shard(Shard(1, "se-0001", "se", files), given, **more))
    documents, decisions = (pl.concat(part) for part in zip(*batches, strict=True))
    data.check_schema(documents, data.DOCUMENTS, "documents")
    data.check_conservation(decisions.height, documents, decisions, "raw")
    return [{**row, "meta": json.loads(row["meta"])} for row in documents.iter_rows(named=True)], decisions


def rules(decisions: pl.DataFrame) -> list[str | None]:
    return decisions["rule"].to_list()


# -- answers ----------------------------------------------------------------------------------------------------


def test_an_answer_has_its_comments_by_date_and_id_and_what_attribution_needs(tmp_path: Path) -> None:
    paths = write(
        tmp_path,
        [question(1), answer(2, 1, Score=3, OwnerUserId=7, CreationDate="2012-01-01T00:00:00.000")],
        [
            comment(5, 2, " last ", CreationDate="2020-01-02", UserId=8),
            comment(4, 2, "b", CreationDate="2020-01-01"),
            comment(
                3, 2, "a", CreationDate="2020-01-01", UserDisplayName="gone", ContentLicense="CC BY-SA 4.0"
            ),
            comment(6, 2, "undated"),
        ],
        [{"Id": 7, "DisplayName": "Zoë & Co"}],
    )
    (row,), decisions = tables(paths, options())
    assert row["text"] == "Answer 2.\nundated\na\nb\nlast"
    assert row["id"] == data.document_id("se", f"{SITE}/2")
    assert (row["url"], row["date"]) == (f"https://{SITE}/a/2", "2012-01-01T00:00:00.000")
    meta = row["meta"]
    assert (meta["site"], meta["post_id"], meta["parent_id"], meta["score"]) == (SITE, 2, 1, 3)
    assert (meta["licence"], meta["author_id"], meta["author"]) == ("CC BY-SA 3.0", 7, "Zoë & Co")
    assert meta["n_comments"] == 4
    assert meta["comments"][1] == {"id": 3, "author": "gone", "licence": "CC BY-SA 4.0"}
    assert meta["comments"][3] == {"id": 5, "author_id": 8, "licence": "CC BY-SA 4.0"}
    assert rules(decisions) == ["question", None]


@pytest.mark.parametrize(
    ("date", "licence"),
    [
        ("2011-04-07T23:59:59.999", "CC BY-SA 2.5"),
        ("2011-04-08T00:00:00.000", "CC BY-SA 3.0"),
        ("2018-05-01T23:59:59.999", "CC BY-SA 3.0"),
        ("2018-05-02T00:00:00.000", "CC BY-SA 4.0"),
        (None, "CC BY-SA"),
    ],
)
def test_a_row_without_licence_has_that_of_its_day(date: str | None, licence: str, tmp_path: Path) -> None:
    dated = {} if date is None else {"CreationDate": date}
    (row,), _ = tables(write(tmp_path, [answer(2, 1, **dated)]), options())
    assert row["meta"]["licence"] == licence


def test_thresholds_name_value_and_bound(tmp_path: Path) -> None:
    paths = write(
        tmp_path,
        [answer(2, 1), answer(3, 1, Score=-2), answer(4, 1)],
        [comment(1, 3), comment(2, 4), comment(3, 1)],
    )
    documents, decisions = tables(paths, options(min_comments=1, min_score=1))
    assert [row["meta"]["post_id"] for row in documents] == [4]
    assert decisions.select("rule", "value", "bound").rows()[:2] == [
        ("min_comments", 0.0, 1.0),
        ("min_score", -2.0, 1.0),
    ]


def test_repeated_texts_mentions_and_caps(tmp_path: Path) -> None:
    said = ["@ann, yes", "Same.", "Same.", "Answer 2.", "  ", "@bob: no @ann"]
    paths = write(tmp_path, [answer(2, 1)], [comment(i, 2, text) for i, text in enumerate(said, 1)])
    (row,), _ = tables(paths, options(mask_mentions=True))
    assert row["text"] == "Answer 2.\n@user, yes\nSame.\n@user: no @ann"
    assert row["meta"]["n_comments"] == 6
    (row,), _ = tables(paths, options(max_comments=1))
    assert row["text"] == "Answer 2.\n@ann, yes"


# -- threads ----------------------------------------------------------------------------------------------------


def test_a_thread_is_the_question_and_its_answers_the_accepted_first(tmp_path: Path) -> None:
    posts = [
        answer(2, 5, Score=9),
        question(5, "<p>Body.</p>", AcceptedAnswerId=8, Tags="<a><b-c>"),
        answer(6, 5, Score=9),
        answer(7, 5, Score=-1),
        answer(8, 5, Score=0),
    ]
    paths = write(tmp_path, posts, [comment(1, 5), comment(2, 8), comment(3, 2)])
    (row,), decisions = tables(paths, options(mode="thread"))
    assert row["text"].split("\n") == [
        *("Title 5", "Body.", "Comment 1."),
        *("Answer 8.", "Comment 2.", "Answer 2.", "Comment 3.", "Answer 6.", "Answer 7."),
    ]
    assert row["url"] == f"https://{SITE}/q/5"
    assert row["meta"]["tags"] == ["a", "b-c"]
    assert [part["id"] for part in row["meta"]["answers"]] == [8, 2, 6, 7]
    assert (row["meta"]["has_accepted"], row["meta"]["n_comments"]) == (True, 3)
    merged = decisions.filter(pl.col("rule") == "part_of_thread")
    assert merged["other_id"].to_list() == [row["id"]] * 4
    (row,), decisions = tables(paths, options(mode="thread", min_score=0, max_answers=2, max_comments=0))
    assert row["text"] == "Title 5\nBody.\nAnswer 8.\nAnswer 2."
    left_out = decisions.filter(pl.col("rule").is_in(["min_score", "max_answers"]))
    assert left_out.select("rule", "value", "bound").rows() == [
        ("max_answers", 3.0, 2.0),
        ("min_score", -1.0, 0.0),
    ]


def test_questions_without_answer_stay_unless_asked_otherwise(tmp_path: Path) -> None:
    paths = write(
        tmp_path,
        [
            question(1),
            question(2, AcceptedAnswerId=99),
            answer(3, 2, Score=-1),
            question(4, Title="", Body=""),
        ],
    )
    documents, decisions = tables(paths, options(mode="thread"))
    assert [row["text"] for row in documents] == ["Title 1\nWhy?", "Title 2\nWhy?\nAnswer 3."]
    assert rules(decisions) == [None, None, "part_of_thread", "empty_text"]
    documents, decisions = tables(paths, options(mode="thread", require_answer=True, min_score=0))
    assert documents == []
    assert rules(decisions) == ["no_answer", "no_answer", "min_score", "no_answer"]


def test_what_has_no_place_is_counted(tmp_path: Path) -> None:
    posts = [
        question(1),
        answer(2, 77),
        {"Id": 3, "PostTypeId": 2, "Body": "no parent"},
        {"Id": 4, "PostTypeId": 5, "Body": "wiki"},
        {"Id": 5, "PostTypeId": 99, "Body": "?"},
        {"Id": "x", "PostTypeId": 1},
        {"PostTypeId": 1},
        answer(6, 1, Score="many"),
        question(1, "<p>Again.</p>"),
        answer(8, 1, "<p>Same.</p>"),
        answer(9, 1, "<p>Same.</p>"),
    ]
    comments = [comment(1, 1), comment(1, 1), comment(2, 99), {"Id": 3, "PostId": "x"}, comment(4, 4)]
    (row,), decisions = tables(write(tmp_path, posts, comments), options(mode="thread"))
    assert row["text"] == "Title 1\nWhy?\nComment 1.\nSame."
    expected = [None, "part_of_thread", "repeated_text", "orphan_answer", "orphan_answer", "post_type"]
    expected += ["unknown_post_type", "bad_integer", "bad_integer", "bad_integer", "repeated_post"]
    expected += ["repeated_comment", "orphan_comment", "bad_integer"]
    assert rules(decisions) == expected
    assert decisions.filter(pl.col("rule") == "bad_integer")["detail"].to_list()[:3] == [
        "Id=x",
        "Id=(missing)",
        "Score=many",
    ]


# -- damage -----------------------------------------------------------------------------------------------------


def test_a_cut_file_keeps_everything_before_the_cut(tmp_path: Path) -> None:
    content = xml("posts", [answer(i, 1) for i in range(2, 9)])
    paths = write(tmp_path, content[:-40])
    documents, decisions = tables(paths, options())
    assert [row["meta"]["post_id"] for row in documents] == [2, 3, 4, 5, 6, 7]
    assert rules(decisions)[-1] == "truncated"
    assert f"byte {len(content) - 40}" in decisions["detail"][-1]


def test_control_characters_are_dropped_and_the_document_says_so(tmp_path: Path) -> None:
    content = xml("posts", [answer(2, 1, "<p>aXb</p>")]).replace(b"aXb", b"a\x0bb")
    (row,), decisions = tables(write(tmp_path, content), options())
    assert row["text"] == "ab"
    assert rules(decisions) == ["control_characters"]
    assert decisions["action"].to_list() == ["keep"]


def test_a_large_row_is_dropped(tmp_path: Path) -> None:
    paths = write(tmp_path, [answer(2, 1, "x" * 3000), answer(3, 1)])
    documents, decisions = tables(paths, options(max_record_bytes=1000))
    assert [row["meta"]["post_id"] for row in documents] == [3]
    assert rules(decisions) == ["too_large", None]


def test_missing_tables(tmp_path: Path) -> None:
    paths = write(tmp_path, [answer(2, 1)], [comment(1, 2)])
    documents, _ = tables([path for path in paths if path.name == "Posts.xml"], options())
    assert documents[0]["text"] == "Answer 2."
    documents, decisions = tables([path for path in paths if path.name == "Comments.xml"], options())
    assert (documents, rules(decisions)) == ([], ["no_posts", "orphan_comment"])


# -- files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["gz", "zst", "zip", "7z", "7z per table"])
def test_packed_dumps_give_the_same_documents(kind: str, tmp_path: Path) -> None:
    paths = write(tmp_path / "plain", [question(1), answer(2, 1)], [comment(1, 2)])
    expected, _ = tables(paths, options())
    packed = _pack(kind, paths, tmp_path)
    files = tuple(describe_file(path, path.relative_to(tmp_path).as_posix()) for path in packed)
    documents = pl.concat([kept for kept, _ in read_shard(Shard(1, "se-0001", "se", files), options())])
    assert documents["text"].to_list() == [expected[0]["text"]]
    assert documents["id"].to_list() == [expected[0]["id"]]
    assert json.loads(documents["meta"][0])["unpacked"] is True


def _pack(kind: str, paths: list[Path], folder: Path) -> list[Path]:
    if kind == "zip":
        with zipfile.ZipFile(folder / f"{SITE}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for path in paths:
                archive.write(path, f"inner/{path.name}")
            archive.writestr("../../Badges.xml", "<badges />")
        return [folder / f"{SITE}.zip"]
    if kind.startswith("7z"):
        py7zr = pytest.importorskip("py7zr")
        names = [f"{SITE}-{path.stem}.7z" for path in paths] if "per" in kind else [f"{SITE}.7z"] * len(paths)
        for name, path in zip(names, paths, strict=True):
            with py7zr.SevenZipFile(folder / name, "a" if (folder / name).exists() else "w") as archive:
                archive.write(path, path.name)
        return sorted({folder / name for name in names})
    packed = []
    (folder / SITE).mkdir()
    for path in paths:
        content = path.read_bytes()
        target = folder / SITE / f"{path.name}.{kind}"
        target.write_bytes(
            gzip.compress(content) if kind == "gz" else pa.compress(content, "zstd", asbytes=True)
        )
        packed.append(target)
    return packed


@pytest.mark.parametrize("kind", ["zip", "7z"])
def test_damaged_archives_are_counted(kind: str, tmp_path: Path) -> None:
    if kind == "7z":
        pytest.importorskip("py7zr")
    (path,) = _pack(kind, write(tmp_path / "plain", [answer(i, 1, "x" * i) for i in range(2, 90)]), tmp_path)
    content = path.read_bytes()
    seen = set()
    for at in range(0, len(content), max(1, len(content) // 60)):
        for damaged in (content[:at], content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]):
            path.write_bytes(damaged)
            _, decisions = tables([path], options(site=SITE))
            seen |= set(rules(decisions))
    assert {"bad_archive", "corrupt_member"} & seen
    assert seen <= {None, "bad_archive", "corrupt_member", "bad_xml", "truncated", "unreadable", "no_posts"}


def test_an_archive_that_unpacks_to_too_much_ends_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gristmill.ingest.stackexchange.tables._FREE_BYTES", 1000)
    for kind in ("zip", "7z"):
        if kind == "7z":
            pytest.importorskip("py7zr")
        (path,) = _pack(
            kind, write(tmp_path / kind, [answer(i, 1, "x" * 5000) for i in range(2, 90)]), tmp_path
        )
        _, decisions = tables([path], options(site=SITE, max_expansion=2))
        assert "too_large" in rules(decisions)


@pytest.mark.parametrize(
    ("path", "site"),
    [
        ("dumps/coffee.stackexchange.com/Posts.xml", "coffee.stackexchange.com"),
        ("coffee.meta.stackexchange.com.7z", "coffee.meta.stackexchange.com"),
        ("stackoverflow.com-Posts.7z", "stackoverflow.com"),
        ("ru.stackoverflow.com/dump/Posts.xml.gz", "ru.stackoverflow.com"),
        ("here/Posts.xml", None),
    ],
)
def test_a_site_is_named_by_its_folder_or_archive(path: str, site: str | None) -> None:
    assert site_name(path) == site


def test_a_site_without_name_is_the_users_error(tmp_path: Path) -> None:
    path = tmp_path / "Posts.xml"
    path.write_bytes(xml("posts", []))
    with pytest.raises(InputError, match="set `site:`"):
        list(reader.read_stackexchange([InputFile("here/Posts.xml", "Posts.xml")], options()))
    assert list(reader.read_stackexchange([InputFile.at(path)], options(site=SITE))) == []


def test_shards_are_whole_sites() -> None:
    def file(path: str, name: str) -> ShardFile:
        return ShardFile(path, name, 1, 1, "d")

    files = [
        file("d/a.example.com/Comments.xml", "Comments.xml"),
        file("d/a.example.com/Posts.xml", "Posts.xml"),
        file("d/b.example.com-Comments.7z", "b.example.com-Comments.7z"),
        file("d/b.example.com-Posts.7z", "b.example.com-Posts.7z"),
        file("d/c.example.com.7z", "c.example.com.7z"),
    ]
    groups = options().group(files)
    assert [[f.name for f in group] for group in groups] == [
        ["a.example.com/Comments.xml", "a.example.com/Posts.xml"],
        ["b.example.com-Comments.7z", "b.example.com-Posts.7z"],
        ["c.example.com.7z"],
    ]
    assert [len(group) for group in options(files_per_shard=2).group(files)] == [4, 1]


# -- lengths ----------------------------------------------------------------------------------------------------


class Letters:
    """A tokenizer of which every character is a token."""

    def count(self, texts: list[str]) -> list[int]:
        return [len(text) for text in texts]

    def cut(self, text: str, max_tokens: int) -> str:
        return text[:max_tokens]

    def encode_prompts(self, prompts: list[str], *, add_special_tokens: bool) -> list[list[int]]:
        return [[0] for _ in prompts]


@pytest.mark.parametrize(
    ("too_long", "texts", "rule"),
    [
        ("truncate", ["0123456789\nfirst"], "cut_to_length"),
        ("split", ["0123456789\nfirst", "second\nthird"], None),
        ("drop", [], "too_long"),
    ],
)
def test_long_documents_are_cut_split_or_dropped(
    too_long: str, texts: list[str], rule: str | None, tmp_path: Path
) -> None:
    said = [comment(1, 2, "first"), comment(2, 2, "second"), comment(3, 2, "third"), comment(4, 3, "short")]
    paths = write(tmp_path, [answer(2, 1, "0123456789"), answer(3, 1, "x")], said)
    given = options(max_tokens=20, too_long=too_long)
    documents, decisions = tables(paths, given, tokenizer=Letters())
    assert [row["text"] for row in documents] == [*texts, "x\nshort"]
    assert decisions["rule"][0] == rule
    if rule is not None:
        assert decisions.select("value", "bound").row(0) == (29.0, 19.0)
    body = write(tmp_path / "long", [answer(2, 1, "0123456789" * 3)])
    documents, _ = tables(body, given, tokenizer=Letters())
    assert [len(row["text"]) for row in documents] == {"truncate": [19], "split": [19, 11], "drop": []}[
        too_long
    ]


def test_a_thread_that_is_dropped_for_its_length_names_that_in_its_answers(tmp_path: Path) -> None:
    paths = write(tmp_path, [question(1, "x" * 30), answer(2, 1)])
    _, decisions = tables(paths, options(mode="thread", max_tokens=20, too_long="drop"), tokenizer=Letters())
    assert rules(decisions) == ["too_long", "thread_dropped"]


def test_a_text_is_cut_between_characters_at_the_tokens_of_a_real_tokenizer(tmp_path: Path) -> None:
    letters = {chr(code): code for code in range(33, 127)} | {chr(code): code for code in range(161, 324)}
    model = {"type": "BPE", "vocab": letters, "merges": []}  # a token for each byte of UTF-8
    parts = {
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False},
        "model": model,
    }
    (tmp_path / "tokenizer.json").write_text(json.dumps({"version": "1.0", "added_tokens": [], **parts}))
    tokenizer = Tokenizer(tmp_path)
    text = "aé🚀 b"
    assert [tokenizer.cut(text, n) for n in range(1, 10)] == [
        "a",
        "a",
        "aé",
        "aé",
        "aé",
        "aé",
        "aé🚀",
        "aé🚀 ",
        text,
    ]


def test_a_recipe_that_measures_tokens_names_a_tokenizer(tmp_path: Path) -> None:
    source = "{kind: stackexchange, inputs: [x.7z], max_tokens: 2048}"
    with pytest.raises(RecipeError, match=r"sources\.a: is measured in tokens; needs `tokenizer:`"):
        parse_recipe(f"name: small\nsources:\n  a: {source}\n", tmp_path / "small.yaml")


# -- size -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["answer", "thread"])
def test_neither_chunks_nor_buckets_change_the_result(mode: str, tmp_path: Path) -> None:
    files = [InputFile.at(path) for path in write_dump(tmp_path, 0.3)]
    given = options(mode=mode)
    expected = list(reader.read_stackexchange(files, given))
    assert len(expected) > 200
    for chunk_bytes, buckets in ((1, 1), (1, 7), (1 << 20, 13)):
        found = reader.read_stackexchange(files, given, chunk_bytes=chunk_bytes, buckets=buckets)
        assert list(found) == expected


@pytest.mark.slow
def test_memory_does_not_grow_with_the_dump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gristmill.ingest.stackexchange.rows._BLOCK_BYTES", 1 << 18)
    peaks = []
    for megabytes in (24, 48):  # below, the buffers are not full yet
        (tmp_path / str(megabytes)).mkdir()
        files = [InputFile.at(path) for path in write_dump(tmp_path / str(megabytes), megabytes)]
        tracemalloc.start()
        for _ in reader.read_stackexchange(files, options(mode="thread"), chunk_bytes=1 << 20, buckets=16):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]
