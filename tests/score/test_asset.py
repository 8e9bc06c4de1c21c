from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import polars as pl
import pytest

from assets import quality
from assets.step import Step, Work
from gristmill.documents import DOCUMENTS, frame
from gristmill.hashing import digest_text
from gristmill.recipe import Recipe, parse_recipe
from gristmill.store import Manifest, Shard, Store
from tests.score.texts import documents

RECIPE = """
name: small
sources:
  wiki: {kind: jsonl, inputs: [a.jsonl], text: text, id: id}
  web: {kind: jsonl, inputs: [b.jsonl], text: text, id: id}
quality:
  positives: [{sources: [wiki], min_chars: 1}]
  negatives: [{sources: [web], min_chars: 1}]
  dim: 4
  bucket: 500
"""


def recipe() -> Recipe:
    return parse_recipe(RECIPE, Path("small.yaml"))


def publish(store: Store, name: str, rows: pl.DataFrame) -> Manifest:
    with store.writer(asset=name, partition="s-0", fingerprint=name * 8) as writer:
        writer.write("documents", frame(rows.to_dicts(), DOCUMENTS))
        return writer.publish(version=1, options={}, inputs={}, figures={}, run={})


def run(step: Step, store: Store, inputs: dict[str, list[Manifest]]) -> tuple[Manifest, dict[str, Any]]:
    shard = Shard(0, "s-0", "web", ()) if step.partitioned else None
    with store.writer(asset=step.name, partition="s-0", fingerprint=digest_text(step.name)) as writer:
        work = Work(step, recipe(), store, shard, inputs, writer, cast(Any, None))
        figures = step.run(work)
        return writer.publish(version=1, options={}, inputs={}, figures=figures, run={}), figures


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


def test_a_model_is_trained_on_all_shards_and_scores_every_document(store: Store) -> None:
    train, score = quality.steps(recipe(), "deduped", ("refined", "rephrased"))
    table = documents()
    shards = [publish(store, "deduped", table.head(50)), publish(store, "other", table.slice(50))]
    model, figures = run(train, store, {"deduped": shards})
    examples = store.scan(model, "examples").collect()
    assert examples.columns == ["id", "label", "fold"]
    assert examples.height == 80
    assert figures["auroc"] == 1.0
    assert store.path(model, "quality.bin").stat().st_size > 8000

    texts = {
        "refined": [publish(store, "refined", table.head(7))],
        "rephrased": [publish(store, "rephrased", table.tail(5))],
    }
    scored, figures = run(score, store, {"models/quality": [model], **texts})
    scores = store.scan(scored, "scores").collect()
    assert scores["id"].to_list() == [*table.head(7)["id"], *table.tail(5)["id"]]
    assert scores["quality"].is_between(0, 1).all()
    assert figures["scored"] == 12
    assert figures["quantiles"]["5%"] <= figures["quantiles"]["50%"] <= figures["quantiles"]["95%"]
    assert len(figures["sample"]) == 10
    assert figures["sample"][0]["quality"] == round(scores["quality"].max(), 4)  # type: ignore[arg-type]
    assert 0 < len(figures["scores_plot"]) < 30_000


def test_a_shard_without_documents_has_a_table_of_scores(store: Store) -> None:
    train, score = quality.steps(recipe(), "deduped", ("refined",))
    model, _ = run(train, store, {"deduped": [publish(store, "deduped", documents())]})
    nothing = publish(store, "refined", documents().head(0))
    scored, figures = run(score, store, {"models/quality": [model], "refined": [nothing]})
    assert scored.rows("scores") == 0
    assert figures == {"scored": 0}


def test_only_the_declared_sources_are_read() -> None:
    train, score = quality.steps(recipe(), "deduped", ("refined", "rephrased"))
    assert [(given.asset, given.scope, given.sources) for given in train.inputs] == [
        ("deduped", "all", ("web", "wiki"))
    ]
    assert [given.asset for given in score.inputs] == ["models/quality", "refined", "rephrased"]
    assert score.options("web") == {}
    assert train.options(None)["dim"] == 4
