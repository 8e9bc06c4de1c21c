"""Stack Exchange dumps as documents: posts joined with their comments, and answers with their questions.

Tables are sorted by the id of their own rows, so what belongs together lies far apart, and a site may be far larger
than memory. Posts stay in the order of Posts.xml, cut into chunks of about 8 MB. Every post has a *home*, the
ordinal of the post whose document it is in: its own, or in threads that of the question. Comments (and answers) are
first put into buckets by the id of the post (question), where the home is looked up, then into the chunk of that home,
where documents are made. Each bucket and chunk fits in memory, whatever the site's size; each text is written to a
temporary folder once or twice. Neither the size of chunks nor the number of buckets changes the result.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gristmill.documents import Schema
from gristmill.ingest.options.stackexchange import StackExchangeSource
from gristmill.ingest.records import Record
from gristmill.ingest.stackexchange.columns import (
    ANSWER,
    COMMENTS,
    PLACE,
    POSTS,
    QUESTION,
    read_comments,
    read_names,
    read_posts,
)
from gristmill.ingest.stackexchange.names import Names
from gristmill.ingest.stackexchange.samples import make_records
from gristmill.ingest.stackexchange.spill import Spill
from gristmill.ingest.stackexchange.tables import Pieces, Site, Table, find_sites
from gristmill.inputs import InputFile
from gristmill.tokenizer import Tokenizer

CHUNK_BYTES = 8 << 20  # of rows as XML
_BUCKET_BYTES = 8 << 20
_PACKED = 6  # times that XML of a dump is smaller when packed
_MAX_BUCKETS = 1024
_STRAY_ROWS = 1 << 16  # rows of Comments.xml between two cuts of what could not be joined

_HOMED: Schema = {**POSTS, "home": pl.Int64}
_HOMED_COMMENTS: Schema = {**COMMENTS, "home": pl.Int64}
_IDS: Schema = {"id": pl.Int64, "ordinal": pl.Int64, "home": pl.Int64, "wanted": pl.Boolean}
_REPEATED: Schema = {"ordinal": pl.Int64, "home": pl.Int64}
_STRAYS: Schema = {**PLACE, "id": pl.Int64}


def read_stackexchange(
    files: Sequence[InputFile],
    options: StackExchangeSource,
    *,
    tokenizer: Tokenizer | None = None,
    chunk_bytes: int = CHUNK_BYTES,
    buckets: int | None = None,
) -> Iterator[tuple[InputFile, Record]]:
    """Every row of Posts.xml in its order, by site; then the comments that belong to no post.

    A question's record in threads, an answer's in mode `answer`, has the document; the key is SITE/ID. The answers of
    a thread are dropped records (part_of_thread) that name it. `meta` says what attribution needs: site, post_id,
    licence, author, and of the other parts `answers` and `comments` with theirs. Rules beside those of rows.py:
    bad_integer, post_type, unknown_post_type, question, orphan_answer, orphan_comment, repeated_post, repeated_comment,
    min_comments, min_score, max_answers, repeated_text, no_answer, thread_dropped, empty_text, too_long, other_table,
    bad_archive, no_posts; kept with a rule: control_characters, cut_to_length.
    Needs `tokenizer` where `max_tokens` is set. Memory: about 400 MB. Raises InputError where a site has no name.
    """
    numbers = {file.path: number for number, file in enumerate(files)}
    for site in find_sites(files, options):
        with tempfile.TemporaryDirectory(prefix="gristmill-stackexchange-") as folder:
            for file, rule, detail in site.faults:
                yield file, Record(0, file.size(), file.name, rule=rule, detail=detail)
            join = _Join(site, options, numbers, Path(folder), chunk_bytes, buckets or _count_buckets(site))
            for number, record in join.records(tokenizer):
                yield files[number], record


def _count_buckets(site: Site) -> int:
    sizes = [
        table.file.size() * (1 if table.file.name.lower().endswith(".xml") else _PACKED)
        for table in site.tables
    ]
    return min(_MAX_BUCKETS, 1 + sum(sizes) // _BUCKET_BYTES)


class _Join:
    """The tables of one site on their way to records."""

    def __init__(
        self,
        site: Site,
        options: StackExchangeSource,
        numbers: dict[str, int],
        folder: Path,
        chunk_bytes: int,
        buckets: int,
    ) -> None:
        self._site, self._options, self._numbers, self._folder = site, options, numbers, folder
        self._chunk_bytes, self._buckets = chunk_bytes, buckets
        self._threads = options.mode == "thread"
        self._starts: list[int] = []  # ordinals at which chunks begin
        self._posts, self._comments = self._spill("posts"), self._spill("comments")
        self._ids, self._repeated, self._strays = (
            self._spill("ids"),
            self._spill("repeated"),
            self._spill("strays"),
        )

    def _spill(self, name: str) -> Spill:
        return Spill(self._folder, name)

    def records(self, tokenizer: Tokenizer | None) -> Iterator[tuple[int, Record]]:
        """(number of the file, record) in order."""
        if not self._site.of("posts") and self._site.tables:
            table = self._site.tables[0]
            yield (
                self._numbers[table.file.path],
                Record(0, None, f"{self._site.name}/posts", rule="no_posts", detail="Posts.xml is not there"),
            )
        names = self._read_names()
        self._read_posts()
        self._read_comments()
        for chunk in range(len(self._starts)):
            yield from make_records(
                self._posts.read(chunk, _HOMED),
                self._repeated.read(chunk, _REPEATED),
                self._comments.read(chunk, _HOMED_COMMENTS),
                self._site.name,
                self._options,
                names,
                tokenizer,
            )
        for part in self._strays.parts():
            for row in self._strays.read(part, _STRAYS).sort("ordinal").iter_rows(named=True):
                key = None if row["id"] is None or row["rule"] != "orphan_comment" else row["id"]
                yield (
                    row["file"],
                    Record(
                        row["offset"],
                        row["length"],
                        None if key is None else f"{self._site.name}/comment/{key}",
                        rule=row["rule"],
                        value=row["value"],
                        bound=row["bound"],
                        detail=row["detail"],
                    ),
                )

    # -- posts ---------------------------------------------------------------------------------------------------

    def _read_posts(self) -> None:
        answers, questions = self._spill("answers"), self._spill("questions")
        ordinal, filled = 0, self._chunk_bytes
        for table in self._site.of("posts"):
            for batch in read_posts(
                self._pieces(table), self._options, **self._numbering(table), first=ordinal
            ):
                if filled >= self._chunk_bytes:
                    self._starts.append(ordinal)
                    filled = 0
                filled += int(batch["length"].sum() or 0)
                ordinal += batch.height
                away = (batch["type"] == ANSWER) & batch["rule"].is_null() & self._threads
                away = away.fill_null(False)
                stay = batch.filter(~away).with_columns(home="ordinal")
                self._posts.add(stay, len(self._starts) - 1)
                self._add_ids(stay)
                if self._threads:
                    leaving = batch.filter(away)
                    answers.add(leaving, self._bucket(leaving["parent"]))
                    roots = stay.filter((pl.col("type") == QUESTION) & pl.col("rule").is_null())
                    roots = roots.select("id", "ordinal")
                    questions.add(roots, self._bucket(roots["id"]))
        for bucket in range(self._buckets if self._threads else 0):
            self._bring_home(
                answers.read(bucket, POSTS),
                questions.read(bucket, {"id": pl.Int64, "ordinal": pl.Int64}),
            )

    def _bring_home(self, answers: pl.DataFrame, questions: pl.DataFrame) -> None:
        """Put the answers of a bucket into the chunks of their questions; those without one stay where they were."""
        homes = questions.group_by("id").agg(home=pl.col("ordinal").min())
        found = answers.join(homes, left_on="parent", right_on="id", how="left", maintain_order="left")
        found = found.with_columns(
            rule=pl.when(pl.col("home").is_null()).then(pl.lit("orphan_answer")).otherwise("rule"),
            home=pl.coalesce("home", "ordinal"),
        ).select(list(_HOMED))
        self._posts.add(found, self._chunk(found["home"]))
        self._add_ids(found)

    def _add_ids(self, posts: pl.DataFrame) -> None:
        ids = posts.filter(pl.col("id").is_not_null())
        ids = ids.select("id", "ordinal", "home", wanted=pl.col("rule").is_null())
        self._ids.add(ids, self._bucket(ids["id"]))

    # -- comments ------------------------------------------------------------------------------------------------

    def _read_comments(self) -> None:
        scattered = self._spill("scattered")
        ordinal = 0
        for table in self._site.of("comments"):
            for batch in read_comments(
                self._pieces(table), self._options, **self._numbering(table), first=ordinal
            ):
                ordinal += batch.height
                self._set_aside(batch.filter(pl.col("rule").is_not_null()))
                sound = batch.filter(pl.col("rule").is_null())
                scattered.add(sound, self._bucket(sound["post"]))
        for bucket in range(self._buckets):
            self._join_bucket(self._ids.read(bucket, _IDS), scattered.read(bucket, COMMENTS))

    def _join_bucket(self, ids: pl.DataFrame, comments: pl.DataFrame) -> None:
        ids = ids.sort("ordinal")
        first = ids["id"].is_first_distinct()
        repeated = ids.filter(~first).select("ordinal", "home")
        self._repeated.add(repeated, self._chunk(repeated["home"]))
        comments = comments.sort("ordinal")
        again = ~comments.select(pl.struct("post", "id").is_first_distinct()).to_series()
        self._set_aside(comments.filter(again).with_columns(rule=pl.lit("repeated_comment")))
        homes = ids.filter(first).select(post="id", home="home", wanted="wanted")
        found = comments.filter(~again).join(homes, on="post", how="left", maintain_order="left")
        orphans = found.filter(pl.col("home").is_null())
        detail = pl.concat_str(pl.lit("post "), pl.col("post"), pl.lit(" is not there"))
        self._set_aside(orphans.with_columns(rule=pl.lit("orphan_comment"), detail=detail))
        found = found.filter(pl.col("home").is_not_null()).with_columns(text=pl.when("wanted").then("text"))
        found = found.select(list(_HOMED_COMMENTS))
        self._comments.add(found, self._chunk(found["home"]))

    def _set_aside(self, comments: pl.DataFrame) -> None:
        self._strays.add(comments.select(list(_STRAYS)), comments["ordinal"] // _STRAY_ROWS)

    # -- places --------------------------------------------------------------------------------------------------

    def _read_names(self) -> Names:
        names = Names(self._folder)
        for table in self._site.of("users"):
            for batch in read_names(self._pieces(table), self._options):
                names.add(batch)
        return names.close()

    def _pieces(self, table: Table) -> Pieces:
        return table.pieces(self._options, self._folder)

    def _numbering(self, table: Table) -> dict[str, Any]:
        packed = not table.file.name.lower().endswith(".xml")
        return {"file": self._numbers[table.file.path], "unpacked": packed}

    def _bucket(self, ids: pl.Series) -> pl.Series:
        return ids % self._buckets

    def _chunk(self, homes: pl.Series) -> pl.Series:
        return pl.Series(np.searchsorted(np.array(self._starts), homes.to_numpy(), side="right") - 1)
