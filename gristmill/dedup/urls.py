"""Stage `unique_urls`: of the documents of one URL, one stays.

Three steps, so that URLs can be collected over all shards and everything else by shard:
  key_urls               a hash of the canonical URL of every document that has one, with its year, date and length
  pick_winners           the document that stays, of every URL that several have, over the shards of a snapshot
  find_url_duplicates    which documents of a shard go, and in whose favour; `drop_url_duplicates` leaves them out

URLs are compared by 128 bits of a hash: among 10^10 different ones two are alike with chance 1.5e-19. A document
without a URL, or whose URL is no address of the web, is never a duplicate. Which one stays depends on the dates, the
lengths and the order of registration, so the order of the work and the cut into batches do not matter.

The shards of the snapshot compete with each other. A later shard competes with itself, and gives way to the snapshot
even where its document is newer: what the snapshot kept never changes.

Dates are ISO 8601, whole or in part (`2021`, `2021-03`), and count as the first moment they may mean, in UTC where
they have no offset. Anything else is no date. Under `within: year` documents without a date are a class of their own.

Sources: The Llama 3 Herd of Models (arXiv 2407.21783), section 3.1.1: the most recent version of the page of each URL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from gristmill.dedup import _url_kernels
from gristmill.dedup.canonical_urls import canonical_urls
from gristmill.dedup.options.urls import UrlOptions
from gristmill.dedup.sorted_tables import read_by_hash
from gristmill.documents import DECISIONS, DROP, KEEP, Schema, empty
from gristmill.text_buffers import text_buffers

URL_KEYS: Schema = {
    "hash_hi": pl.UInt64,  # of the canonical URL
    "hash_lo": pl.UInt64,
    "year": pl.Int16,  # of `date`, in UTC
    "date": pl.Datetime("us"),  # UTC; null: none, or none that can be read
    "row": pl.UInt32,  # position of the document in its shard, from 0
    "chars": pl.UInt32,  # of the text
    "id": pl.String,
}
WINNERS: Schema = {
    "hash_hi": pl.UInt64,
    "hash_lo": pl.UInt64,
    "year": pl.Int16,  # null where years do not count, or without a date
    "count": pl.UInt32,  # documents of this URL
    "sequence": pl.UInt32,  # the one that stays: number of its shard,
    "row": pl.UInt32,  # and position in that
    "date": pl.Datetime("us"),
    "chars": pl.UInt32,
    "id": pl.String,
}
LOSERS: Schema = {
    "row": pl.UInt32,  # position of the document in its shard, ascending
    "count": pl.UInt32,  # documents of this URL
    "reason": pl.String,  # newer | registered_later | longer | registered_earlier | in_snapshot: why the other stays
    "year": pl.Int16,  # of the document that goes
    "other_id": pl.String,  # the document that stays
    "other_shard": pl.String,
    "other_date": pl.Datetime("us"),
}
URL_DUPLICATE = "url_duplicate"  # the rule of decisions

_ROWS_AT_ONCE = 1_000_000  # keys that are compared together; up to 500 bytes each while it lasts
_LAST_YEAR = 9999
_DATE_SHOWN = "%Y-%m-%dT%H:%M:%SZ"
_ISO_8601 = (
    r"^\s*(?<year>[0-9]{4})(?:-?(?<month>[0-9]{2})(?:-?(?<day>[0-9]{2})"
    r"(?:[Tt ]?(?<hour>[0-9]{2})(?::?(?<minute>[0-9]{2})(?::?(?<second>[0-9]{2})(?:[.,](?<fraction>[0-9]+))?)?)?"
    r"\s*(?<offset>[Zz]|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)?)?)?)?\s*$"
)


class Kept(NamedTuple):
    """What is left of a batch, and what was decided."""

    documents: pl.DataFrame  # whatever columns came in
    decisions: pl.DataFrame  # DECISIONS, one per document that came in


# -- keys ------------------------------------------------------------------------------------------------------------


def key_urls(documents: pl.DataFrame, *, options: UrlOptions, first_row: int = 0) -> pl.DataFrame:
    """URL_KEYS of the documents whose URL is an address of the web, in order.

    Columns in: id, text, url, date (String). first_row: position of the first document in its shard, where a shard
    comes in batches. About a million URLs a second on one core.
    """
    canonical = canonical_urls(documents["url"], options.drop_parameters)
    data, offsets = text_buffers(canonical)
    high, low = (np.empty(len(canonical), np.uint64) for _ in range(2))
    _url_kernels.hash_urls(data, offsets, high, low)
    dates = parse_dates(documents["date"])
    return (
        documents.select(
            "id",
            date=dates,
            year=dates.dt.year(),
            chars=pl.col("text").str.len_chars().fill_null(0),
            row=pl.int_range(first_row, first_row + documents.height),
            hash_hi=pl.Series(high),
            hash_lo=pl.Series(low),
        )
        .filter(canonical.is_not_null())
        .select(pl.col(name).cast(dtype) for name, dtype in URL_KEYS.items())
    )


def parse_dates(dates: pl.Series) -> pl.Series:
    """Moments (Datetime in microseconds, UTC) of texts in ISO 8601, extended or basic form; null for anything else."""
    part = pl.col("parts").struct.field
    moment = pl.format(
        "{}-{}-{} {}:{}:{}.{}",
        part("year"),
        part("month").fill_null("01"),
        part("day").fill_null("01"),
        part("hour").fill_null("00"),
        part("minute").fill_null("00"),
        # A leap second is the last one of its minute.
        part("second").fill_null("00").replace("60", "59"),
        part("fraction").fill_null("0").str.slice(0, 6).str.pad_end(6, "0"),
    )
    offset = part("offset").str.replace(":", "", literal=True)
    minutes = offset.str.slice(1, 2).cast(pl.Int32, strict=False).fill_null(0) * 60
    minutes += offset.str.slice(3, 2).cast(pl.Int32, strict=False).fill_null(0)
    ahead = pl.when(offset.str.starts_with("-")).then(-minutes).otherwise(minutes)
    found = (
        dates.to_frame("date")
        .select(parts=pl.col("date").str.extract_groups(_ISO_8601))
        .select(
            moment.str.to_datetime("%Y-%m-%d %H:%M:%S%.6f", time_unit="us", strict=False)
            - pl.duration(minutes=ahead, time_unit="us")
        )
        .to_series()
        .alias("date")
    )
    return found.set(~found.dt.year().is_between(1, _LAST_YEAR), None)  # what Python's dates can hold


# -- winners ---------------------------------------------------------------------------------------------------------


def pick_winners(
    tables: Sequence[pl.LazyFrame], *, options: UrlOptions, rows_at_once: int = _ROWS_AT_ONCE
) -> Iterator[pl.DataFrame]:
    """WINNERS of the URLs that several documents have, in parts, by ascending hash.

    With `snapshot_shards` also of those that one document has, as later shards are compared with them.
    tables: URL_KEYS of whole shards, in order of registration; a shard's place in the list is its `sequence`. They
    are read by ranges of hash, each about `rows_at_once` rows, and each range twice. Memory: up to 500 bytes for a
    row of a range, whatever the number of shards. The parts depend on `rows_at_once`, their content together does
    not.
    """
    least = 1 if options.snapshot_shards is not None else 2
    yield empty(WINNERS)
    for shards in read_by_hash(tables, "hash_hi", rows_at_once):
        keys = pl.concat(shards)
        if least > 1:  # most URLs are those of one document, and need not be sorted
            several = keys.group_by("hash_hi", "hash_lo").len().filter(pl.col("len") >= least)
            keys = keys.join(
                several.collect(engine="streaming").lazy(), on=["hash_hi", "hash_lo"], how="semi"
            )
        yield _best(keys.collect(engine="streaming"), options).filter(pl.col("count") >= least)


def _best(keys: pl.DataFrame, options: UrlOptions) -> pl.DataFrame:
    """WINNERS of all URLs of these rows (URL_KEYS and `sequence`)."""
    # What is compared first, second, ...; whether the highest wins.
    by, highest = {
        "newest": (["date", "sequence", "row"], [True, True, True]),
        "longest": (["chars", "sequence", "row"], [True, False, False]),
        "first": (["sequence", "row"], [False, False]),
    }[options.keep]
    if options.within == "ever":
        keys = keys.with_columns(year=pl.lit(None, pl.Int16))
    same = ["hash_hi", "hash_lo", "year"]
    return (
        keys.sort(*same, *by, descending=[False] * len(same) + highest, nulls_last=True)
        .group_by(same, maintain_order=True)
        .agg(pl.len().alias("count"), pl.col("sequence", "row", "date", "chars", "id").first())
        .select(pl.col(name).cast(dtype) for name, dtype in WINNERS.items())
    )


# -- what goes -------------------------------------------------------------------------------------------------------


def find_url_duplicates(
    keys: pl.DataFrame, winners: pl.DataFrame, *, shards: Sequence[str], shard: str, options: UrlOptions
) -> pl.DataFrame:
    """LOSERS: the documents of a shard that go, by row.

    keys: URL_KEYS of the whole shard. winners: WINNERS; those of other URLs do not matter. shards: keys of the shards
    of the snapshot, by `sequence`. shard: the key of this one; if it is not among them, it comes after all.
    """
    same = ["hash_hi", "hash_lo", "year"]
    own = keys.with_columns(of=pl.col("year"), sequence=pl.lit(len(shards), pl.UInt32))
    if options.within == "ever":
        own = own.with_columns(year=pl.lit(None, pl.Int16))
    names = [*shards]
    if shard not in shards:
        names.append(shard)
        rest = own.join(winners, on=same, how="anti", nulls_equal=True)
        winners = pl.concat([winners, _best(rest, options)])
    number = names.index(shard)
    pairs = own.join(winners, on=same, how="inner", nulls_equal=True, suffix="_other")
    stays = (pl.col("sequence_other") == number) & (pl.col("row_other") == pl.col("row"))
    return (
        pairs.filter(~stays)
        .select(
            "row",
            "count",
            reason=_reason(options, outside=shard not in shards, number=number),
            year="of",
            other_id="id_other",
            other_shard=pl.col("sequence_other").replace_strict(
                range(len(names)), names, return_dtype=pl.String
            ),
            other_date="date_other",
        )
        .select(pl.col(name).cast(dtype) for name, dtype in LOSERS.items())
        .sort("row")
    )


def _reason(options: UrlOptions, *, outside: bool, number: int) -> pl.Expr:
    """Why the other document stays."""
    by_rule = pl.lit("registered_earlier")
    if options.keep == "newest":
        newer = (pl.col("date_other") > pl.col("date")).fill_null(False)
        newer |= pl.col("date").is_null() & pl.col("date_other").is_not_null()
        by_rule = pl.when(newer).then(pl.lit("newer")).otherwise(pl.lit("registered_later"))
    elif options.keep == "longest":
        longer = pl.col("chars_other") > pl.col("chars")
        by_rule = pl.when(longer).then(pl.lit("longer")).otherwise(by_rule)
    if not outside:
        return by_rule
    return pl.when(pl.col("sequence_other") < number).then(pl.lit("in_snapshot")).otherwise(by_rule)


def drop_url_duplicates(documents: pl.DataFrame, losers: pl.DataFrame, *, first_row: int = 0) -> Kept:
    """The documents that stay, in order and unchanged, and a decision on each that came in.

    Columns in: id and any others. losers: LOSERS of the shard. first_row: as for `key_urls`. A drop has rule
    `url_duplicate`, other_id: the one that stays, and detail {"date": its date, "documents": how many have this URL,
    "reason": why it stays, "shard": its key}.
    """
    date = pl.col("other_date").dt.strftime(f'"date": "{_DATE_SHOWN}", ').fill_null("")
    reason = pl.format('"documents": {}, "reason": "{}", "shard": "{}"', "count", "reason", "other_shard")
    detail = pl.concat_str(pl.lit("{"), date, reason, pl.lit("}"))
    decided = (
        documents.select("id")
        .with_row_index("row", offset=first_row)
        .join(losers, on="row", how="left", maintain_order="left")
        .with_columns(
            action=pl.when(pl.col("count").is_not_null()).then(pl.lit(DROP)).otherwise(pl.lit(KEEP)),
            rule=pl.when(pl.col("count").is_not_null()).then(pl.lit(URL_DUPLICATE)),
            value=pl.lit(None),  # nothing was measured: URLs are equal
            bound=pl.lit(None),
            detail=pl.when(pl.col("count").is_not_null()).then(detail),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in DECISIONS.items())
    )
    return Kept(documents.filter(decided["action"] == KEEP), decided)
