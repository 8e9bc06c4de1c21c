"""The same documents through a second engine of deduplication, and why the two disagree wherever they do.

  python -m bench.crosscheck --corpus FILE_OR_FOLDER [--engine rensa|datatrove|text-dedup] [--recipe FILE]
                             [--documents N] [--json FILE]

corpus: as for bench/dedup.py, whose environment holds the engines (scripts/bench dedup makes it). recipe: whose options
of deduplication are checked; default: those of a recipe that says nothing. documents: only the first so many.

Every disagreement is judged by the true Jaccard similarity, counted with our shingles and with the engine's, and gets
one reason of bench/crosscheck_reasons.py. `unexplained` is for what is wrong in one of the two: examples are printed,
cut to where the texts begin to differ. What the bands of either side miss is printed beside what theory expects.
A document counts as dropped by the other engine if it is not the first of its cluster, whichever one the engine keeps.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from bench import harness
from bench.crosscheck_reasons import (
    MISSED,
    REASONS,
    UNEXPLAINED,
    Disagreement,
    Ours,
    Report,
    Theirs,
    compare,
    count_reasons,
)
from bench.dedup_engines import BANDS, ENGINES, NGRAM, ROWS
from bench.dedup_files import find_corpus, read_arrow
from bench.dedup_truth import Hashes, hash_windows, list_words
from gristmill.dedup import DedupOptions, SignatureOptions, compute_signatures, find_duplicates
from gristmill.documents import DROP
from gristmill.hashing import random_u64
from gristmill.recipe import load_recipe

EXAMPLES, UNEXPLAINED_EXAMPLES = 2, 10  # of each reason
EXAMPLE_CHARS = 240
CACHED_TEXTS = 20_000  # whose shingles are held


def main(argv: Sequence[str] | None = None) -> dict[str, Any] | None:
    """Run both engines, print what they agree on, and return the report; None if the engine is not installed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--corpus", type=Path, required=True, metavar="PATH", help="documents")
    parser.add_argument(
        "--engine",
        default="rensa",
        type=lambda name: name.replace("-", "_"),
        choices=sorted(ENGINES),
        help="the other one (default: rensa)",
    )
    parser.add_argument(
        "--recipe", type=Path, metavar="FILE", help="whose options of deduplication are checked"
    )
    parser.add_argument("--documents", type=int, metavar="N", help="only the first N; default: all")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the report with its examples to FILE"
    )
    given = parser.parse_args(argv)

    options = (load_recipe(given.recipe).dedup if given.recipe else None) or DedupOptions()
    documents = read_documents(find_corpus(given.corpus), given.documents)
    found = run_engine(given.engine, documents)
    if found is None:
        print(f"{given.engine} is skipped: it is not installed; scripts/bench dedup installs it")
        return None
    report = cross_check(documents, given.engine, found, options)
    print(render(report))
    if given.json:
        given.json.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return report


def read_documents(corpus: Path, count: int | None) -> pl.DataFrame:
    """id and text of the first so many documents."""
    parts = []
    rows = 0
    for batch in read_arrow(str(corpus)):
        parts.append(pl.DataFrame(batch))
        rows += parts[-1].height
        if count is not None and rows >= count:
            break
    return pl.concat(parts).head(rows if count is None else count)


def run_engine(engine: str, documents: pl.DataFrame) -> dict[str, Any] | None:
    """What the engine joins, as `write_found` of bench/dedup.py writes it; None if it is not installed."""
    with tempfile.TemporaryDirectory() as folder:
        corpus, out = Path(folder) / "corpus.parquet", Path(folder) / "found.json"
        documents.write_parquet(corpus)
        arguments = {"engine": engine, "corpus": str(corpus), "out": str(out)}
        case = harness.Case(engine, "bench.dedup:write_found", arguments, peer=engine)
        if harness.measure(case, runs=1).skipped:
            return None
        told: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
        return told


def cross_check(
    documents: pl.DataFrame, engine: str, found: dict[str, Any], options: DedupOptions
) -> dict[str, Any]:
    """Compare what the engine found with what we find; documents: id, text."""
    texts = dict(documents.iter_rows())
    theirs = Theirs(
        shingles=_cached(lambda name: THEIR_SHINGLES[engine](texts[name])),
        bands=BANDS,
        rows=ROWS,
        edges=[(a, b) for a, b in found["edges"]],
        direct=found["direct"],
        complete=found["complete"],
    )
    report = compare(_find_ours(documents, options), theirs, threshold=options.duplicates.threshold)
    return {
        "engine": engine,
        "documents": documents.height,
        "threshold": options.duplicates.threshold,
        **_figures(report),
        "examples": _choose_examples(report, texts),
    }


def _find_ours(documents: pl.DataFrame, options: DedupOptions) -> Ours:
    signed = compute_signatures(documents, options=options.signatures)
    decisions = find_duplicates(signed, shard="sample", options=options.duplicates)
    row = {name: i for i, name in enumerate(signed["id"])}
    exact = signed.select("exact_hi", "exact_lo", "n_words").rows()
    bands, shingles = signed["bands"], signed["shingles"]
    rules = options.duplicates

    def equal(a: str, b: str) -> bool:
        left, right = exact[row[a]], exact[row[b]]
        return rules.exact and left == right and (left[2] > 0 or not rules.skip_empty)

    return Ours(
        shingles=_cached(lambda name: np.unique(shingles[row[name]].to_numpy())),
        bands=options.signatures.bands,
        rows=options.signatures.rows,
        ids=signed["id"].to_list(),
        twins=dict(decisions.filter(pl.col("action") == DROP).select("id", "other_id").iter_rows()),
        cut_short=set(decisions.filter((pl.col("action") != DROP) & pl.col("detail").is_not_null())["id"]),
        equal=equal,
        share_band=lambda a, b: rules.near and not set(bands[row[a]]).isdisjoint(bands[row[b]]),
        verify=rules.verify,
    )


# -- shingles of the engines ------------------------------------------------------------------------------------


def _rensa_shingles(text: str) -> Hashes:
    return hash_windows(list_words(text.lower()), NGRAM)


def _text_dedup_shingles(text: str) -> Hashes:
    words = re.split(r"\W", text.lower())  # with empty words between marks
    return hash_windows(words, NGRAM) if len(words) >= NGRAM else np.empty(0, np.uint64)


def _datatrove_shingles(text: str) -> Hashes:
    signed = compute_signatures(pl.DataFrame({"id": [""], "text": [text]}), options=_fineweb())
    return np.unique(signed["shingles"][0].to_numpy())


@lru_cache(maxsize=1)
def _fineweb() -> SignatureOptions:
    """Its normalisation and hashes; blanks part words where spaCy is not there, which differs at currency signs."""
    try:
        import spacy  # noqa: F401
    except ImportError:
        return SignatureOptions(preset="fineweb")
    return SignatureOptions(preset="fineweb", words="spacy_en")


THEIR_SHINGLES: dict[str, Callable[[str], Hashes]] = {
    "rensa": _rensa_shingles,
    "datatrove": _datatrove_shingles,
    "text_dedup": _text_dedup_shingles,
}


def _cached(shingles: Callable[[str], Hashes]) -> Callable[[str], Hashes]:
    return lru_cache(maxsize=CACHED_TEXTS)(shingles)


# -- report -----------------------------------------------------------------------------------------------------


def _figures(report: Report) -> dict[str, Any]:
    reasons = {
        "ours": count_reasons(one.reason for one in report.only_ours),
        "theirs": count_reasons(one.reason for one in report.only_theirs),
    }
    return {
        "pairs": {
            "both": report.pairs_of_both,
            "only_ours": len(report.only_ours),
            "only_theirs": len(report.only_theirs),
        },
        "drops": {
            "both": report.drops_of_both,
            "only_ours": len(report.drops_only_ours),
            "only_theirs": len(report.drops_only_theirs),
        },
        "pairs_only_ours": reasons["ours"],
        "pairs_only_theirs": reasons["theirs"],
        "drops_only_ours": count_reasons(report.drops_only_ours.values()),
        "drops_only_theirs": count_reasons(report.drops_only_theirs.values()),
        "misses_expected": {name: round(value, 2) for name, value in report.expected_misses.items()},
        "unexplained": sum(found.get(UNEXPLAINED, 0) for found in reasons.values())
        + sum(
            reason == UNEXPLAINED
            for drops in (report.drops_only_ours, report.drops_only_theirs)
            for reason in drops.values()
        ),
    }


def _choose_examples(report: Report, texts: dict[str, str]) -> list[dict[str, Any]]:
    """Some pairs of each reason, chosen by hash, with both texts cut to where they begin to differ."""
    examples = []
    for side, found in (("ours", report.only_ours), ("theirs", report.only_theirs)):
        for reason in REASONS:
            these = sorted(
                (one for one in found if one.reason == reason),
                key=lambda one: random_u64(0, "crosscheck", "\n".join(one.pair)),
            )
            count = UNEXPLAINED_EXAMPLES if reason == UNEXPLAINED else EXAMPLES
            examples += [_example(side, one, texts) for one in these[:count]]
    return examples


def _example(side: str, one: Disagreement, texts: dict[str, str]) -> dict[str, Any]:
    left, right = (texts[name] for name in one.pair)
    shorter = min(len(left), len(right))
    differ = next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), shorter)
    start = max(0, min(differ - EXAMPLE_CHARS // 2, shorter - EXAMPLE_CHARS))
    return {
        "joined_by": side,
        "reason": one.reason,
        "ids": list(one.pair),
        "our_similarity": one.our_similarity,
        "their_similarity": one.their_similarity,
        "from_character": start,
        "texts": [left[start : start + EXAMPLE_CHARS], right[start : start + EXAMPLE_CHARS]],
    }


def render(report: dict[str, Any]) -> str:
    """The report as text."""
    lines = [
        f"Cross-check with {report['engine']}: {report['documents']:,} documents, threshold {report['threshold']:g}",
        f"{'':8}{'both':>10}{'only ours':>12}{'only theirs':>13}",
    ]
    for what in ("pairs", "drops"):
        both, ours, theirs = report[what].values()
        lines.append(f"{what:8}{both:>10,}{ours:>12,}{theirs:>13,}")
    lines.append(f"\n{'reason':30}{'pairs':>10}{'':12}{'drops':>10}")
    lines.append(f"{'':30}{'only ours':>10}{'only theirs':>12}{'only ours':>10}{'only theirs':>12}")
    columns = ("pairs_only_ours", "pairs_only_theirs", "drops_only_ours", "drops_only_theirs")
    for reason, meaning in REASONS.items():
        counts = [report[column].get(reason, 0) for column in columns]
        if any(counts) or reason == UNEXPLAINED:
            lines.append(
                f"{reason:30}" + "".join(f"{n:>{w},}" for n, w in zip(counts, (10, 12, 10, 12), strict=True))
            )
            lines.append(f"    {meaning}")
    missed = [report[column].get(MISSED, 0) for column in ("pairs_only_ours", "pairs_only_theirs")]
    expected = report["misses_expected"]
    lines.append(
        f"\nMissed by their bands: {missed[0]:,}, by theory at most {expected['theirs']:.1f}; "
        f"by ours: {missed[1]:,}, by theory at most {expected['ours']:.1f}"
    )
    for example in report["examples"]:
        similarities = " / ".join(
            "none" if value is None else f"{value:.3f}"
            for value in (example["our_similarity"], example["their_similarity"])
        )
        lines.append(
            f"\nOnly {example['joined_by']}, {example['reason']}: {' and '.join(example['ids'])}, Jaccard by our words "
            f"/ by theirs {similarities}, from character {example['from_character']:,}"
        )
        lines += [f"  | {' '.join(text.split())}" for text in example["texts"]]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
