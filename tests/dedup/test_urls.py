from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import polars as pl
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gristmill.dedup import (
    LOSERS,
    URL_KEYS,
    WINNERS,
    UrlOptions,
    canonical_url,
    canonical_urls,
    drop_url_duplicates,
    find_url_duplicates,
    key_urls,
    pick_winners,
)
from gristmill.dedup.canonical_urls import MAX_URL_BYTES
from gristmill.dedup.urls import parse_dates
from gristmill.documents import DECISIONS, check_conservation, check_schema

PAGE = "https://mill.org/a"


def documents_of(*rows: tuple[str | None, str | None, str]) -> pl.DataFrame:
    """Documents `d0`, `d1`, ... by URL, date and text."""
    return pl.DataFrame(
        [(f"d{i}", *row) for i, row in enumerate(rows)],
        schema={"id": pl.String, "url": pl.String, "date": pl.String, "text": pl.String},
        orient="row",
    )


def keep_of(shards: dict[str, pl.DataFrame], options: UrlOptions) -> dict[str, list[int]]:
    """Rows that stay, by shard."""
    keys = {name: key_urls(documents, options=options) for name, documents in shards.items()}
    compared = list(shards)[: options.snapshot_shards]
    winners = pl.concat(pick_winners([keys[name].lazy() for name in compared], options=options))
    kept = {}
    for name, documents in shards.items():
        losers = find_url_duplicates(keys[name], winners, shards=compared, shard=name, options=options)
        kept[name] = sorted(set(range(documents.height)) - set(losers["row"]))
    return kept


# -- canonical URLs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("HTTPS://WWW.Mill.ORG:443/A", "http://mill.org/A"),
        ("https://mill.org:080", "http://mill.org/"),
        ("//mill.org:8080/", "http://mill.org:8080/"),
        ("http://anna:secret@mill.org./", "http://mill.org/"),
        ("http://www.com/", "http://www.com/"),
        ("http://www.www.mill.org/", "http://mill.org/"),
        ("http://MÜHLE.de/ü?ö=%c3%a4", "http://xn--mhle-0ra.de/%C3%BC?%C3%B6=%C3%A4"),
        ("http://[2001:DB8::1]:80/x", "http://[2001:db8::1]/x"),
        ("http://mill.org/a/b//", "http://mill.org/a/b"),
        ("http://mill.org/a//b/../c", "http://mill.org/a//b/../c"),
        ("http://mill.org/%7Euser/%2f%5b 100%", "http://mill.org/~user/%2F%5B%20100%25"),
        ("http://mill.org/%%34%31", "http://mill.org/%2541"),
        ("http://mill.org/?b=2&&a=1&b=1&a", "http://mill.org/?a&a=1&b=1&b=2"),
        ("http://mill.org/?", "http://mill.org/"),
        ("http://mill.org/a/?UTM_Source=x&gclid=1&id=3&fbclid=&phpsessid=9&sid=8", "http://mill.org/a?id=3"),
        ("http://mill.org/?utm=1&mysid=2&sidebar=3", "http://mill.org/?mysid=2&sidebar=3&utm=1"),
        ("http://mill.org/a;jsessionid=1F.node2;v=3/b;JSESSIONID=2?x=1", "http://mill.org/a;v=3/b?x=1"),
        ("http://mill.org/a#part", "http://mill.org/a"),
        ("http://mill.org/#!/inbox", "http://mill.org/#!/inbox"),
        ("http://mill.org/#/docs/2", "http://mill.org/#/docs/2"),
        ("http://mill.org/#!/", "http://mill.org/"),
        ("  http://mill.org/a\n b\t ", "http://mill.org/a%20b"),
    ],
)
def test_all_ways_to_write_a_url_have_one_form(url: str, canonical: str) -> None:
    assert canonical_url(url) == canonical
    assert canonical_urls(pl.Series([url])).to_list() == [canonical]


@pytest.mark.parametrize(
    "url",
    [
        "", "mill.org/a", "/a/b", "urn:isbn:3", "file:///a/b", "ftp://mill.org/", "http:/mill.org", "http:///a", "http://",
        "http://./", "http://mill.org:99999/", "http://mill.org:8o/", "http://mi ll.org/", "http://[mill]/", "httpx://a.b/",
        "http://mill.org/" + "a" * MAX_URL_BYTES,
    ],
)  # fmt: skip
def test_what_is_no_address_of_the_web_has_no_form(url: str) -> None:
    assert canonical_url(url) is None
    assert canonical_urls(pl.Series([url, None, PAGE])).to_list() == [None, None, "http://mill.org/a"]


def test_the_parameters_that_do_not_count_are_an_option() -> None:
    url = "http://mill.org/a?ref=x&sid=3&Größe=2&track_1=1"
    assert canonical_url(url, ["REF", "größe", "track*"]) == "http://mill.org/a?sid=3"
    assert canonical_urls(pl.Series([url]), ["REF", "größe", "track*"]).to_list() == [
        "http://mill.org/a?sid=3"
    ]
    assert canonical_url(url, []) == canonical_urls(pl.Series([url]), [])[0]


def test_many_parameters_are_sorted_too() -> None:
    url = "http://mill.org/?" + "&".join(f"p{i}={i}" for i in range(100))
    assert canonical_urls(pl.Series([url])).to_list() == [canonical_url(url)]


PIECES = st.sampled_from(
    ["http", "https", "://", "//", ":", "@", ".", "www.", "WWW.", "mill", "org", "münchen", "。", "\u00ad", "/", "?",
     "#", "#!/", ";", "&", "=", "%", "%7e", "%2F", "%25", "%e4", "%", "4", "1", "F", "80", "443", "sid", "utm_x",
     "JSESSIONID", "[::1]", " ", "\t", "\\", "é", "~", "+", "*", "\x00"]
)  # fmt: skip
ADDRESSES = st.tuples(
    st.sampled_from(["http://", "HTTPS://", "//", "", " http://"]), st.lists(PIECES, max_size=12).map("".join)
).map("".join)


@settings(max_examples=60, deadline=None)
@given(st.lists(ADDRESSES, min_size=4, max_size=30))
def test_the_kernel_does_what_the_definition_says_and_canonical_forms_stay(urls: list[str]) -> None:
    expected = [canonical_url(url) for url in urls]
    assert canonical_urls(pl.Series(urls)).to_list() == expected
    for canonical in expected:
        assert canonical is None or (canonical_url(canonical) == canonical and canonical.isascii())


# -- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2021", "2021-01-01"),
        ("2021-03", "2021-03-01"),
        (" 2021-03-04 ", "2021-03-04"),
        ("20210304", "2021-03-04"),
        ("20210304050607", "2021-03-04T05:06:07"),
        ("2021-03-04T05:06:07Z", "2021-03-04T05:06:07"),
        ("2021-03-04 05:06", "2021-03-04T05:06:00"),
        ("2021-01-01T00:30:00+02:00", "2020-12-31T22:30:00"),
        ("2021-12-31t23:30:00.25-0100", "2022-01-01T00:30:00.25"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59"),
        ("2021-02-30", None),
        ("2021-13-01", None),
        ("0000-01-01", None),
        ("9999-12-31T23:59:59-10:00", None),
        ("2021-03-04T05:06:07+99:00", None),
        ("3 March 2021", None),
        ("2021-3-4", None),
        ("２０２１", None),
        ("", None),
        (None, None),
    ],
)
def test_dates_are_moments_or_none(text: str | None, moment: str | None) -> None:
    expected = datetime.fromisoformat(moment) if moment else None
    assert parse_dates(pl.Series([text], dtype=pl.String)).to_list() == [expected]


def test_documents_with_a_url_have_a_key() -> None:
    documents = documents_of(
        ("https://www.mill.org/a/", "2021-12-31T23:30:00-02:00", "grain"),
        (None, "2021", "none"),
        ("chapter-3", "2021", "no address"),
        (PAGE, "bad", "ö"),
    )
    keys = key_urls(documents, options=UrlOptions(), first_row=10)
    check_schema(keys, URL_KEYS, "keys")
    canonical = b"http://mill.org/a"
    hashes = (xxhash.xxh64_intdigest(canonical, 0), xxhash.xxh64_intdigest(canonical, 1))
    assert keys.rows() == [
        (*hashes, 2022, datetime(2022, 1, 1, 1, 30), 10, 5, "d0"),
        (*hashes, None, None, 13, 1, "d3"),
    ]


# -- which one stays --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        (UrlOptions(), {"s0": [2], "s1": [0, 1]}),
        (UrlOptions(within="ever"), {"s0": [], "s1": [0]}),
        (UrlOptions(keep="longest"), {"s0": [0], "s1": [0, 1]}),
        (UrlOptions(keep="longest", within="ever"), {"s0": [], "s1": [1]}),
        (UrlOptions(keep="first"), {"s0": [0, 3], "s1": [0]}),
        (UrlOptions(keep="first", within="ever"), {"s0": [0], "s1": []}),
    ],
)
def test_one_document_of_a_url_stays(options: UrlOptions, kept: dict[str, list[int]]) -> None:
    shards = {
        "s0": documents_of(
            (PAGE, "2021-05-01", "the longest"),
            (PAGE + "?utm_source=x", "2021-01-01", "older"),
            (PAGE + "/", "2021-06", "newer"),
            (PAGE, None, "undated"),
        ),
        "s1": documents_of((PAGE, "2022", "next"), (PAGE + "#x", "soon", "undated, later")),
    }
    assert keep_of(shards, options) == kept


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        ("newest", {"s0": [], "s1": [1]}),
        ("longest", {"s0": [0], "s1": []}),
        ("first", {"s0": [0], "s1": []}),
    ],
)
def test_of_equal_ones_the_order_of_registration_decides(keep: Any, kept: dict[str, list[int]]) -> None:
    same = (PAGE, "2021", "text")
    shards = {"s0": documents_of(same, same), "s1": documents_of(same, same)}
    assert keep_of(shards, UrlOptions(keep=keep)) == kept


def test_documents_without_a_url_are_never_duplicates() -> None:
    shards = {
        "s0": documents_of((None, "2021", "a"), (None, "2021", "a"), ("", "2021", "a"), ("x", "2021", "a"))
    }
    shards["s1"] = documents_of(("x", "2021", "a"))
    assert keep_of(shards, UrlOptions()) == {"s0": [0, 1, 2, 3], "s1": [0]}


def test_a_later_shard_gives_way_to_the_snapshot_and_competes_with_itself() -> None:
    other = "http://mill.org/b"
    shards = {
        "s0": documents_of((PAGE, "2021-01-01", "once in the snapshot")),
        "s1": documents_of(
            (PAGE, "2021-12-01", "newer"),
            (other, "2021-01", "b"),
            (other, "2021-02", "b"),
            (PAGE, "2022", "c"),
        ),
        "s2": documents_of((other, "2021-01", "not compared with s1")),
    }
    options = UrlOptions(snapshot_shards=1)
    assert keep_of(shards, options) == {"s0": [0], "s1": [2, 3], "s2": [0]}
    keys = {name: key_urls(documents, options=options) for name, documents in shards.items()}
    winners = pl.concat(pick_winners([keys["s0"].lazy()], options=options))
    losers = find_url_duplicates(keys["s1"], winners, shards=["s0"], shard="s1", options=options)
    assert losers.select("row", "reason", "other_shard", "count").rows() == [
        (0, "in_snapshot", "s0", 1),
        (1, "newer", "s1", 2),
    ]


@pytest.mark.parametrize(
    ("keep", "reasons"),
    [
        ("newest", ["newer", "registered_later"]),
        ("longest", ["longer", "registered_earlier"]),
        ("first", ["registered_earlier"] * 2),
    ],
)
def test_a_drop_says_in_whose_favour_and_why(keep: Any, reasons: list[str]) -> None:
    options = UrlOptions(keep=keep)
    first = {"newest": (PAGE, "2021-01", "a"), "longest": (PAGE, "2021-02", "a")}.get(
        keep, (PAGE, "2021-02", "ab")
    )
    rows = [first, (PAGE, "2021-02", "ab"), (PAGE, "2021-02", "ab")]
    documents = documents_of((None, None, ""), *rows)
    keys = key_urls(documents, options=options)
    winners = pl.concat(pick_winners([keys.lazy()], options=options))
    losers = find_url_duplicates(keys, winners, shards=["s0"], shard="s0", options=options)
    check_schema(winners, WINNERS, "winners")
    check_schema(losers, LOSERS, "losers")
    assert losers["reason"].to_list() == reasons
    kept, decisions = drop_url_duplicates(documents, losers)
    check_schema(decisions, DECISIONS, "decisions")
    check_conservation(4, kept, decisions, "unique_urls")
    stayed = kept["id"][1]
    detail = '{"date": "2021-02-01T00:00:00Z", "documents": 3, "reason": "%s", "shard": "s0"}'
    assert decisions.filter(pl.col("action") == "drop").drop("id").rows() == [
        ("drop", "url_duplicate", None, None, stayed, detail % reason) for reason in reasons
    ]
    assert decisions.row(0) == ("d0", "keep", None, None, None, None, None)


def test_batches_get_their_part_of_the_decisions() -> None:
    documents = documents_of((PAGE, "2021", "a"), (PAGE, None, "b"), (PAGE, "2021", "c"), (PAGE, None, "d"))
    options = UrlOptions()
    parts = [key_urls(documents.slice(i, 1), options=options, first_row=i) for i in range(4)]
    keys = key_urls(documents, options=options)
    assert pl.concat(parts).equals(keys)
    winners = pl.concat(pick_winners([keys.lazy()], options=options))
    losers = find_url_duplicates(keys, winners, shards=["s0"], shard="s0", options=options)
    whole = drop_url_duplicates(documents, losers)
    cut = [drop_url_duplicates(documents.slice(i, 2), losers, first_row=i) for i in (0, 2)]
    assert whole.documents["id"].to_list() == ["d2", "d3"]
    assert (
        '{"documents": 2, "reason": "registered_later", "shard": "s0"}' in whole.decisions["detail"].to_list()
    )
    for name in ("documents", "decisions"):
        assert pl.concat([getattr(part, name) for part in cut]).equals(getattr(whole, name))


def test_no_shards_have_no_winners() -> None:
    found = list(pick_winners([], options=UrlOptions()))
    assert [part.shape for part in found] == [(0, len(WINNERS))]


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(ValidationError, match="newest"):
        UrlOptions.model_validate({"keep": "oldest"})


def test_a_parameter_without_a_name_is_refused() -> None:
    with pytest.raises(ValidationError, match="drop_parameters"):
        UrlOptions.model_validate({"drop_parameters": ["utm_*", ""]})


# -- invariants -------------------------------------------------------------------------------------------------------

DOCUMENTS = st.tuples(
    st.one_of(
        st.sampled_from([None, "x"]),
        st.tuples(
            st.sampled_from(["http://", "https://", "//www."]),
            st.sampled_from(["a.org", "b.org", "c.org", "d.org"]),
            st.sampled_from(["/p", "/p/", "/q?sid=1"]),
        ).map("".join),
    ),
    st.sampled_from([None, "?", "2020", "2020-06", "2021-01-01", "2021-01-01T00:00:00+01:00"]),
    st.sampled_from(["", "a", "bb"]),
)
OPTIONS = st.builds(
    UrlOptions,
    keep=st.sampled_from(["newest", "longest", "first"]),
    within=st.sampled_from(["year", "ever"]),
    snapshot_shards=st.sampled_from([None, 1, 2]),
)
Place = tuple[int, int]


def keep_naively(shards: list[pl.DataFrame], options: UrlOptions) -> set[Place]:
    """The definition: the best of each class, over the snapshot and then in each later shard what is new there."""
    rank: dict[str, Callable[[datetime | None, int, Place], Any]] = {
        "newest": lambda date, chars, place: (date is not None, date or datetime.min, place),
        "longest": lambda date, chars, place: (chars, (-place[0], -place[1])),
        "first": lambda date, chars, place: (-place[0], -place[1]),
    }
    kept: set[Place] = set()
    taken: dict[Any, Any] = {}
    compared = len(shards) if options.snapshot_shards is None else options.snapshot_shards
    groups = [list(enumerate(shards))[:compared], *([pair] for pair in list(enumerate(shards))[compared:])]
    for number, group in enumerate(groups):
        best: dict[Any, tuple[Any, Place]] = {}
        for sequence, documents in group:
            dates = parse_dates(documents["date"])
            for row, (url, text) in enumerate(documents.select("url", "text").iter_rows()):
                place, canonical, date = (sequence, row), canonical_url(url or ""), dates[row]
                if canonical is None:
                    kept.add(place)
                    continue
                key = (canonical, date and date.year) if options.within == "year" else canonical
                if number == 0 or key not in taken:
                    best[key] = max(
                        best.get(key, ((), place)), (rank[options.keep](date, len(text), place), place)
                    )
        kept |= {place for _, place in best.values()}
        if number == 0:
            taken = dict(best)
    return kept


@settings(max_examples=12, deadline=None)
@given(st.lists(st.lists(DOCUMENTS, min_size=10, max_size=40), min_size=1, max_size=3), OPTIONS)
def test_one_of_each_url_stays_as_the_definition_says(
    given_shards: list[list[tuple[str | None, str | None, str]]], options: UrlOptions
) -> None:
    shards = [documents_of(*rows) for rows in given_shards]
    kept = keep_of({str(i): documents for i, documents in enumerate(shards)}, options)
    places = {(int(name), row) for name, rows in kept.items() for row in rows}
    assert places == keep_naively(shards, options)

    def urls(chosen: set[Place] | None) -> set[Any]:
        return {
            (canonical_url(url), date and options.within == "year" and date.year)
            for i, documents in enumerate(shards)
            for row, (url, date) in enumerate(
                zip(documents["url"], parse_dates(documents["date"]), strict=True)
            )
            if url and (chosen is None or (i, row) in chosen)
        }

    assert {url for url, _ in urls(places)} == {url for url, _ in urls(None)}
    if options.within == "year":
        assert urls(places) == urls(None)


def test_ranges_of_hashes_change_nothing() -> None:
    shards = [
        documents_of(
            *((f"http://mill.org/{(i * k) % 40}", f"20{20 + i % 2}", "t" * (i % 7)) for i in range(60))
        )
        for k in (1, 7)
    ]
    options = UrlOptions(keep="longest")
    tables = [key_urls(documents, options=options).sort("hash_hi").lazy() for documents in shards]
    whole = pl.concat(pick_winners(tables, options=options))
    cut = pl.concat(pick_winners(tables, options=options, rows_at_once=9))
    assert whole.equals(cut)
    assert whole["hash_hi"].is_sorted()
    assert whole.height == 40
