from __future__ import annotations

from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gristmill.dedup import (
    EDITS,
    RANGES,
    STRETCHES,
    WINDOWS,
    SubstringOptions,
    hash_stretches,
    merge_windows,
    remove_substrings,
    undo,
)
from gristmill.documents import DECISIONS, check_conservation
from gristmill.errors import StageError
from tests.dedup.texts import cut_substrings, frame

LICENCE = "Permission is granted to copy this text."


def options_of(**given: Any) -> SubstringOptions:
    return SubstringOptions(**{"min_chars_left": 0, "min_share_left": 0, "min_length": 20, **given})


def texts_left(shards: list[list[str]], **options: Any) -> list[list[str]]:
    found = cut_substrings([frame(texts) for texts in shards], options_of(**options))
    return [one.documents["text"].to_list() for one in found]


# -- what repeats ---------------------------------------------------------------------------------------------------


def test_the_first_occurrence_stays_and_later_ones_are_cut() -> None:
    shards = [[f"One. {LICENCE} Two.", f"{LICENCE} Three."], [f"Four.\n\n{LICENCE}"]]
    assert texts_left(shards) == [[shards[0][0], "Three."], ["Four."]]
    assert texts_left(shards, keep="none") == [["One. Two.", "Three."], ["Four."]]


def test_a_passage_shorter_than_the_least_length_stays() -> None:
    texts = ["The mill on the river", "The mill on the hill!"]  # `The mill on the ` has 16 bytes
    assert texts_left([texts], min_length=16) == [[texts[0], "hill!"]]
    assert texts_left([texts], min_length=17) == [texts]


def test_no_passage_runs_from_one_document_into_the_next() -> None:
    texts = ["The mill on", " the river.", "The mill on the river."]
    assert texts_left([texts], min_length=12) == [texts]


def test_occurrences_are_counted_over_all_shards() -> None:
    shards = [[f"a {LICENCE}", f"b {LICENCE}"], [f"c {LICENCE}"]]
    assert texts_left(shards, min_count=3) == [[shards[0][0], "b"], ["c"]]
    assert texts_left(shards, min_count=4) == shards


def test_a_run_of_one_character_keeps_one_length_of_it() -> None:
    assert texts_left([["-" * 100]], min_length=10) == [["-" * 10]]
    assert texts_left([["=-" * 50, "=-" * 50]], min_length=10) == [["=-" * 5, ""]]
    assert texts_left([["-" * 100]], min_length=10, keep="none") == [[""]]


def test_words_are_compared_whatever_stands_between_them() -> None:
    texts = ["the old mill by the river\nturns again", "I saw the old  mill\nby the river, once"]
    assert texts_left([texts], unit="words", min_length=6) == [texts]
    assert texts_left([texts], unit="words", min_length=5) == [[texts[0], "I saw river, once"]]
    assert SubstringOptions(unit="words").length == 50
    assert SubstringOptions().length == 100


def test_the_places_of_ranges_are_characters_and_name_the_first_occurrence() -> None:
    shards = [frame(["é", "ñ " + LICENCE]), frame(["🦙🦙 " + LICENCE + " é"])]
    _, second = cut_substrings(shards, options_of(action="mask"))
    assert second.ranges.schema == pl.Schema(RANGES)
    assert second.ranges.rows() == [("0", 2, 43, 2, 0, 1)]
    assert second.edits.height == 0
    assert second.documents.equals(shards[1])
    assert second.decisions.row(0)[1:4] == ("keep", "repeated_substrings", 41.0)


def test_half_a_character_is_never_cut() -> None:
    # The bytes of é and è begin alike, those of é and ©, U+00A9, end alike.
    texts = ["xéabcdefghijé", "yéabcdefghijè", "z©abcdefghijé"]
    assert texts_left([texts], min_length=8) == [["xéabcdefghijé", "yè", "z©"]]
    found = cut_substrings([frame(texts)], options_of(min_length=8))[0]
    assert [row[1:3] for row in found.ranges.rows()] == [(1, 12), (2, 13)]


# -- cuts -----------------------------------------------------------------------------------------------------------

SEAM = "the same long passage here"


@pytest.mark.parametrize(
    ("second", "left"),
    [
        (f"A. {SEAM} B.", "A. B."),
        (f"A.\n\n{SEAM}\nB.", "A.\n\nB."),
        (f"A. {SEAM}\n\nB.", "A.\n\nB."),
        (f"{SEAM}  B.", "B."),
        (f"A.  {SEAM}\n", "A."),
        (f" \n{SEAM} ", ""),
        (f"ba{SEAM} B.", "bathe B."),  # the cut would have left half a word
        (f"A. {SEAM}tofore", "A. heretofore"),
        (f"A. {SEAM} x {SEAM} B.", "A. x B."),
        (f"A. {SEAM} {SEAM} B.", "A. B."),
        (f"磨坊{SEAM}河", "磨坊the here河"),
    ],
)
def test_a_seam_has_whole_words_and_the_white_space_of_a_text(second: str, left: str) -> None:
    assert texts_left([[SEAM, second]]) == [[SEAM, left]]


def test_a_script_without_blanks_is_cut_at_characters() -> None:
    passage = "水车在河边转动着磨坊里的人们正在工作他们每天都很早起床"
    texts = [f"甲{passage}乙", f"丙{passage}丁"]
    assert texts_left([texts]) == [[texts[0], "丙丁"]]


def test_words_are_not_joined_where_the_white_space_is_in_the_passage() -> None:
    # The passage begins with a blank, which parts the words around it.
    assert texts_left([["(the passage goes on)", "[the passage goes on]"]], min_length=10) == [
        ["(the passage goes on)", "[the on]"]
    ]


def test_every_cut_is_recorded() -> None:
    found = cut_substrings([frame([f"é {LICENCE}", f"ñ {LICENCE} ö", "none"])], options_of())[0]
    assert found.edits.schema == pl.Schema(EDITS)
    columns = ("id", "unit", "start", "end", "text", "count", "rule")
    assert found.edits.select(columns).rows() == [("1", None, 1, 42, f" {LICENCE}", 2, "repeated_substrings")]
    assert found.decisions.schema == pl.Schema(DECISIONS)
    assert found.decisions.drop("other_id").rows() == [
        ("0", "keep", None, None, None, None),
        ("1", "edit", "repeated_substrings", 41.0, None, "41 of 44 characters repeat, in 1 ranges"),
        ("2", "keep", None, None, None, None),
    ]


@pytest.mark.parametrize("action", ["cut", "drop_document"])
def test_a_document_with_too_little_left_is_dropped(action: str) -> None:
    texts = [LICENCE, f"{LICENCE} {'word ' * 20}", f"Few. {LICENCE}", "Few."]
    chars = cut_substrings([frame(texts)], options_of(action=action, min_chars_left=10))[0]
    assert chars.documents["id"].to_list() == ["0", "1", "3"]
    assert chars.decisions.row(2)[1:5] == ("drop", "repeated_substrings", 4.0, 10.0)
    share = cut_substrings([frame(texts)], options_of(action=action, min_share_left=0.8))[0]
    assert share.documents["id"].to_list() == ["0", "3"]
    assert share.decisions["bound"].to_list() == [None, 113.0, 36.0, None]
    if action == "drop_document":
        assert chars.documents["text"].to_list() == [texts[0], texts[1], texts[3]]
        assert chars.edits.height == 0


def test_tables_out_of_order_are_refused() -> None:
    one = frame(["a"])
    whole = pl.DataFrame({"key": [2, 1]}, schema={"key": pl.UInt64})
    windows = pl.DataFrame(schema={"hash": pl.UInt64})
    with pytest.raises(StageError, match="stretches are not sorted by hash"):
        remove_substrings(one, whole, windows, options=options_of(), sequence=0)


def test_other_columns_pass_and_no_documents_give_tables_without_rows() -> None:
    documents = frame([LICENCE, f"b {LICENCE}"]).with_columns(lang=pl.lit("en"))
    found = cut_substrings([documents], options_of())[0]
    assert found.documents.rows() == [("0", LICENCE, "en"), ("1", "b", "en")]
    none = cut_substrings([documents.clear()], options_of())[0]
    assert [table.height for table in none] == [0, 0, 0, 0]
    assert [hash_stretches(documents.clear(), options=options_of()).schema, merge_windows([]).schema] == [
        pl.Schema(STRETCHES),
        pl.Schema(WINDOWS),
    ]


# -- properties -----------------------------------------------------------------------------------------------------

TEXTS = st.lists(
    st.lists(st.sampled_from(["a", "b", "ab", "é", "è", "🦙", "一", " ", "\n", "abba éa"]), max_size=30).map(
        "".join
    ),
    max_size=4,
)
OPTIONS = st.builds(
    options_of,
    unit=st.sampled_from(["bytes", "words"]),
    min_length=st.integers(2, 9),
    min_count=st.integers(2, 3),
    keep=st.sampled_from(["first", "none"]),
    snapshot_shards=st.sampled_from([None, None, 1, 2]),
)


@settings(max_examples=70, deadline=None)
@given(st.lists(TEXTS, max_size=3), OPTIONS)
@example([["abba éa" * 9], ["xabba éa" * 5]], options_of(min_length=9))
def test_ranges_are_those_of_all_windows_in_a_table(
    shards: list[list[str]], options: SubstringOptions
) -> None:
    found = cut_substrings([frame(texts) for texts in shards], options, rows_at_once=40)
    got = [one.ranges.select("id", "start", "end", "count").rows() for one in found]
    assert got == define(shards, options)


def define(shards: list[list[str]], options: SubstringOptions) -> list[list[tuple[str, int, int, int]]]:
    """The rules, written as loops over lists."""
    places: dict[Any, list[tuple[int, int, int]]] = {}
    length = options.length

    def windows(text: str) -> list[Any]:
        symbols: Any = text.encode() if options.unit == "bytes" else tuple(text.split())
        return [symbols[i : i + length] for i in range(len(symbols) - length + 1)]

    for number, texts in enumerate(shards[: options.snapshot_shards]):
        for row, text in enumerate(texts):
            for i, window in enumerate(windows(text)):
                places.setdefault(window, []).append((number, row, i))
    found: list[list[tuple[str, int, int, int]]] = []
    for number, texts in enumerate(shards):
        counted = options.snapshot_shards is None or number < options.snapshot_shards
        found.append([])
        for row, text in enumerate(texts):
            ranges: list[list[int]] = []
            for i, window in enumerate(windows(text)):
                known = places.get(window, [])
                if len(known) < options.min_count:
                    continue
                first = known[0]
                if (
                    options.keep == "first"
                    and counted
                    and first[:2] == (number, row)
                    and i - first[2] < length
                ):
                    continue
                if ranges and i <= ranges[-1][1]:
                    ranges[-1][1:] = [i + length, max(ranges[-1][2], len(known))]
                else:
                    ranges.append([i, i + length, len(known)])
            for start, end, count in ranges:
                first_char, end_char = characters(text, start, end, options)
                if first_char < end_char:
                    found[-1].append((str(row), first_char, end_char, count))
    return found


def characters(text: str, start: int, end: int, options: SubstringOptions) -> tuple[int, int]:
    """The largest run of characters inside a range of symbols."""
    if options.unit == "words":
        words = text.split()
        edges = [0]
        for word in words:
            begin = text.index(word, edges[-1])
            edges += [begin, begin + len(word)]
        return edges[1 + 2 * start], edges[2 * end]
    ends = [0]
    for character in text:
        ends.append(ends[-1] + len(character.encode()))
    inside = [i for i, (a, b) in enumerate(pairwise(ends)) if start <= a and b <= end]
    return (inside[0], inside[-1] + 1) if inside else (0, 0)


@settings(max_examples=40, deadline=None)
@given(st.lists(TEXTS, max_size=3), OPTIONS, st.sampled_from([0, 5]), st.sampled_from(["cut", "mask"]))
def test_what_was_cut_repeats_or_is_white_space_and_can_be_put_back(
    shards: list[list[str]], options: SubstringOptions, least: int, action: str
) -> None:
    options = options.model_copy(update={"min_chars_left": least, "action": action})
    frames = [frame(texts, f"{i}-") for i, texts in enumerate(shards)]
    for before, after in zip(frames, cut_substrings(frames, options), strict=True):
        check_conservation(before.height, after.documents, after.decisions, "substrings")
        restored = undo(after.documents, after.edits.sample(fraction=1, shuffle=True, seed=1))
        assert restored.equals(before.filter(pl.col("id").is_in(after.documents["id"].implode())))
        inside: dict[str, set[int]] = {}
        for key, start, end in after.ranges.select("id", "start", "end").iter_rows():
            inside.setdefault(key, set()).update(range(start, end))
        texts = dict(before.iter_rows())
        last = ("", -1)
        for row in after.edits.iter_rows(named=True):
            text, start, end = texts[row["id"]], row["start"], row["end"]
            assert text[start:end] == row["text"]
            assert all(text[i].isspace() or i in inside[row["id"]] for i in range(start, end))
            assert last[0] != row["id"] or last[1] < start  # ascending, and never two in a row
            last = (row["id"], end)


@settings(max_examples=20, deadline=None)
@given(st.lists(TEXTS, max_size=2), OPTIONS, st.integers(1, 3))
def test_batches_and_ranges_of_hashes_change_nothing(
    shards: list[list[str]], options: SubstringOptions, size: int
) -> None:
    frames = [frame(texts) for texts in shards]
    at_once = cut_substrings(frames, options)
    in_parts = cut_substrings(frames, options, batch=size, rows_at_once=20)
    for one, other in zip(at_once, in_parts, strict=True):
        assert all(a.equals(b) for a, b in zip(one, other, strict=True))
