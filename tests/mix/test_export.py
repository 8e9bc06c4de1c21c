from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gristmill.errors import StageError, StoreError
from gristmill.hashing import digest_file
from gristmill.mix import MixOptions, ShardWriter, TokenShards, export_shards, plan_mixture
from gristmill.store import Manifest, Store
from tests.mix.builders import Characters, contents, select, text_of, texts_of


def _publish(store: Store, count: int, fingerprint: str = "aa11", texts: int | None = None) -> Manifest:
    """A corpus of `count` documents, of which the first `texts` have a text."""
    selection = select(*((f"d{n:02}", "web", 3 + n % 6) for n in range(count)))
    options = MixOptions(shard_tokens=25)
    mixture = plan_mixture(selection, options)
    with store.writer(asset="mixed", partition=None, fingerprint=fingerprint) as output:
        writer = ShardWriter(mixture.order, tokenizer=Characters(), options=options, new_file=output.file)
        writer.write(texts_of(selection).head(texts or count), asset="refined")
        figures = {**mixture.figures, **writer.close(), "tokenizer": {"name": "characters", "digest": "0"}}
        output.write("index", writer.index)
        output.write("mixture", mixture.groups)
        return output.publish(version=1, options={}, inputs={}, figures=figures, run={})


def test_files_have_plain_names_and_the_reader_opens_them(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    exported = export_shards(store, _publish(store, 6), tmp_path / "out")
    assert sorted(contents(tmp_path / "out")) == sorted(exported.files)
    assert exported.files == (
        "corpus-00000.bin",
        "corpus-00000.idx",
        "corpus-00001.bin",
        "corpus-00001.idx",
        "index.parquet",
        "mixture.parquet",
        "manifest.json",
    )
    corpus = TokenShards(tmp_path / "out")
    assert (len(corpus), corpus.tokens) == (exported.documents, exported.tokens) == (6, 39)
    row = corpus.trace(30)
    assert chr(corpus.read(30, 31)[0]) in text_of(row["id"], row["n_tokens"] - 1) + "\0"


def test_the_manifest_says_what_the_corpus_is(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    export_shards(store, _publish(store, 6), tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["tokenizer"] == {"name": "characters", "digest": "0"}
    assert (manifest["vocab_size"], manifest["eos_id"], manifest["dtype"]) == (1000, 0, "uint16")
    assert sum(entry.get("tokens", 0) for entry in manifest["files"]) == manifest["tokens"] == 39
    assert manifest["mixture"][0]["tokens_got"] == 39
    for entry in manifest["files"]:
        assert digest_file(tmp_path / "out" / entry["name"]) == entry["blake2b"]


def test_the_same_export_again_changes_nothing(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    manifest = _publish(store, 6)
    assert not export_shards(store, manifest, tmp_path / "out").unchanged
    before = (tmp_path / "out" / "manifest.json").stat().st_mtime_ns
    assert export_shards(store, manifest, tmp_path / "out").unchanged
    assert (tmp_path / "out" / "manifest.json").stat().st_mtime_ns == before


def test_a_smaller_corpus_replaces_an_earlier_one_without_remains(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    export_shards(store, _publish(store, 30), tmp_path / "out")
    exported = export_shards(store, _publish(store, 3, "bb22"), tmp_path / "out")
    assert sorted(contents(tmp_path / "out")) == sorted(exported.files)
    assert len(TokenShards(tmp_path / "out")) == 3


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("precious")
    with pytest.raises(StoreError, match=r"holds other files, \['thesis\.tex'\]"):
        export_shards(store, _publish(store, 3), tmp_path / "out")
    assert sorted(contents(tmp_path / "out")) == ["thesis.tex"]


def test_a_stopped_export_has_no_manifest_and_the_next_one_completes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(tmp_path / "store")
    export_shards(store, _publish(store, 30), tmp_path / "out")
    manifest, link = _publish(store, 6, "bb22"), os.link

    def stop_at_the_index(source: Path, target: Path) -> None:
        if target.name == "index.parquet":
            raise KeyboardInterrupt
        link(source, target)

    monkeypatch.setattr(os, "link", stop_at_the_index)
    with pytest.raises(KeyboardInterrupt):
        export_shards(store, manifest, tmp_path / "out")
    monkeypatch.undo()
    assert not (tmp_path / "out" / "manifest.json").exists()
    exported = export_shards(store, manifest, tmp_path / "out")
    assert sorted(contents(tmp_path / "out")) == sorted(exported.files)


def test_where_links_are_not_possible_files_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    store = Store.open(tmp_path / "store")
    manifest = _publish(store, 6)
    monkeypatch.setattr(os, "link", refuse)
    export_shards(store, manifest, tmp_path / "out")
    assert (tmp_path / "out" / "corpus-00000.bin").stat().st_nlink == 1
    assert TokenShards(tmp_path / "out").tokens == 39


def test_a_path_that_is_a_file_raises(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    (tmp_path / "out").write_text("")
    with pytest.raises(StoreError, match="export to"):
        export_shards(store, _publish(store, 3), tmp_path / "out")


def test_a_failed_mixture_leaves_nothing_in_the_store(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    with pytest.raises(StageError, match="have no text"):
        _publish(store, 6, texts=5)
    assert store.find("aa11") is None
    assert list((tmp_path / "store").rglob("*corpus*")) == []
