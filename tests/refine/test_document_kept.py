from __future__ import annotations

from pathlib import Path

import polars as pl

from assets import document_kept, graph
from assets.step import Built, build
from gristmill.documents import DECISIONS, DOCUMENTS
from gristmill.refine import JUDGEMENTS
from gristmill.store import Shard, Store, tables
from resources.tools import Tools
from tests.assets.stores import add_shard, recipe_of
from tests.llm.models import write_model
from tests.refine.corpora import PAGE

TEXTS = {str(number): f"{PAGE}\npage {number}" for number in range(12)} | {"blank": " "}


def _build(folder: Path, store: Store, shard: Shard, options: str = "", document: str = "") -> Built:
    """The step with the stub engine, whose answers depend on the request alone."""
    model = folder / "model"
    if not model.exists():
        write_model(model, weights=False)
    recipe = recipe_of(
        f"models: {{small: {{source: {model}, engine: stub, max_model_len: 4096}}}}\n"
        f"refine: {{model: small, document: {{{document}}}, {options}}}\n",
        "web",
        "code",
    )
    with Tools(
        recipe.models, base=folder, answers=store.files.root / "answers", folder=folder / "models"
    ) as tools:
        return build(document_kept.step(recipe, "filtered"), recipe, store, shard, tools)


def _table(store: Store, built: Built, name: str) -> pl.DataFrame:
    return store.scan(built.manifest, name).collect()


def test_a_shard_is_judged_and_every_judgement_is_kept(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    built = _build(tmp_path, store, add_shard(store, TEXTS))
    kept, decisions, judgements = (
        _table(store, built, name) for name in ("documents", "decisions", "judgements")
    )
    assert kept.schema == pl.Schema(DOCUMENTS)
    assert decisions.schema == pl.Schema(DECISIONS)
    assert judgements.schema == pl.Schema(JUDGEMENTS)
    assert 0 < kept.height < 12
    assert judgements["keep_probability"].null_count() == 1  # of the blank text
    figures = built.manifest.figures
    assert figures["funnel"]["judged"] == 12
    assert figures["dropped_by_rule"] == {"drop_doc": 12 - kept.height, "empty_input": 1}
    assert len(figures["probabilities_plot"]) > 1000
    assert len(figures["sample"]) == 8


def test_another_bound_makes_the_shard_again_and_asks_nothing(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    shard = add_shard(store, TEXTS)
    first = _build(tmp_path, store, shard)
    assert first.usage.sent == 12
    bounded = _build(tmp_path, store, shard, document="min_keep_probability: 0.8")
    assert not bounded.cached
    assert (bounded.usage.sent, bounded.usage.cached) == (0, 12)
    decisions = _table(store, bounded, "decisions").filter(pl.col("bound").is_not_null())
    assert ((decisions["value"] < 0.8) == (decisions["action"] == "drop")).all()


def test_options_of_the_chunk_stage_change_nothing_here(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    shard = add_shard(store, TEXTS)
    _build(tmp_path, store, shard)
    assert _build(tmp_path, store, shard, options="max_ops: 3, chunks: false").cached
    assert not _build(tmp_path, store, shard, options="languages: [de]").cached


def test_row_groups_change_no_byte(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    contents = []
    for rows in (1000, 3):
        store = Store.open(tmp_path / f"store-{rows}")
        monkeypatch.setattr(tables, "ROW_GROUP_ROWS", rows)
        shard = add_shard(store, TEXTS, batch=rows)
        monkeypatch.setattr(tables, "ROW_GROUP_ROWS", 1000)
        built = _build(tmp_path, store, shard)
        contents.append((built.manifest.content, built.manifest.figures))
    assert contents[0] == contents[1]


def test_an_empty_shard_has_its_tables(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    built = _build(tmp_path, store, add_shard(store, {}))
    assert [built.manifest.rows(name) for name in ("documents", "decisions", "judgements")] == [0, 0, 0]


def test_the_graph_has_the_stages_that_the_recipe_wants() -> None:
    def names(refine: str) -> list[str]:
        steps = graph.steps(
            recipe_of(f"models: {{small: {{engine: stub}}}}\nrefine: {{model: small{refine}}}\n")
        )
        return [step.name for step in steps if step.name in ("document_kept", "refined")]

    assert names("") == ["refined"]
    assert names(", document: {}") == ["document_kept", "refined"]
    assert names(", document: {}, chunks: false") == ["document_kept"]
