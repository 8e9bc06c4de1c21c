"""The reasons that a cross-check gives, on texts of which it is known how alike they are, with an engine made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from bench import crosscheck
from bench.crosscheck_reasons import (
    BELOW,
    CHAINED,
    CUT,
    MISSED,
    OTHER_WORDS,
    REASONS,
    SHORT,
    UNEXPLAINED,
    Ours,
    Theirs,
    compare,
    count_reasons,
)
from bench.dedup_truth import Hashes, hash_windows
from gristmill.dedup import DedupOptions, SignatureOptions
from tests.dedup.texts import edit, make_words

# Sets of numbers instead of shingles: similarity is easy to see.
BASE = list(range(100))
SETS = {
    "base": BASE,
    "same": BASE,
    "near": BASE[:90],  # 0.9
    "edge": BASE[:81],  # 0.81, which 14 x 8 misses with chance 0.056
    "far": BASE[:50],  # 0.5
    "alien": list(range(1000, 1100)),
    "short": [],
}
IDS = list(SETS)


def shingles(changed: dict[str, list[int]] | None = None) -> Any:
    sets = {**SETS, **(changed or {})}
    return lambda name: hash_windows([str(i) for i in sets[name]], 1)


def judged(
    twins: dict[str, str],
    edges: list[tuple[str, str]],
    *,
    shared: bool = True,
    theirs: dict[str, list[int]] | None = None,
    **given: Any,
) -> Any:
    ours = Ours(
        shingles=shingles(),
        bands=24,
        rows=6,
        ids=IDS,
        twins=twins,
        share_band=lambda a, b: shared,
        cut_short=given.pop("cut_short", set()),
    )
    return compare(ours, Theirs(shingles(theirs), 14, 8, edges=edges, **given), threshold=0.8)


def test_what_both_join_is_no_disagreement() -> None:
    found = judged({"same": "base", "near": "base"}, [("same", "base"), ("near", "same"), ("near", "base")])
    assert (found.pairs_of_both, found.drops_of_both) == (3, 2)
    assert found.only_ours == found.only_theirs == []
    assert found.drops_only_ours == found.drops_only_theirs == {}


def test_a_pair_below_the_threshold_is_their_false_positive() -> None:
    found = judged({}, [("far", "base")])
    assert [one.reason for one in found.only_theirs] == [BELOW]
    assert found.only_theirs[0].our_similarity == found.only_theirs[0].their_similarity == 0.5
    assert found.drops_only_theirs == {"far": BELOW}


def test_a_pair_that_cannot_share_a_band_by_chance_is_unexplained() -> None:
    found = judged({}, [("alien", "base")])
    assert [one.reason for one in found.only_theirs] == [UNEXPLAINED]
    assert found.drops_only_theirs == {"alien": UNEXPLAINED}


def test_other_words_explain_a_pair_on_both_sides() -> None:
    found = judged({"near": "base"}, [], theirs={"near": BASE[:70]})
    assert [one.reason for one in found.only_ours] == [OTHER_WORDS]
    found = judged({}, [("far", "base")], theirs={"far": BASE[:85]})
    assert [one.reason for one in found.only_theirs] == [OTHER_WORDS]


def test_chance_explains_a_missed_pair_at_the_threshold_but_not_equal_sets() -> None:
    found = judged({"edge": "base", "same": "base"}, [])
    assert {one.pair[0]: one.reason for one in found.only_ours} == {"edge": MISSED, "same": UNEXPLAINED}
    assert found.drops_only_ours == {"edge": MISSED, "same": UNEXPLAINED}
    assert found.expected_misses["theirs"] == pytest.approx((1 - 0.81**8) ** 14)
    found = judged({}, [("near", "base")], shared=False)
    assert found.only_theirs[0].reason == UNEXPLAINED  # 24 x 6 misses 0.9 with chance 1e-8


def test_short_texts_are_told_apart() -> None:
    assert [one.reason for one in judged({"short": "base"}, []).only_ours] == [SHORT]
    assert [one.reason for one in judged({}, [("short", "base")]).only_theirs] == [SHORT]


def test_a_link_of_a_cluster_may_be_a_chain() -> None:
    # Each is like the next one by their words (0.82), the first and the last are not (0.43).
    chain = {name: list(range(start, start + 100)) for name, start in
             [("base", 0), ("same", 10), ("near", 20), ("edge", 30), ("far", 40)]}  # fmt: skip
    links = [("far", "base"), ("same", "base"), ("near", "base"), ("edge", "base")]
    found = judged({}, links, theirs=chain, direct=False, complete=False)
    assert {one.pair: one.reason for one in found.only_theirs} == {("far", "base"): CHAINED}
    del chain["edge"]
    found = judged({}, links, theirs=chain, direct=False, complete=False)
    assert {one.pair: one.reason for one in found.only_theirs} == {("far", "base"): BELOW}


def test_a_document_joined_through_later_ones_only_is_chained() -> None:
    found = judged({}, [("alien", "near"), ("alien", "base")], theirs={"alien": BASE[:95]})
    assert found.drops_only_theirs["near"] == CHAINED


def test_a_neighbour_that_we_did_not_drop_is_unexplained_unless_comparisons_were_cut_short() -> None:
    assert judged({}, [("same", "base")]).drops_only_theirs == {"same": UNEXPLAINED}
    assert judged({}, [("same", "base")], cut_short={"same"}).drops_only_theirs == {"same": CUT}


def test_reasons_are_counted_in_their_order() -> None:
    assert list(count_reasons([BELOW, UNEXPLAINED, BELOW])) == [UNEXPLAINED, BELOW]
    assert set(REASONS) >= {SHORT, CHAINED, CUT}


def write_corpus(folder: Path) -> Path:
    words = make_words(1, 400)
    texts = {
        "a": " ".join(words),
        "b": " ".join(edit(words, 0.01, seed=2)),
        "c": " ".join([*make_words(3, 200), *words[:200]]),  # a third of the shingles are common
        "d": "7 1 9",
    }
    path = folder / "corpus.jsonl"
    path.write_text("\n".join(json.dumps({"id": k, "text": v}) for k, v in texts.items()), encoding="utf-8")
    return path


def test_a_report_is_printed_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stub(engine: str, documents: pl.DataFrame) -> dict[str, Any]:
        assert (engine, documents["id"].to_list()) == ("text_dedup", ["a", "b", "c"])
        return {"edges": [["b", "a"], ["c", "a"]], "direct": True, "complete": True}

    monkeypatch.setattr(crosscheck, "run_engine", stub)
    out = tmp_path / "report.json"
    arguments = ["--corpus", str(write_corpus(tmp_path)), "--engine", "text-dedup", "--documents", "3"]
    report = crosscheck.main([*arguments, "--json", str(out)])
    assert report == json.loads(out.read_text(encoding="utf-8"))
    assert report["pairs"] == report["drops"] == {"both": 1, "only_ours": 0, "only_theirs": 1}
    (example,) = report["examples"]
    assert example["ids"] == ["c", "a"]
    assert example["our_similarity"] == pytest.approx(196 / 596, abs=0.01)
    printed = capsys.readouterr().out
    assert "Cross-check with text_dedup: 3 documents, threshold 0.8" in printed
    assert example["reason"] in printed


def test_an_engine_that_is_not_installed_is_skipped_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(crosscheck.harness, "PEERS_FOLDER", crosscheck.harness.ROOT / "nowhere")
    assert crosscheck.main(["--corpus", str(write_corpus(tmp_path))]) is None
    assert "rensa is skipped" in capsys.readouterr().out


@pytest.mark.parametrize("engine", sorted(crosscheck.THEIR_SHINGLES))
def test_the_words_of_an_engine_ignore_case(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Not with spaCy, which takes seconds to import.
    monkeypatch.setattr(crosscheck, "_fineweb", lambda: SignatureOptions(preset="fineweb"))
    count: Any = crosscheck.THEIR_SHINGLES[engine]
    found: Hashes = count("One two three four five six")
    assert len(found) == 2
    assert found.tolist() == count("ONE TWO THREE four five six").tolist()
    assert len(count("one")) == (1 if engine == "rensa" else 0)


def test_our_own_decisions_leave_nothing_unexplained(tmp_path: Path) -> None:
    documents = crosscheck.read_documents(write_corpus(tmp_path), None)
    found = {"edges": [["b", "a"]], "direct": True, "complete": True}
    report = crosscheck.cross_check(documents, "rensa", found, DedupOptions())
    assert report["pairs"] == {"both": 1, "only_ours": 0, "only_theirs": 0}
    assert report["unexplained"] == 0
