"""Each kind of source, from the recipe to documents and decisions."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill import documents as data
from gristmill.ingest import read_shard
from gristmill.recipe import parse_recipe
from gristmill.register import register_new_files
from gristmill.store import Store
from tests.ingest.archives import page
from tests.ingest.pdfs import pdf
from tests.ingest.test_archives import tarred

ROWS = [
    {"id": "a", "text": "One."},
    {"id": "b", "text": "Two."},
    {"id": "a", "text": "Three."},
    {"id": "c", "text": None},
]


def raw(folder: Path, source: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Documents and decisions of all shards of the one source."""
    recipe = parse_recipe(f"name: mill\nsources:\n  one: {source}\n", folder / "mill.yaml")
    shards = register_new_files(recipe, Store.open(folder / "store")).added
    documents, decisions = [data.empty(data.DOCUMENTS)], [data.empty(data.DECISIONS)]
    for shard in shards:
        for some, said in read_shard(shard.below(folder), recipe.sources["one"]):
            data.check_conservation(said.height, some, said, "raw")
            documents.append(some)
            decisions.append(said)
    return pl.concat(documents), pl.concat(decisions)


def write_html(folder: Path) -> None:
    (folder / "example.org").mkdir()
    (folder / "example.org" / "a.html").write_bytes(page("One."))
    (folder / "example.org" / "b.html").write_bytes(page("Two."))
    (folder / "example.org" / "c.html").write_bytes(b"")


def write_archive(folder: Path) -> None:
    files = {"ü/a.html": page("One."), "b.html": page("Two."), "../c.html": page("Three.")}
    (folder / "site.tar").write_bytes(tarred(files))


def write_text(folder: Path) -> None:
    for name, text in (("a.txt", b"One."), ("b.md", b"---\ntitle: Two\n---\nTwo."), ("c.txt", bytes(99))):
        (folder / name).write_bytes(text)


def write_pdf(folder: Path) -> None:
    for name, content in (("a.pdf", pdf("One.")), ("b.pdf", pdf("Two.")), ("c.pdf", b"%PDF-1.4")):
        (folder / name).write_bytes(content)


def write_parquet(folder: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "a.parquet")


def write_jsonl_archive(folder: Path) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rows.jsonl", "".join(json.dumps(row) + "\n" for row in ROWS))
    (folder / "a.zip").write_bytes(held.getvalue())


def write_dataset(folder: Path) -> None:
    (folder / "README.md").write_text(
        "---\nconfigs:\n- config_name: default\n  data_files: '*.parquet'\n---\n"
    )
    write_parquet(folder)


KINDS: list[tuple[str, Callable[[Path], None], list[str], list[str | None]]] = [
    ("{kind: html, inputs: ['in/**/*.html'], url_prefix: 'https://', html: {engine: resiliparse}}", write_html,
     ["One.", "Two."], [None, None, "empty_body"]),
    ("{kind: html, inputs: [in/site.tar], html: {engine: resiliparse}}", write_archive,
     ["One.", "Two."], [None, None, "unsafe_name"]),
    ("{kind: text, inputs: ['in/*']}", write_text, ["One.", "Two."], [None, None, "not_text"]),
    ("{kind: pdf, inputs: ['in/*.pdf'], min_chars_per_page: 1.0}", write_pdf,
     ["One.", "Two."], [None, None, "bad_pdf"]),
    ("{kind: parquet, inputs: ['in/*.parquet']}", write_parquet,
     ["One.", "Two.", "Three."], [None, None, "repeated_key", "missing_text"]),
    ("{kind: jsonl, inputs: ['in/*.zip']}", write_jsonl_archive,
     ["One.", "Two.", "Three."], [None, None, "repeated_key", "missing_text"]),
    ("{kind: huggingface, inputs: ['in/*.parquet']}", write_dataset,
     ["One.", "Two.", "Three."], [None, None, "repeated_key", "missing_text"]),
]  # fmt: skip


@pytest.mark.parametrize(("source", "write", "texts", "rules"), KINDS, ids=[kind[0][:30] for kind in KINDS])
def test_every_record_has_a_decision_and_every_kept_one_a_document(
    tmp_path: Path, source: str, write: Callable[[Path], None], texts: list[str], rules: list[str | None]
) -> None:
    (tmp_path / "in").mkdir()
    write(tmp_path / "in")
    documents, decisions = raw(tmp_path, source)
    data.check_schema(documents, data.DOCUMENTS, "documents")
    data.check_schema(decisions, data.DECISIONS, "decisions")
    data.check_conservation(len(rules), documents, decisions, "raw")
    assert documents["text"].to_list() == texts
    assert decisions["rule"].to_list() == rules
    assert all(isinstance(json.loads(meta), dict) for meta in documents["meta"])


def test_keys_are_paths_and_files_are_those_of_the_shard(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write_archive(tmp_path / "in")
    write_html(tmp_path / "in")
    documents, decisions = raw(
        tmp_path,
        "{kind: html, inputs: ['in/**/*.html', in/site.tar], url_prefix: 'https://', html: {engine: resiliparse}}",
    )
    named = dict(zip(documents["id"], documents["file"], strict=True))
    assert named == {
        data.document_id("one", "example.org/a.html"): "example.org/a.html",
        data.document_id("one", "example.org/b.html"): "example.org/b.html",
        data.document_id("one", "site.tar/ü/a.html"): "site.tar",
        data.document_id("one", "site.tar/b.html"): "site.tar",
    }
    assert data.document_id("one", "site.tar/../c.html") in set(decisions["id"])
    assert documents["url"].to_list()[0] == "https://example.org/a.html"


@pytest.mark.parametrize("kind", ["html", "text", "pdf", "parquet", "jsonl", "huggingface"])
def test_an_empty_file_never_stops_a_shard(tmp_path: Path, kind: str) -> None:
    (tmp_path / "in.parquet").write_bytes(b"")
    documents, decisions = raw(tmp_path, f"{{kind: {kind}, inputs: [in.parquet]}}")
    assert documents.height == 0
    assert decisions.height == (kind in ("html", "text", "pdf"))
