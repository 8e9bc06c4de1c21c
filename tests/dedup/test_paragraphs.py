from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xxhash
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gristmill.dedup import (
    COUNTS,
    EDITS,
    UNITS,
    ParagraphOptions,
    count_units,
    hash_units,
    remove_units,
    undo,
)
from gristmill.dedup.paragraphs import Removed, normalise_unit
from gristmill.documents import DECISIONS, check_conservation
from gristmill.errors import StageError
from tests.dedup.texts import frame

FOOTER = "Share this page with a friend"


def counted(shards: list[pl.DataFrame], options: ParagraphOptions, **more: Any) -> pl.DataFrame:
    tables = [hash_units(shard, options=options).lazy() for shard in shards]
    return pl.concat(count_units(tables, options=options, **more))


def removed(shards: list[pl.DataFrame], options: ParagraphOptions) -> list[Removed]:
    counts = counted(shards, options)
    return [remove_units(shard, counts, options=options, sequence=i) for i, shard in enumerate(shards)]


def texts_left(shards: list[list[str]], **options: Any) -> list[dict[str, str]]:
    """Text by id of what is left, shard by shard."""
    found = removed([frame(texts) for texts in shards], ParagraphOptions(**options))
    return [dict(one.documents.select("id", "text").iter_rows()) for one in found]


# -- units ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("  Page 3 of 45 ", "page 0 of 00"),
        ("“Quoted” — text…", "quoted  text"),
        ("— dash first", " dash first"),  # stripped before, not after, marks are deleted
        ("tab\tinside", "tabinside"),
        ("٣ and １", "0 and 0"),
        ("ΟΔΟΣ ΣΑΣ", "οδος σας"),
        ("İstanbul", "i̇stanbul"),
        ("\x1c\u3000 ", ""),
    ],
)
def test_a_unit_is_normalised_as_ccnet_does(text: str, normalised: str) -> None:
    assert normalise_unit(text) == normalised
    (unit,) = hash_units(frame([text]), options=ParagraphOptions()).to_dicts()
    assert unit == {
        "row": 0,
        "unit": 0,
        "hash": xxhash.xxh64_intdigest(normalised.encode()),
        "chars": len(normalised),
    }


@settings(max_examples=60, deadline=None)
@given(st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("ΣσİΑ 1٣\t—\u3000ẞȺ"))))
def test_the_kernel_agrees_with_the_definition(text: str) -> None:
    units = hash_units(frame([text]), options=ParagraphOptions())
    wanted = [normalise_unit(line) for line in text.split("\n")]
    assert units["hash"].to_list() == [xxhash.xxh64_intdigest(line.encode()) for line in wanted]
    assert units["chars"].to_list() == [len(line) for line in wanted]


def test_paragraphs_end_at_blank_lines_and_keep_their_own() -> None:
    text = "\n \nfirst\nline two\n\n\t\n  second\n"
    units = hash_units(frame(["", text, " \n"]), options=ParagraphOptions(unit="paragraph"), first_row=7)
    assert units.schema == pl.Schema(UNITS)
    assert units.select("row", "unit").rows() == [(8, 0), (8, 1)]
    assert units["hash"].to_list() == [
        xxhash.xxh64_intdigest(normalise_unit(paragraph).encode())
        for paragraph in ("first\nline two", "second")
    ]


def test_null_is_an_empty_text_and_no_documents_have_no_units() -> None:
    none = pl.DataFrame({"text": [None]}, schema={"text": pl.String})
    assert hash_units(none, options=ParagraphOptions())["chars"].to_list() == [0]
    assert hash_units(none.clear(), options=ParagraphOptions()).schema == pl.Schema(UNITS)


# -- counts ---------------------------------------------------------------------------------------------------------


def test_counts_name_the_first_occurrence_by_order_of_registration() -> None:
    counts = counted([frame(["a\nb"]), frame(["c", "x\nb"]), frame(["B\nb\nc"])], ParagraphOptions())
    assert counts.schema == pl.Schema(COUNTS)
    by_hash = {
        row["hash"]: (row["count"], row["sequence"], row["row"], row["unit"]) for row in counts.to_dicts()
    }
    assert by_hash == {
        xxhash.xxh64_intdigest(b"b"): (4, 0, 0, 1),
        xxhash.xxh64_intdigest(b"c"): (2, 1, 0, 0),
    }


@pytest.mark.parametrize("rows", [1, 3, 1000])
def test_counts_are_the_same_by_any_ranges_and_from_sorted_files(tmp_path: Path, rows: int) -> None:
    shards = [
        frame([f"line {chr(97 + (i * j) % 11)}\nmore {chr(97 + i % 5)}" for i in range(30)])
        for j in (1, 2, 3)
    ]
    options = ParagraphOptions()
    expected = Counter(
        normalise_unit(line) for shard in shards for text in shard["text"] for line in text.split("\n")
    )
    files = []
    for number, shard in enumerate(shards):
        path = tmp_path / f"{number}.parquet"
        hash_units(shard, options=options).sort("hash").write_parquet(path, row_group_size=7)
        files.append(pl.scan_parquet(path))
    parts = pl.concat(count_units(files, options=options, rows_at_once=rows))
    assert parts.equals(counted(shards, options))
    assert parts["hash"].is_sorted()
    assert dict(parts.select("hash", "count").iter_rows()) == {
        xxhash.xxh64_intdigest(line.encode()): count for line, count in expected.items() if count >= 2
    }


def test_without_shards_there_are_no_counts() -> None:
    assert counted([], ParagraphOptions()).schema == pl.Schema(COUNTS)


def test_short_units_are_not_counted() -> None:
    assert counted([frame(["\n\nabc\nabcd", "abc\nabcd\n"])], ParagraphOptions(min_chars=4)).height == 1


# -- cuts -----------------------------------------------------------------------------------------------------------


def test_the_first_occurrence_stays_and_blank_lines_are_left_alone() -> None:
    shards = [[f"One.\n\n{FOOTER}\n"], [f"Two.\n\n{FOOTER.upper()}\nThree.\n", "Four.\n\nFive."]]
    assert texts_left(shards) == [
        {"0": f"One.\n\n{FOOTER}\n"},
        {"0": "Two.\n\nThree.\n", "1": "Four.\n\nFive."},
    ]


def test_nothing_stays_in_two_passes() -> None:
    assert texts_left([[f"One.\n{FOOTER}"], [f"{FOOTER}\nTwo."]], keep="none") == [
        {"0": "One."},
        {"0": "Two."},
    ]


def test_rare_units_stay_until_they_are_counted_often_enough() -> None:
    shards = [[f"{i}th text {chr(97 + i)}\n{FOOTER}" for i in range(6)]]
    assert texts_left(shards, min_count=7) == [{str(i): text for i, text in enumerate(shards[0])}]
    (left,) = texts_left([[*shards[0], f"z\n{FOOTER}"]], min_count=7)
    assert sum(FOOTER in text for text in left.values()) == 1


def test_repeats_of_one_document_go_by_their_own_rule() -> None:
    text = "chorus\nverse one\nchorus\nverse two\nchorus"
    assert texts_left([[text]], min_count=7) == [{"0": "chorus\nverse one\nverse two"}]
    assert texts_left([[text]], min_count=7, within_document=False) == [{"0": text}]
    # With keep `first`, across documents everything stays in the document of the first occurrence.
    assert texts_left([[text, "chorus\nend"]], within_document=False) == [{"0": text, "1": "end"}]


def test_paragraphs_go_with_their_blank_line() -> None:
    shards = [["Menu\nHome\n\nFirst\nstory.\n\nFooter\n"], ["Menu\nHome\n\nSecond.\n\n\nFooter\n"]]
    assert texts_left(shards, unit="paragraph")[1] == {"0": "Second.\n"}


def test_a_document_with_too_little_left_is_dropped_and_says_how_much() -> None:
    documents = frame([f"{FOOTER}\nA long and proper text.", f"{FOOTER}\nOk.", FOOTER, "tiny"])
    (found,) = removed([documents], ParagraphOptions(min_chars_left=10))
    assert found.decisions.schema == pl.Schema(DECISIONS)
    assert found.decisions.select("action", "rule", "value", "bound", "detail").rows() == [
        ("keep", None, None, None, None),
        ("drop", "repeated_units", 3.0, 10.0, "1 of 2 units were cut"),
        ("drop", "repeated_units", 0.0, 10.0, "1 of 1 units were cut"),
        ("keep", None, None, None, None),  # short, but nobody touched it
    ]
    assert found.documents["id"].to_list() == ["0", "3"]
    assert found.edits["id"].to_list() == ["1", "2"]


def test_every_cut_is_recorded_with_its_separator() -> None:
    documents = frame(["é\nx", "añb\né\nñ\nñ\né"])
    (found,) = removed([documents], ParagraphOptions())
    assert found.edits.schema == pl.Schema(EDITS)
    columns = ("id", "unit", "start", "end", "text", "count", "rule")
    assert found.edits.select(columns).rows() == [
        ("1", 1, 4, 6, "é\n", 3, "across_documents"),
        ("1", 3, 7, 9, "\nñ", 2, "within_document"),
        ("1", 4, 9, 11, "\né", 3, "across_documents"),
    ]
    assert found.decisions.row(1)[1:4] == ("edit", "repeated_units", 6.0)
    for row in found.edits.to_dicts():
        text = documents["text"][1]
        assert text[row["start"] : row["end"]] == row["text"]


def test_a_shard_outside_the_snapshot_comes_after_all() -> None:
    options = ParagraphOptions()
    counts = counted([frame([f"a\n{FOOTER}", f"b\n{FOOTER}"])], options)
    later = frame([f"a\nnew\nnew too\n{FOOTER}", "new"])
    left = remove_units(later, counts, options=options, sequence=None)
    assert left.documents["text"].to_list() == ["a\nnew\nnew too", "new"]  # `a` was counted once


def test_counts_out_of_order_are_refused() -> None:
    options = ParagraphOptions()
    counts = counted([frame(["a\nb\nc", "a\nb\nc"])], options)
    with pytest.raises(StageError, match="not sorted by hash"):
        remove_units(frame(["a"]), counts.reverse(), options=options, sequence=0)


def test_other_columns_pass_and_no_documents_give_tables_without_rows() -> None:
    documents = frame(["a", "a\nb"]).with_columns(lang=pl.lit("en"))
    (found,) = removed([documents], ParagraphOptions())
    assert found.documents.rows() == [("0", "a", "en"), ("1", "b", "en")]
    (none,) = removed([documents.clear()], ParagraphOptions())
    assert [table.height for table in none] == [0, 0, 0]
    assert none.edits.schema == pl.Schema(EDITS)


# -- properties -----------------------------------------------------------------------------------------------------

LINES = st.sampled_from(["", " ", "a", "A ", "b1", "b2", "ñandú 🦙", "一行", "c", "—", "\r", "d\u2028e"])
TEXTS = st.lists(st.lists(LINES, max_size=7).map("\n".join), max_size=5)
OPTIONS = st.builds(
    ParagraphOptions,
    unit=st.sampled_from(["line", "paragraph"]),
    min_chars=st.integers(0, 2),
    min_count=st.integers(2, 4),
    keep=st.sampled_from(["first", "none"]),
    within_document=st.booleans(),
    min_chars_left=st.integers(0, 3),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS, max_size=3), OPTIONS)
@example([["\n\na\n", "a\n\n\nb\n"]], ParagraphOptions(unit="paragraph"))
def test_what_was_cut_can_be_put_back_byte_for_byte(
    shards: list[list[str]], options: ParagraphOptions
) -> None:
    frames = [frame(texts, f"{i}-") for i, texts in enumerate(shards)]
    for before, after in zip(frames, removed(frames, options), strict=True):
        check_conservation(before.height, after.documents, after.decisions, "paragraphs")
        restored = undo(after.documents, after.edits.sample(fraction=1, shuffle=True, seed=1))
        assert restored.equals(before.filter(pl.col("id").is_in(after.documents["id"].implode())))
        for row in after.edits.iter_rows(named=True):
            text = before.row(by_predicate=pl.col("id") == row["id"], named=True)["text"]
            assert text[row["start"] : row["end"]] == row["text"]


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS, max_size=3), OPTIONS)
def test_the_definition_line_by_line_gives_the_same(
    shards: list[list[str]], options: ParagraphOptions
) -> None:
    options = options.model_copy(update={"unit": "line"})
    frames = [frame(texts) for texts in shards]
    found = [dict(one.documents.iter_rows()) for one in removed(frames, options)]
    assert found == define(shards, options)


def define(shards: list[list[str]], options: ParagraphOptions) -> list[dict[str, str]]:
    """The rules, written as loops over lists."""
    places: dict[str, list[tuple[int, int]]] = {}
    for number, texts in enumerate(shards):
        for row, text in enumerate(texts):
            for line in text.split("\n"):
                places.setdefault(normalise_unit(line), []).append((number, row))
    left: list[dict[str, str]] = []
    for number, texts in enumerate(shards):
        left.append({})
        for row, text in enumerate(texts):
            kept, seen = [], set()
            for line in text.split("\n"):
                key = normalise_unit(line)
                counts = len(key) >= options.min_chars
                first = options.keep == "first" and places[key][0] == (number, row)
                across = counts and len(places[key]) >= options.min_count and not first
                within = counts and options.within_document and key in seen
                seen.add(key)
                if not (across or within):
                    kept.append(line)
            after = "\n".join(kept)
            if len(kept) == len(text.split("\n")) or (kept and len(after.strip()) >= options.min_chars_left):
                left[-1][str(row)] = after
    return left


@settings(max_examples=60, deadline=None)
@given(TEXTS, OPTIONS, st.integers(1, 3))
def test_batches_change_nothing(texts: list[str], options: ParagraphOptions, size: int) -> None:
    documents = frame(texts)
    whole = hash_units(documents, options=options)
    counts = pl.concat(count_units([whole.lazy()], options=options))
    at_once = remove_units(documents, counts, options=options, sequence=0)
    parts = [(first, documents.slice(first, size)) for first in range(0, len(texts), size)]
    if not parts:
        return
    units = pl.concat([hash_units(part, options=options, first_row=first) for first, part in parts])
    assert units.equals(whole)
    cut = [remove_units(part, counts, options=options, sequence=0, first_row=first) for first, part in parts]
    for number in range(3):
        assert pl.concat([one[number] for one in cut]).equals(at_once[number])


def test_lines_are_those_of_split_and_nothing_else() -> None:
    text = "a\rb\u2028c\x0bd"
    assert hash_units(frame([text]), options=ParagraphOptions()).height == len(re.split("\n", text))
