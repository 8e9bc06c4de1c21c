from __future__ import annotations

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from gristmill.classifiers import load_classifier, predict_label
from gristmill.documents import DOCUMENTS, frame
from gristmill.errors import ModelError, RecipeError
from gristmill.filter.batch import Batch
from gristmill.filter.classifiers import Classifier, bound_for_recall, judge_by_classifiers
from gristmill.filter.options import ClassifierFilterOptions, ClassifierOptions
from gristmill.filter.training import judge, train
from gristmill.preparations import prepare_texts

MATHS = [
    f"Let $x_{n}$ be a root of the polynomial; by the lemma the ring number {n} is closed." for n in range(60)
]
MARKET = [
    f"On day {n} we bought bread and cheese at the market and had a dinner with wine." for n in range(60)
]


def write_examples(folder: Path) -> ClassifierOptions:
    rows = "".join(json.dumps({"text": text}) + "\n" for text in [*MATHS, "", MATHS[0]])
    (folder / "maths.jsonl.gz").write_bytes(gzip.compress(rows.encode()))
    pl.DataFrame({"text": MARKET}).write_parquet(folder / "market.parquet")
    return ClassifierOptions(
        positives=("maths.jsonl.gz",),
        negatives=("market.parquet",),
        prepare="maths",
        bucket=1000,
        holdout=0.2,
    )


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    folder = tmp_path_factory.mktemp("classifier")
    options = write_examples(folder)
    _, judged = train(options, folder / "model.bin", name="maths", folder=folder)
    return Classifier(load_classifier(folder / "model.bin"), options.prepare, judged)


def batch_of(texts: list[str]) -> Batch:
    return Batch(frame([{"id": str(i), "text": text} for i, text in enumerate(texts)], DOCUMENTS))


def entry(**options: object) -> ClassifierFilterOptions:
    return ClassifierFilterOptions.model_validate({"name": "recall", "model": "maths", **options})


def test_training_on_the_same_files_gives_the_same_bytes(tmp_path: Path) -> None:
    options = write_examples(tmp_path)
    figures, judged = train(options, tmp_path / "a.bin", name="maths", folder=tmp_path)
    train(options, tmp_path / "b.bin", name="maths", folder=tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == (tmp_path / "b.bin").read_bytes()
    assert (figures["train"], figures["holdout"]) == (96, 24)  # the repeated and the empty example are none
    assert judged.group_by("label").len().sort("label").rows() == [("negative", 12), ("positive", 12)]


def test_examples_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    options = write_examples(tmp_path)
    (tmp_path / "maths.jsonl.gz").write_bytes(b"{")
    with pytest.raises(
        RecipeError, match=r"classifiers\.maths\.positives: 'maths\.jsonl\.gz' cannot be read"
    ):
        train(options, tmp_path / "m.bin", name="maths", folder=tmp_path)
    few = options.model_copy(update={"positives": ("few.jsonl",)})
    (tmp_path / "few.jsonl").write_text('{"text": "a"}\n')
    with pytest.raises(RecipeError, match="1 different examples, at least 5 are needed"):
        train(few, tmp_path / "m.bin", name="maths", folder=tmp_path)


def test_each_entry_scores_what_is_left_and_drops_what_is_below(classifier: Classifier) -> None:
    batch = batch_of([MATHS[3], MARKET[3], MATHS[4]])
    entries = [
        entry(target_recall=0.98),
        entry(name="shown", max_chars=20),
        entry(name="none", min_score=1.0),
    ]
    judge_by_classifiers(batch, entries, {"maths": classifier})
    first, shown, _ = (batch.measures[f"score_{name}"].to_list() for name in ("recall", "shown", "none"))
    assert first[0] > 0.5 > first[1]
    assert shown[1] is None
    assert batch.decide()["rule"].to_list() == ["classifiers.none", "classifiers.recall", "classifiers.none"]


def test_a_score_does_not_depend_on_the_batch(classifier: Classifier) -> None:
    texts = [*MATHS[:5], *MARKET[:5], ""]
    together = classifier.score(pl.Series(texts), "positive", None)
    assert together.to_list() == [classifier.score(pl.Series([text]), "positive", None)[0] for text in texts]
    assert together[-1] is None


def test_the_two_labels_share_one(classifier: Classifier) -> None:
    scores = [classifier.score(pl.Series(MATHS[:3]), label, None) for label in ("positive", "negative")]
    assert (scores[0] + scores[1]).to_list() == pytest.approx([1.0] * 3)


def test_an_unknown_model_or_label_is_named(classifier: Classifier) -> None:
    with pytest.raises(RecipeError, match="unknown classifier 'math'; declared: maths"):
        judge_by_classifiers(batch_of(["a"]), [entry(model="math")], {"maths": classifier})
    with pytest.raises(ModelError, match="got label 'hq'; this model knows: negative, positive"):
        predict_label(classifier.model, pl.Series(["a"]), "hq")
    bare = Classifier(classifier.model, classifier.prepare)
    with pytest.raises(ModelError, match="give `min_score`"):
        judge_by_classifiers(batch_of(["a"]), [entry(target_recall=0.9)], {"maths": bare})


def test_the_bound_keeps_the_wanted_share_of_positives() -> None:
    judged = pl.DataFrame(
        {"label": ["positive"] * 4 + ["negative"] * 2, "score": [0.9, 0.8, 0.6, 0.2, 0.5, 0.1]}
    )
    assert bound_for_recall(judged, 0.75) == pytest.approx((0.6 + 0.5) / 2)
    assert bound_for_recall(judged, 0.76) == pytest.approx((0.2 + 0.1) / 2)
    assert bound_for_recall(judged.head(4), 1.0) == pytest.approx(0.1)
    for recall in (0.3, 0.5, 0.75, 1.0):
        kept = judged.filter(pl.col("score") >= bound_for_recall(judged, recall))["label"]
        assert (kept == "positive").sum() / 4 >= recall
    assert judge(judged)["at_score"][4] == {"score": 0.5, "recall": 0.75, "precision": 0.75, "kept": 0.6667}


def test_options_are_either_a_file_or_examples() -> None:
    for wrong in ({}, {"positives": ["a"]}, {"path": "a.bin", "positives": ["a"], "negatives": ["b"]}):
        with pytest.raises(ValueError, match="needs"):
            ClassifierOptions.model_validate(wrong)
    with pytest.raises(ValueError, match="give one"):
        entry(min_score=0.5, target_recall=0.9)


def test_mathematics_is_prepared_as_one_mark_per_formula() -> None:
    text = "Ünit 12: $x^2$, $$a\n= b$$ and \\(c\\); “costs” $5 and $6. `code` \\begin{align}y\\end{align}"
    assert prepare_texts(pl.Series([text]), "maths").item() == (
        'unit 00: [equation] , [equation] and [equation] ; "costs" $0 and $0. [code] [equation]'
    )
