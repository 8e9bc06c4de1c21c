"""Rules on text: all of Gopher, C4 and FineWeb together, beside datatrove's, and every decision that differs, by cause.

    python -m bench.filters --texts FILE_OR_FOLDER [--field text] [--max-mb 5] [--peers datatrove] [--json FILE]

The rules are those of FineWeb, in its order: Gopher repetition, Gopher quality, C4 (without its rule on terminal
punctuation), FineWeb's own; neither languages nor URLs. Rates are UTF-8 bytes of text per second of processor time, one
thread, without reading files, compiling and loading spaCy; ours is the median of five passes after a first one, which
counts as `first mb per cpu second`: spaCy's words are remembered from it. `bare loop` reads every character once and
looks up what it is: no pass over the text is faster.

datatrove's filters are called one after the other on its own Document objects, without its pipeline around them.

Causes of a difference to datatrove are found by changing one thing after the other: datatrove -> our compat mode (must
be no difference at all) -> compat mode with our own words -> strict mode.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.harness import Case, Measured, main

PEERS = ("datatrove[processing]==0.10.1", "spacy==3.8.18", "numpy<2.4")

# Ours is timed several times; the first time, when no chunk of spaCy's is known, stands apart.
PASSES = 6

STRICT = "gristmill, strict"
COMPAT = "gristmill, compat (spaCy's words)"
OWN_WORDS = "gristmill, compat with own words"
BARE = "bare loop"
DATATROVE = "datatrove 0.10.1"

# What datatrove calls our rules, in the order in which they are tried.
REASONS = {
    "empty": "empty",
    "gopher_repetition.max_dup_para_ratio": "dup_para_frac",
    "gopher_repetition.max_dup_para_char_ratio": "dup_para_char_frac",
    "gopher_repetition.max_dup_line_ratio": "dup_line_frac",
    "gopher_repetition.max_dup_line_char_ratio": "dup_line_char_frac",
    **{f"gopher_repetition.max_top_{n}_gram_ratio": f"top_{n}_gram" for n in (2, 3, 4)},
    **{f"gopher_repetition.max_dup_{n}_gram_ratio": f"duplicated_{n}_n_grams" for n in range(5, 11)},
    "gopher_quality.min_words": "gopher_short_doc",
    "gopher_quality.max_words": "gopher_long_doc",
    "gopher_quality.min_mean_word_chars": "gopher_below_avg_threshold",
    "gopher_quality.max_mean_word_chars": "gopher_above_avg_threshold",
    "gopher_quality.max_hash_ratio": "gopher_too_many_hashes",
    "gopher_quality.max_ellipsis_ratio": "gopher_too_many_ellipsis",
    "gopher_quality.max_bullet_line_ratio": "gopher_too_many_bullets",
    "gopher_quality.max_ellipsis_line_ratio": "gopher_too_many_end_ellipsis",
    "gopher_quality.min_alpha_word_ratio": "gopher_below_alpha_threshold",
    "gopher_quality.min_stop_words": "gopher_enough_stop_words",
    "c4.filter_lorem_ipsum": "lorem_ipsum",
    "c4.filter_curly_bracket": "curly_bracket",
    "c4.min_sentences": "too_few_sentences",
    "c4.empty": "(ours) no line left",
    "fineweb.empty": "empty",
    "fineweb.min_line_punct_ratio": "line_punct_ratio",
    "fineweb.max_short_line_ratio": "short_line_ratio",
    "fineweb.max_char_dup_ratio": "char_dup_ratio",
    "fineweb.max_newline_word_ratio": "list_ratio",
}
_ORDER = list(REASONS)

# Why a rule can decide otherwise in strict mode on the same words (gristmill/filter/measures.py).
_STRICT_CAUSES = {
    "empty": "empty text: no word, or no character",
    "gopher_quality.min_mean_word_chars": "mean length of punctuation alone",
    "gopher_quality.max_mean_word_chars": "mean length of punctuation alone",
    "gopher_quality.max_bullet_line_ratio": "more bullet marks",
    "gopher_quality.min_stop_words": "stop words in any case",
    **{f"gopher_repetition.max_top_{n}_gram_ratio": "tie of n-grams" for n in (2, 3, 4)},
    **{f"gopher_repetition.max_dup_{n}_gram_ratio": "n-grams equal without blanks" for n in range(5, 11)},
    **{
        f"gopher_repetition.max_dup_{unit}_ratio": "lines and paragraphs: stripped, all line ends"
        for unit in ("para", "para_char", "line", "line_char")
    },
    "c4.empty": "a text without lines is dropped",
    "c4.min_sentences": "blanks after the last sentence",
    **{rule: "lines of FineWeb: stripped, all line ends" for rule in REASONS if rule.startswith("fineweb.")},
}


def cases(options: argparse.Namespace) -> list[Case]:
    """One case per way of filtering; none without texts."""
    if options.texts is None:
        return []
    given = {"texts": str(options.texts.resolve()), "field": options.field, "max_mb": options.max_mb}
    return [
        Case(BARE, "bench.filters:bare_loop", given),
        Case(
            STRICT,
            "bench.filters:ours",
            {**given, "mode": "strict", "words": "unicode", **_keep(options, STRICT)},
        ),
        Case(
            COMPAT,
            "bench.filters:ours",
            {**given, "mode": "compat", "words": "spacy_en", **_keep(options, COMPAT)},
        ),
        Case(
            OWN_WORDS,
            "bench.filters:ours",
            {**given, "mode": "compat", "words": "unicode", **_keep(options, OWN_WORDS)},
        ),
        Case(DATATROVE, "bench.filters:datatrove", {**given, **_keep(options, DATATROVE)}, peer="datatrove"),
    ]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--texts", type=Path, metavar="PATH", help="JSONL (also .gz) or Parquet, or a folder of them"
    )
    parser.add_argument("--field", default="text", help="where the text is (default: text)")
    parser.add_argument("--max-mb", type=float, default=20.0, help="take so much text at most (default: 20)")
    parser.set_defaults(decisions=tempfile.mkdtemp(prefix="bench-filters-"), runs=1)


# -- cases ------------------------------------------------------------------------------------------------------


def ours(texts: str, field: str, max_mb: float, mode: Any, words: str, decisions: str) -> dict[str, float]:
    """All rules by Gristmill."""
    import polars as pl

    from gristmill.documents import DOCUMENTS, frame
    from gristmill.filter.batch import Batch
    from gristmill.filter.options import C4Options, FilterOptions, FineWebOptions, LanguageOptions
    from gristmill.filter.texts import judge_texts

    options = FilterOptions(
        language=LanguageOptions(min_score=None),
        c4=C4Options(filter_no_terminal_punct=False),
        fineweb=FineWebOptions(),
        mode=mode,
        words=words,
    )

    def judge(documents: pl.DataFrame) -> pl.DataFrame:
        batch = Batch(documents)
        nothing = pl.repeat(None, documents.height, dtype=pl.String, eager=True)
        batch.measure(pl.DataFrame({"lang": nothing, "lang_score": nothing.cast(pl.Float64)}))
        judge_texts(batch, options, folder=Path(), threads=1)
        return batch.decide()

    read = _read(texts, field, max_mb)
    documents = frame([{"id": str(i), "text": text} for i, text in enumerate(read)], DOCUMENTS)
    judge(documents.head(2))  # compiles, loads spaCy
    seconds = []
    for _ in range(PASSES):
        started = time.process_time()
        decided = judge(documents)
        seconds.append(time.process_time() - started)
    rules = decided.select(pl.when(pl.col("action") == "drop").then("rule"))["rule"].to_list()
    Path(decisions).write_text(json.dumps(rules), encoding="utf-8")
    told = _figures(read, statistics.median(seconds[1:]), kept=rules.count(None))
    return {**told, "first_mb_per_cpu_second": told["mb"] / seconds[0]}


def datatrove(texts: str, field: str, max_mb: float, decisions: str) -> dict[str, float]:
    """The same rules by datatrove."""
    from datatrove.data import Document
    from datatrove.pipeline.filters import (
        C4QualityFilter,
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
    )

    filters = [
        GopherRepetitionFilter(),
        GopherQualityFilter(),
        C4QualityFilter(filter_no_terminal_punct=False),
        FineWebQualityFilter(),
    ]

    def judge(text: str) -> list[str] | None:
        document = Document(text=text, id="")
        for one in filters:
            found = one.filter(document)
            if found is not True:
                return [type(one).__name__, found[1]]
        return None

    read = _read(texts, field, max_mb)
    judge("This loads spaCy, whatever it says. " * 20)
    started = time.process_time()
    reasons = [judge(text) for text in read]
    seconds = time.process_time() - started
    Path(decisions).write_text(json.dumps(reasons), encoding="utf-8")
    return _figures(read, seconds, kept=reasons.count(None))


def bare_loop(texts: str, field: str, max_mb: float) -> dict[str, float]:
    """One look at every character."""
    import numpy as np
    import polars as pl

    from gristmill.filter import _kernels
    from gristmill.filter._characters import character_bits
    from gristmill.text_buffers import text_buffers

    read = _read(texts, field, max_mb)
    data, offsets = text_buffers(pl.Series(read, dtype=pl.String))
    codes = np.empty(int(np.diff(offsets).max(initial=0)) + 2, np.int32)
    _kernels.count_blanks(data, offsets[:2], character_bits(), codes)  # compiles
    started = time.process_time()
    _kernels.count_blanks(data, offsets, character_bits(), codes)
    return _figures(read, time.process_time() - started, kept=len(read))


def _figures(read: Sequence[str], seconds: float, kept: int) -> dict[str, float]:
    size = sum(len(text.encode()) for text in read)
    return {
        "cpu_seconds": seconds,
        "mb_per_cpu_second": size / 1e6 / seconds,
        "documents": len(read),
        "mb": size / 1e6,
        "kept": kept,
    }


def _keep(options: argparse.Namespace, name: str) -> dict[str, str]:
    return {"decisions": str(_decisions_of(options, name))}


def _decisions_of(options: argparse.Namespace, name: str) -> Path:
    return Path(options.decisions) / f"{name.replace(' ', '-').replace(chr(39), '')}.json"


def _read(path: str, field: str, max_mb: float) -> list[str]:
    texts: list[str] = []
    size = 0
    for text in _texts(Path(path), field):
        size += len(text.encode())
        if texts and size > max_mb * 1e6:
            break
        texts.append(text)
    return texts


def _texts(path: Path, field: str) -> Iterator[str]:
    if path.is_dir():
        for inner in sorted(path.rglob("*")):
            if inner.name.endswith((".jsonl", ".jsonl.gz", ".parquet")):
                yield from _texts(inner, field)
    elif path.suffix == ".parquet":
        import pyarrow.parquet as pq

        for batch in pq.ParquetFile(path).iter_batches(columns=[field]):
            yield from (text for text in batch.column(0).to_pylist() if text)
    else:
        with (
            gzip.open(path, "rt", encoding="utf-8")
            if path.suffix == ".gz"
            else path.open(encoding="utf-8") as lines
        ):
            for line in lines:
                if line.strip() and (text := json.loads(line).get(field)):
                    yield text


# -- what differs -----------------------------------------------------------------------------------------------


def compare(
    strict: Sequence[str | None],
    own_words: Sequence[str | None],
    compat: Sequence[str | None],
    peer: Sequence[list[str] | None],
) -> Counter[tuple[str, str]]:
    """How many documents datatrove and our strict mode decide differently on, by (kind, cause)."""
    found: Counter[tuple[str, str]] = Counter()
    for ours_, words, same, theirs in zip(strict, own_words, compat, peer, strict=True):
        if _as_peer(same) != (theirs and theirs[1]):
            found["compat mode and datatrove differ", f"{_as_peer(same)} != {theirs and theirs[1]}"] += 1
        if _as_peer(ours_) == _as_peer(same):
            continue
        kind = "kept by datatrove only" if same is None else "another rule"
        kind = "kept by us only" if ours_ is None else kind
        causes = []
        if words != same:
            rule = _first_to_differ(words, same)
            causes.append(f"word splitter, near the bound of {rule}")
        if ours_ != words:
            causes.append(_STRICT_CAUSES[_first_to_differ(ours_, words)])
        found[kind, " + ".join(causes)] += 1
    return found


def _first_to_differ(a: str | None, b: str | None) -> str:
    """Of two different decisions the rule that is tried first: it fires in one of them only."""
    return min((rule for rule in (a, b) if rule is not None), key=_ORDER.index)


def _as_peer(rule: str | None) -> str | None:
    return None if rule is None else REASONS[rule]


def _report(options: argparse.Namespace, measured: Sequence[Measured]) -> dict[str, Any]:
    rates = {m.case.name: m.median("mb_per_cpu_second") for m in measured if m.runs}
    told: dict[str, Any] = {}
    if {STRICT, DATATROVE} <= set(rates):
        told["times_datatrove"] = {
            name: rates[name] / rates[DATATROVE] for name in rates if name not in (DATATROVE, BARE)
        }
    paths = [_decisions_of(options, name) for name in (STRICT, OWN_WORDS, COMPAT, DATATROVE)]
    if all(path.exists() for path in paths):
        loaded = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
        told["documents"] = len(loaded[0])
        counted = compare(*loaded).most_common()
        told["differences"] = [{"kind": k, "cause": c, "documents": n} for (k, c), n in counted]
    return told


def _print(told: dict[str, Any]) -> None:
    for name, times in told.get("times_datatrove", {}).items():
        print(f"{name}: {times:,.1f} times datatrove's rate")
    if "differences" in told:
        total = sum(row["documents"] for row in told["differences"])
        print(
            f"\nDecisions of strict mode that differ from datatrove's: {total} of {told['documents']} documents"
        )
        for row in told["differences"]:
            print(f"{row['documents']:6}  {row['kind']:24} {row['cause']}")


def run(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, compare, print; returns the comparison."""
    given: list[argparse.Namespace] = []

    def chosen(options: argparse.Namespace) -> list[Case]:
        given.append(options)
        return cases(options)

    measured = main(__doc__, chosen, argv, add_options=add_options)
    told = _report(given[0], measured)
    _print(told)
    if given[0].json and told:
        written = json.loads(given[0].json.read_text(encoding="utf-8"))
        given[0].json.write_text(json.dumps({**written, **told}, indent=1) + "\n", encoding="utf-8")
    return told


if __name__ == "__main__":
    run()
