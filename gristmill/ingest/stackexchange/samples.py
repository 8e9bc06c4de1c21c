"""Documents of a chunk: posts that are at home there, with all that belongs to them, as records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import polars as pl

from gristmill.ingest.options.stackexchange import StackExchangeSource
from gristmill.ingest.records import Record
from gristmill.ingest.stackexchange.columns import QUESTION
from gristmill.ingest.stackexchange.lengths import Fitted, Part, fit, room
from gristmill.ingest.stackexchange.names import Names
from gristmill.tokenizer import Tokenizer

# From which day on contributions are under which licence: stackoverflow.com/help/licensing. Older rows say it so.
_LICENCES = (("2018-05-02", "CC BY-SA 4.0"), ("2011-04-08", "CC BY-SA 3.0"), ("", "CC BY-SA 2.5"))
_UNDATED = "CC BY-SA"


def make_records(
    posts: pl.DataFrame,
    repeated: pl.DataFrame,
    comments: pl.DataFrame,
    site: str,
    options: StackExchangeSource,
    names: Names,
    tokenizer: Tokenizer | None,
) -> Iterator[tuple[int, Record]]:
    """(number of the file, record) of every post of a chunk, by home and ordinal."""
    posts = posts.sort("home", "ordinal")
    is_repeated = pl.col("ordinal").is_in(repeated["ordinal"].implode()) & pl.col("rule").is_null()
    posts = _rule(posts, is_repeated, "repeated_post")
    posts = _attribute(posts, names)
    comments, counts = _comments_of(posts, _attribute(comments, names), options)
    posts = posts.join(counts, left_on="id", right_on="post", how="left", maintain_order="left").with_columns(
        n_comments=pl.col("n_comments").fill_null(0)
    )
    posts = _choose_thread(posts, options) if options.mode == "thread" else _choose_answers(posts, options)
    parts = _parts(posts, comments)
    texts = parts.group_by("home", maintain_order=True).agg(text=pl.col("text").str.join("\n"))
    fitted = _fit(parts, texts, options, tokenizer)
    yield from _records(_finish(posts, texts, comments, options), fitted, site, options)


def _rule(posts: pl.DataFrame, where: pl.Expr, rule: str, **more: pl.Expr) -> pl.DataFrame:
    """Drop, by this rule, the posts that are not dropped yet and of which the condition holds."""
    applies = pl.col("rule").is_null() & where
    return posts.with_columns(
        rule=pl.when(applies).then(pl.lit(rule)).otherwise("rule"),
        **{
            name: pl.when(applies).then(value.cast(pl.Float64)).otherwise(name)
            for name, value in more.items()
        },
    )


def _attribute(rows: pl.DataFrame, names: Names) -> pl.DataFrame:
    """Fill in the author's name, where users are known, and the licence, where the row does not say it."""
    licence = pl.lit(_UNDATED)
    for day, named in reversed(_LICENCES):
        licence = pl.when(pl.col("date") >= day).then(pl.lit(named)).otherwise(licence)
    known = names.find(rows["author_id"])
    return rows.join(known, on="author_id", how="left", maintain_order="left").with_columns(
        author=pl.coalesce("name", "author"), licence=pl.coalesce("licence", licence)
    )


def _comments_of(
    posts: pl.DataFrame, comments: pl.DataFrame, options: StackExchangeSource
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The comments that are used, in order and with their `place`, and (post, n_comments, repaired) of all."""
    comments = comments.sort(pl.col("post"), pl.col("date").fill_null(""), "id")
    counts = comments.group_by("post").agg(
        n_comments=pl.len().cast(pl.Int64), repaired_comments=pl.col("repaired").any()
    )
    bodies = posts.filter(pl.col("rule").is_null()).select(post="id", body="text")
    used = comments.filter(pl.col("text").fill_null("") != "").join(
        bodies, on="post", how="inner", maintain_order="left"
    )
    used = used.filter(pl.struct("post", "text").is_first_distinct() & (pl.col("text") != pl.col("body")))
    used = used.with_columns(place=1 + pl.int_range(pl.len()).over("post"))
    if options.max_comments is not None:
        used = used.filter(pl.col("place") <= options.max_comments)
    return used, counts


def _choose_answers(posts: pl.DataFrame, options: StackExchangeSource) -> pl.DataFrame:
    posts = _too_few_comments(posts, options)
    posts = _low_score(posts, options)
    return posts.with_columns(rank=pl.lit(0, pl.Int64))


def _too_few_comments(posts: pl.DataFrame, options: StackExchangeSource) -> pl.DataFrame:
    count, bound = pl.col("n_comments"), options.min_comments
    return _rule(posts, count < bound, "min_comments", value=count, bound=pl.lit(bound))


def _low_score(posts: pl.DataFrame, options: StackExchangeSource) -> pl.DataFrame:
    if options.min_score is None:
        return posts
    score, bound = pl.col("score"), options.min_score
    is_answer = pl.col("type") != QUESTION
    return _rule(posts, is_answer & (score < bound), "min_score", value=score, bound=pl.lit(bound))


def _choose_thread(posts: pl.DataFrame, options: StackExchangeSource) -> pl.DataFrame:
    """Which answers are in their threads, and at which `rank`, from 1; questions have 0."""
    is_answer = (pl.col("type") != QUESTION) & pl.col("rule").is_null()
    posts = _low_score(posts, options)
    accepted = posts.filter(pl.col("rule").is_null() & (pl.col("type") == QUESTION)).select(
        "home", chosen="accepted"
    )
    posts = posts.join(accepted, on="home", how="left", maintain_order="left").with_columns(
        is_accepted=(pl.col("id") == pl.col("chosen")).fill_null(False)
    )
    posts = _rule(posts, is_answer & (pl.col("text") == "") & (pl.col("n_comments") == 0), "empty_text")
    best = posts.filter(is_answer).sort(
        "home", "is_accepted", "score", "id", descending=[False, True, True, False]
    )
    best = best.select(
        "ordinal", again=(pl.col("text") != "") & ~pl.struct("home", "text").is_first_distinct(), home="home"
    )
    posts = posts.join(best.select("ordinal", "again"), on="ordinal", how="left", maintain_order="left")
    posts = _rule(posts, pl.col("again").fill_null(False), "repeated_text")
    ranks = best.filter(~pl.col("again")).select("ordinal", rank=1 + pl.int_range(pl.len()).over("home"))
    posts = posts.join(ranks, on="ordinal", how="left", maintain_order="left").with_columns(
        rank=pl.col("rank").fill_null(0)
    )
    if options.max_answers is not None:
        rank, bound = pl.col("rank"), options.max_answers
        posts = _rule(posts, is_answer & (rank > bound), "max_answers", value=rank, bound=pl.lit(bound))
    if options.require_answer:
        answered = posts.filter(is_answer)["home"].unique().implode()
        posts = _rule(posts, ~is_answer & ~pl.col("home").is_in(answered), "no_answer")
    return posts


def _parts(posts: pl.DataFrame, comments: pl.DataFrame) -> pl.DataFrame:
    """(home, rank, place, comment, text) of all that documents are made of, in order, without empty parts.

    `place` is -1 for a title, 0 for a body, and from 1 on for comments.
    """
    kept = posts.filter(pl.col("rule").is_null())
    bodies = kept.select("home", "rank", place=pl.lit(0, pl.Int64), comment=pl.lit(False), text="text")
    titles = kept.filter(pl.col("type") == QUESTION).select(
        "home", "rank", place=pl.lit(-1, pl.Int64), comment=pl.lit(False), text="title"
    )
    said = comments.join(
        kept.select("id", "rank"), left_on="post", right_on="id", maintain_order="left"
    ).select("home", "rank", pl.col("place").cast(pl.Int64), comment=pl.lit(True), text="text")
    parts = pl.concat([bodies, titles, said.with_columns(pl.col("rank").cast(pl.Int64))])
    return parts.filter(pl.col("text").fill_null("") != "").sort("home", "rank", "place")


def _fit(
    parts: pl.DataFrame, texts: pl.DataFrame, options: StackExchangeSource, tokenizer: Tokenizer | None
) -> dict[int, Fitted]:
    """What becomes of the documents that are too long, by home."""
    if options.max_tokens is None:
        return {}
    assert tokenizer is not None, "max_tokens needs a tokenizer"
    limit = room(tokenizer, options.max_tokens)
    counts = texts.select("home", tokens=pl.Series(tokenizer.count(texts["text"].to_list()), dtype=pl.Int64))
    long = counts.filter(pl.col("tokens") > limit)
    of_long = parts.join(long.select("home"), on="home", how="semi", maintain_order="left")
    listed = of_long.group_by("home", maintain_order=True).agg("text", "comment")
    tokens = dict(long.iter_rows())
    return {
        home: fit(
            [Part(*p) for p in zip(said, remarks, strict=True)],
            tokens[home],
            options.too_long,
            tokenizer,
            limit,
        )
        for home, said, remarks in listed.iter_rows()
    }


def _finish(
    posts: pl.DataFrame, texts: pl.DataFrame, comments: pl.DataFrame, options: StackExchangeSource
) -> pl.DataFrame:
    """Posts with the text of their document, and what attribution needs of its parts; the last rules."""
    is_root = pl.col("home") == pl.col("ordinal")
    posts = posts.rename({"text": "body"}).join(texts, on="home", how="left", maintain_order="left")
    posts = _rule(posts, is_root & pl.col("text").is_null(), "empty_text")
    said = comments.group_by("post", maintain_order=True).agg(
        comments=_json("id", "author_id", "author", "licence").str.join(",")
    )
    posts = posts.join(said, left_on="id", right_on="post", how="left", maintain_order="left").with_columns(
        tags=pl.col("tags").str.replace_all(r"[<>|]+", "|").str.strip_chars("|")
    )
    if options.mode == "answer":
        return posts
    inside = posts.filter(~is_root & pl.col("rule").is_null()).sort("home", "rank")
    answers = inside.group_by("home", maintain_order=True).agg(
        answers=_with_comments(_json("id", "author_id", "author", "licence", "date", "score")).str.join(","),
        has_accepted=pl.col("is_accepted").any(),
        comments_of_answers=pl.col("n_comments").sum(),
        repaired_answers=(pl.col("repaired") | pl.col("repaired_comments").fill_null(False)).any(),
    )
    dropped = posts.filter(is_root & pl.col("rule").is_not_null())["ordinal"].implode()
    posts = _rule(posts, ~is_root & pl.col("home").is_in(dropped), "thread_dropped")
    posts = posts.join(answers, on="home", how="left", maintain_order="left")
    return posts.with_columns(
        n_comments=pl.col("n_comments") + pl.col("comments_of_answers").fill_null(0),
        repaired=pl.col("repaired") | pl.col("repaired_answers").fill_null(False),
    )


def _records(
    posts: pl.DataFrame, fitted: dict[int, Fitted], site: str, options: StackExchangeSource
) -> Iterator[tuple[int, Record]]:
    roots = dict(posts.filter(pl.col("home") == pl.col("ordinal")).select("ordinal", "id").iter_rows())
    whole = Fitted()
    for row in posts.iter_rows(named=True):
        key = None if row["id"] is None else f"{site}/{row['id']}"
        place = {"offset": row["offset"], "length": row["length"], "key": key, "digest": row["digest"]}
        fit_of_row = fitted.get(row["home"], whole)
        if row["rule"] is not None:
            drop = {name: row[name] for name in ("rule", "value", "bound", "detail")}
            if row["home"] != row["ordinal"]:
                drop["other"] = f"{site}/{roots[row['home']]}"
            yield row["file"], Record(**place, **drop)
        elif row["home"] != row["ordinal"]:
            other, rule = f"{site}/{roots[row['home']]}", "part_of_thread"
            if fit_of_row.dropped:
                rule = "thread_dropped"
            yield row["file"], Record(**place, rule=rule, other=other)
        elif fit_of_row.dropped:
            yield (
                row["file"],
                Record(
                    **place, rule="too_long", value=float(fit_of_row.tokens), bound=float(fit_of_row.limit)
                ),
            )
        else:
            yield from _document(row, fit_of_row, place, site, options)


def _document(
    row: dict[str, Any], fitted: Fitted, place: dict[str, Any], site: str, options: StackExchangeSource
) -> Iterator[tuple[int, Record]]:
    """The record of a document, or of each of its windows."""
    letter = "q" if row["type"] == QUESTION else "a"
    meta = _meta(row, site, options)
    rule, value, bound = None, None, None
    if row["repaired"] or row["repaired_comments"]:
        rule = "control_characters"
    if fitted.cut:
        rule, value, bound = "cut_to_length", float(fitted.tokens), float(fitted.limit)
    texts = fitted.texts or [row["text"]]
    for number, text in enumerate(texts, 1):
        if len(texts) > 1:
            meta = {**meta, "window": number, "windows": len(texts)}
        yield (
            row["file"],
            Record(
                **(place if number == 1 else {**place, "key": f"{place['key']}#{number}"}),
                text=text,
                rule=rule,
                value=value,
                bound=bound,
                url=f"https://{site}/{letter}/{row['id']}",
                date=row["date"],
                meta=meta,
            ),
        )


def _meta(row: dict[str, Any], site: str, options: StackExchangeSource) -> dict[str, Any]:
    meta = {
        "site": site,
        "post_id": row["id"],
        "score": row["score"],
        "licence": row["licence"],
        "author_id": row["author_id"],
        "author": row["author"],
        "parent_id": row["parent"],
        "title": row["title"],
        "tags": row["tags"].split("|") if row["tags"] else None,
        "closed": row["closed"],
        "n_comments": row["n_comments"],
        "comments": _credits(row["comments"]),
    }
    if row["unpacked"]:
        meta["unpacked"] = True
    if options.mode == "thread":
        meta["answers"] = _credits(row["answers"])
        meta["has_accepted"] = bool(row["has_accepted"])
    return meta


def _json(*columns: str) -> pl.Expr:
    """Columns as one JSON object a row: lists of structures take 50 times as long on their way to Python."""
    return pl.struct(*columns).struct.json_encode()


def _with_comments(answer: pl.Expr) -> pl.Expr:
    """JSON objects with the comments of the row, which are JSON objects with commas between, as a list inside."""
    inside = pl.concat_str(answer.str.strip_suffix("}"), pl.lit(',"comments":['), "comments", pl.lit("]}"))
    return pl.coalesce(inside, answer)


def _credits(parts: str | None) -> list[dict[str, Any]] | None:
    """Who wrote which part, without what is unknown; `parts` are JSON objects with commas between."""
    return json.loads(f"[{parts}]", object_pairs_hook=_known) if parts else None


def _known(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in pairs if value is not None}
