"""The asset step `raw`: what a partition publishes, and what its fingerprint hangs on."""

from __future__ import annotations

import shutil
from pathlib import Path

from assets import raw
from assets.step import Built, build
from gristmill.recipe import load_recipe
from gristmill.register import register_new_files
from gristmill.store import Registry, Store
from tests.assets.stores import NO_TOOLS
from tests.ingest.archives import SAMPLE


def built(folder: Path, options: str = "") -> Built:
    (folder / "in").mkdir(parents=True, exist_ok=True)
    shutil.copy(SAMPLE / "broken_framing.warc.gz", folder / "in")
    text = f"name: mill\nsources:\n  web: {{kind: warc, inputs: [in/*.warc.gz]{options}}}\n"
    (folder / "mill.yaml").write_text(text)
    recipe = load_recipe(folder / "mill.yaml")
    store = Store.open(folder.parent / "store")
    register_new_files(recipe, store)
    (shard,) = Registry(store, recipe.name).shards()
    return build(raw.step(recipe), recipe, store, shard, NO_TOOLS)


def test_the_step_publishes_documents_decisions_and_figures(tmp_path: Path) -> None:
    done = built(tmp_path / "a")
    figures = done.manifest.figures
    assert (figures["rows_in"], figures["rows_out"]) == (8, 5)
    assert figures["dropped_by_rule"] == {"content_length": 1, "truncated": 1, "unreadable": 1}
    assert figures["kept_with_rule"] == {"content_length": 1}
    assert figures["bytes_read"] == (SAMPLE / "broken_framing.warc.gz").stat().st_size
    assert len(figures["sample"]) == 5
    assert done.manifest.rows("documents") == 5
    assert done.manifest.rows("decisions") == 8


def test_the_same_options_are_cached_and_others_are_not(tmp_path: Path) -> None:
    first = built(tmp_path / "a")
    assert not first.cached
    assert built(tmp_path / "a").cached
    assert not built(tmp_path / "a", ", min_chars: 1000").cached


def test_no_path_is_in_the_fingerprint(tmp_path: Path) -> None:
    one, two = built(tmp_path / "x" / "a"), built(tmp_path / "y" / "b")
    assert one.manifest.fingerprint == two.manifest.fingerprint
    assert one.manifest.content == two.manifest.content
