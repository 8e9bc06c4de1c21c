"""Stage `contamination`: which documents hold items of evaluation sets, where, and what becomes of them.

An item is found where one stretch of a text holds enough of its words in n-grams that the item has, wherever in the
stretch they stand: so a few changed words, or a question and its answer apart, do not hide it. Words count less the
more items share their n-grams. Of two items that claim the same words the one with more of them is named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from gristmill.contamination import _kernels
from gristmill.contamination.index import Index
from gristmill.contamination.options import ContaminationOptions
from gristmill.contamination.words import Words, hash_words
from gristmill.documents import DECISIONS, DROP, EDIT, KEEP, Schema, frame, to_meta

EVIDENCE: Schema = {
    "id": pl.String,  # of the document
    "benchmark": pl.String,
    "item": pl.String,
    "part": pl.String,  # `question`, or `whole` with choices and answer
    "share": pl.Float64,  # of the item's weight that is there
    "words": pl.Float64,  # that weight
    "start": pl.Int32,  # first character of the stretch in the document
    "end": pl.Int32,
    "text": pl.String,  # its first characters
}
RULE = "contaminated"
_GAP_WORDS = 12  # between two n-grams of one stretch
_CLAIMED = 0.7  # share of an item's words that another item has better claim to, and it is not named
_TEXT_CHARS = 300


@dataclass(frozen=True)
class Checked:
    """What became of a batch of documents."""

    documents: pl.DataFrame  # DOCUMENTS: those kept, in order, cut where that was asked for
    decisions: pl.DataFrame  # DECISIONS: one per document that came in, in order
    evidence: pl.DataFrame  # EVIDENCE: one row per stretch, by document, item and place


def check_contamination(documents: pl.DataFrame, index: Index, options: ContaminationOptions) -> Checked:
    """Find the items of `index` in every document, and drop, cut or flag those that hold one.

    A document's rows depend on its text, the items and the options alone. Linear in characters.
    """
    evidence = find_items(documents, index)
    hits = evidence.group_by("id", maintain_order=True).agg(
        pl.col("share").max().alias("value"),
        pl.col("item").unique(maintain_order=True).alias("items"),
        pl.struct("start", "end").alias("spans"),
    )
    found = {row["id"]: row for row in hits.iter_rows(named=True)}
    decisions, texts = [], {}
    for name, text in documents.filter(pl.col("id").is_in(list(found))).select("id", "text").iter_rows():
        action, rest = _act(text, found[name]["spans"], options)
        if action == EDIT:
            texts[name] = rest
        decisions.append(
            {
                "id": name,
                "action": action,
                "rule": RULE,
                "value": found[name]["value"],
                "bound": options.min_share,
                "detail": to_meta({"items": found[name]["items"][:10]}),
            }
        )
    decided = documents.select("id").join(
        frame(decisions, DECISIONS), on="id", how="left", maintain_order="left"
    )
    decided = decided.with_columns(pl.col("action").fill_null(KEEP))
    kept = documents.filter(decided["action"] != DROP)
    if texts:
        cut = pl.DataFrame({"id": list(texts), "_cut": list(texts.values())})
        kept = kept.join(cut, on="id", how="left", maintain_order="left")
        kept = kept.with_columns(text=pl.coalesce("_cut", "text")).drop("_cut")
    return Checked(kept, decided, evidence)


def find_items(documents: pl.DataFrame, index: Index) -> pl.DataFrame:
    """EVIDENCE: every stretch of every document that holds an item.

    Columns in: id (String), text (String; null counts as empty).
    """
    words = hash_words(documents["text"])
    ids, texts = documents["id"], documents["text"]
    rows: list[dict[str, Any]] = []
    for document, hits in _find(words, index).items():
        first = int(words.offsets[document])
        text = texts[document] or ""
        for hit in _best(hits):
            item = index.items[hit.unit // 2]
            for begin, end in hit.spans:
                start, stop = int(words.spans[first + begin, 0]), int(words.spans[first + end - 1, 1])
                rows.append(
                    {
                        "id": ids[document],
                        "benchmark": item.benchmark,
                        "item": item.id,
                        "part": index.units["part"][hit.unit],
                        "share": hit.share,
                        "words": hit.held,
                        "start": start,
                        "end": stop,
                        "text": text[start : min(stop, start + _TEXT_CHARS)],
                    }
                )
    return frame(rows, EVIDENCE)


@dataclass(frozen=True)
class _Hit:
    """A unit that a text holds; spans in words of the text."""

    unit: int
    held: float
    share: float
    spans: tuple[tuple[int, int], ...]


def _find(words: Words, index: Index) -> dict[int, list[_Hit]]:
    room = 1024
    while True:
        found, held = np.empty((room, 4), np.int64), np.empty(room)
        spans = np.empty((4 * room, 2), np.int64)
        n_found, n_spans = _kernels.find_items(
            words.hashes,
            words.offsets,
            index.ngram,
            index.keys,
            index.table,
            index.key_offsets,
            index.key_units,
            index.key_places,
            index.unit_offsets,
            index.weights,
            index.needed,
            index.reach,
            _GAP_WORDS,
            found,
            held,
            spans,
        )
        if n_found <= len(found) and n_spans <= len(spans):
            break
        room = max(n_found, n_spans)
    weight = index.units["weight"].to_numpy()
    hits: dict[int, list[_Hit]] = {}
    for (document, unit, a, b), part in zip(found[:n_found].tolist(), held[:n_found].tolist(), strict=True):
        places = tuple((int(begin), int(end)) for begin, end in spans[a:b])
        hits.setdefault(document, []).append(_Hit(unit, part, part / float(weight[unit]), places))
    return hits


def _best(hits: list[_Hit]) -> list[_Hit]:
    """The hits that name an item: one per item, the part with more words, and none that a better one covers."""
    chosen: list[_Hit] = []
    claimed: set[int] = set()
    for hit in sorted(hits, key=lambda hit: (-hit.held, hit.unit)):
        own = {place for begin, end in hit.spans for place in range(begin, end)}
        if any(other.unit // 2 == hit.unit // 2 for other in chosen):
            continue
        if len(own & claimed) >= _CLAIMED * len(own):
            continue
        claimed |= own
        chosen.append(hit)
    return sorted(chosen, key=lambda hit: hit.unit)


def _act(text: str, spans: list[dict[str, int]], options: ContaminationOptions) -> tuple[str, str]:
    """(action, text that is left)."""
    if options.action != "cut":
        return (DROP if options.action == "drop" else KEEP), text
    rest, at = [], 0
    for span in sorted(spans, key=lambda span: span["start"]):
        rest.append(text[at : max(at, span["start"])])
        at = max(at, span["end"])
    left = "".join([*rest, text[at:]]).strip()
    return (EDIT, left) if len(left) >= options.min_chars_left else (DROP, text)
