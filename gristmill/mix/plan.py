"""The plan of a mixture: which documents are written, how often, and in which order.

A group (natural or synthetic documents of one source) is a stream: all its documents in hashed order, then all of
them again in another order, and so on, cut where its quota of tokens is spent. So a group misses its quota by less
than one document, and each document is used floor or ceil of (quota / available) times.
The streams are merged by progress: a document stands where half of it brings its group's progress. So every stretch
of the corpus has the proportions of the whole; up to any document, a group is off by at most half of its longest
document, and its share of the others' halves. A random shuffle would be off by the root of the number of documents.

Documents that `group` puts together move as one: they stand side by side, in hashed order, and the middle of the group
decides where. So every document is written as often as without groups, and proportions are kept to within a group.

A global step: it holds a row of about 300 bytes for each document to write.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl

from gristmill.documents import NATURAL, Schema
from gristmill.errors import StageError
from gristmill.hashing import random_u64
from gristmill.mix.options import GroupOptions, MixOptions
from gristmill.mix.shares import SYNTHETIC, Group, solve_quotas, solve_shares

ORDER: Schema = {
    "id": pl.String,
    "parent_id": pl.String,
    "source": pl.String,
    "shard": pl.String,
    "asset": pl.String,  # whose table `documents` holds the text
    "method": pl.String,
    "kind": pl.String,  # natural | synthetic
    "epoch": pl.Int32,  # how often the document was used before
    "n_tokens": pl.Int64,  # in the file, with the end-of-text token
    "ends": pl.Boolean,  # false: the next document of its group is joined to it, with no end-of-text token between
}

GROUPS: Schema = {
    "source": pl.String,
    "kind": pl.String,
    "documents_available": pl.Int64,
    "tokens_available": pl.Int64,
    "share_asked": pl.Float64,
    "tokens_asked": pl.Int64,
    "share_got": pl.Float64,
    "tokens_got": pl.Int64,
    "documents_written": pl.Int64,
    "epochs": pl.Float64,  # tokens got / tokens available
}

MAX_GROUPS_SHOWN = 20
_DRAW = "mix"


@dataclass(frozen=True)
class Mixture:
    """What is written, in order, and how that compares with what was asked for."""

    order: pl.DataFrame  # ORDER, one row per document to write
    groups: pl.DataFrame  # GROUPS, by source and kind
    figures: dict[str, Any]


def plan_mixture(selection: pl.DataFrame, options: MixOptions) -> Mixture:
    """Solve the proportions and lay out the corpus.

    selection: id, parent_id, source, shard, asset, method, generation_depth, tokens (without end-of-text) and what
    `group.by` names, one row per document; their order does not count. Raises StageError where the proportions cannot
    be had (see gristmill.mix.shares), or where the total is so small that no document fits.
    """
    candidates = _candidates(selection, options)
    groups = {
        (str(k[0]), str(k[1])): rows
        for k, rows in candidates.partition_by("source", "kind", as_dict=True).items()
    }
    available = {group: int(groups[group]["n_tokens"].sum()) for group in sorted(groups)}
    shares = solve_shares(available, options)
    quotas, scarce = solve_quotas(available, shares, options)
    streams = {group: _stream(groups[group], quotas[group], options) for group in available}
    order = _merge(list(streams.values()))
    if order.is_empty():
        raise StageError(
            f"mixed: no document fits into its group's quota of {sum(quotas.values()):,} tokens in all; "
            "raise mix.tokens, or set it to null"
        )
    table = _compare(groups, streams, available, shares, quotas)
    return Mixture(order, table, _figures(table, scarce))


def _candidates(selection: pl.DataFrame, options: MixOptions) -> pl.DataFrame:
    kind = pl.when(pl.col("generation_depth") > 0).then(pl.lit(SYNTHETIC)).otherwise(pl.lit(NATURAL))
    return (
        selection.filter(pl.col("tokens") > 0)
        .with_columns(
            kind.alias("kind"),
            (pl.col("tokens") + int(options.append_eos)).cast(pl.Int64).alias("n_tokens"),
            pl.lit(0, dtype=pl.Int32).alias("epoch"),
            pl.lit(True).alias("ends"),
        )
        .with_columns(_group_name(options.group).alias("group"))
        .select(*ORDER, "group")
        .sort("id")
    )


def _group_name(options: GroupOptions | None) -> pl.Expr:
    """What the documents of a group have in common, as one text; the id of a document that stands alone."""
    if options is None:
        return pl.col("id")
    shared = pl.concat_str([pl.lit("group"), *options.by], separator="\x1f")  # null where one of them is
    grouped = pl.col("kind") == NATURAL
    if options.sources is not None:
        grouped &= pl.col("source").is_in(options.sources)
    return pl.coalesce(pl.when(grouped).then(shared), "id")


def _stream(documents: pl.DataFrame, quota: int, options: MixOptions) -> pl.DataFrame:
    """The documents in the order of their stream, epoch by epoch, while the quota lasts; with their place in 0..1."""
    sizes = documents["n_tokens"].to_numpy()
    epochs = -(-quota // int(sizes.sum()))
    shuffle = _shuffled if options.group is None else _shuffled_groups
    rows = np.concatenate(
        [shuffle(documents, options.seed, epoch) for epoch in range(epochs)] or [np.empty(0, np.int64)]
    )
    spent = np.cumsum(sizes[rows])
    taken = int(np.searchsorted(spent, quota, side="right"))
    rows, spent = rows[:taken], spent[:taken]
    epoch = np.arange(taken) // max(1, documents.height)
    first, last = _spans(documents["group"].to_numpy()[rows], epoch)
    # Twice the middle of each group over twice the total: whole numbers, divided once, alike on every machine.
    before = spent[first] - sizes[rows[first]]
    middle = (before + spent[last]) / (2 * spent[-1]) if taken else np.empty(0)
    joined = options.group is not None and options.group.join
    ends = np.arange(taken) == last if joined else np.ones(taken, bool)
    written = sizes[rows] - (~ends if options.append_eos else 0)
    return documents[rows].with_columns(
        pl.Series("epoch", epoch, dtype=pl.Int32),
        pl.Series("place", middle, dtype=pl.Float64),
        pl.Series("ends", ends, dtype=pl.Boolean),
        pl.Series("n_tokens", written, dtype=pl.Int64),
    )


def _shuffled(documents: pl.DataFrame, seed: int, epoch: int) -> np.ndarray:
    # Equal draws stay in order of id.
    return np.argsort(_draws(documents["id"], seed, epoch), kind="stable")


def _shuffled_groups(documents: pl.DataFrame, seed: int, epoch: int) -> np.ndarray:
    """Groups in hashed order, and the documents of each in hashed order."""
    names = documents["group"].unique()
    drawn = pl.DataFrame({"group": names, "draw": _draws(names, seed, epoch)})
    return (
        documents.select("group", "id")
        .with_columns(pl.Series("own", _draws(documents["id"], seed, epoch)))
        .with_row_index("row")
        .join(drawn, on="group", how="left")
        .sort("draw", "group", "own", "id")["row"]
        .cast(pl.Int64)
        .to_numpy()
    )


def _draws(names: pl.Series, seed: int, epoch: int) -> np.ndarray:
    return np.fromiter(
        (random_u64(seed, _DRAW, f"{name}/{epoch}") for name in names), np.uint64, count=len(names)
    )


def _spans(groups: np.ndarray, epoch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last place of the run of equal groups (of one epoch) that each place lies in."""
    if not len(groups):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    starts = np.ones(len(groups), bool)
    starts[1:] = (groups[1:] != groups[:-1]) | (epoch[1:] != epoch[:-1])
    run = np.cumsum(starts) - 1
    first = np.flatnonzero(starts)
    last = np.append(first[1:], len(groups)) - 1
    return first[run], last[run]


def _merge(streams: list[pl.DataFrame]) -> pl.DataFrame:
    numbered = [stream.with_row_index("ordinal") for stream in streams]
    return pl.concat(numbered).sort("place", "source", "kind", "ordinal").select(list(ORDER))


def _compare(
    groups: Mapping[Group, pl.DataFrame],
    streams: Mapping[Group, pl.DataFrame],
    available: Mapping[Group, int],
    shares: Mapping[Group, Fraction],
    quotas: Mapping[Group, int],
) -> pl.DataFrame:
    got = {group: int(stream["n_tokens"].sum()) for group, stream in streams.items()}
    total = sum(got.values())
    rows = [
        {
            "source": source,
            "kind": kind,
            "documents_available": groups[source, kind].height,
            "tokens_available": available[source, kind],
            "share_asked": round(float(shares[source, kind]), 6),
            "tokens_asked": quotas[source, kind],
            "share_got": round(got[source, kind] / total, 6),
            "tokens_got": got[source, kind],
            "documents_written": streams[source, kind].height,
            "epochs": round(got[source, kind] / available[source, kind], 6),
        }
        for source, kind in available
    ]
    return pl.DataFrame(rows, schema=GROUPS)


def _figures(groups: pl.DataFrame, scarce: Group) -> dict[str, Any]:
    tokens = int(groups["tokens_got"].sum())
    synthetic = int(groups.filter(pl.col("kind") == SYNTHETIC)["tokens_got"].sum())
    left_out = groups.filter(pl.col("tokens_asked") == 0)
    figures: dict[str, Any] = {
        "rows_out": int(groups["documents_written"].sum()),
        "tokens": tokens,
        "tokens_asked": int(groups["tokens_asked"].sum()),
        "synthetic_share_got": round(synthetic / tokens, 6),
        "used_up_first": f"{scarce[0]}, {scarce[1]}",
        "mixture": groups.sort("tokens_got", "source", "kind", descending=[True, False, False])
        .head(MAX_GROUPS_SHOWN)
        .to_dicts(),
    }
    if left_out.height:
        figures["left_out"] = [
            f"{source}, {kind}" for source, kind in left_out.select("source", "kind").iter_rows()
        ][:MAX_GROUPS_SHOWN]
    return figures
