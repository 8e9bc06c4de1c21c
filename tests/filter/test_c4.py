from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.errors import RecipeError
from gristmill.filter import measure_texts
from gristmill.filter.c4 import count_bad_words, remove_lines, spare
from gristmill.filter.options import GOPHER_STOP_WORDS, C4Options

GOOD = "The mill stands by the river."


def edited(text: str, **options: Any) -> tuple[str, dict[str, int]]:
    texts, counts = remove_lines(pl.Series([text]), C4Options(**options))
    return texts.item(), {name: n for name, n in counts.row(0, named=True).items() if n}


def measured(text: str, mode: str = "strict", **options: Any) -> dict[str, Any]:
    table = measure_texts(
        pl.Series([text]), words="unicode", mode=mode, stop_words=GOPHER_STOP_WORDS, c4=C4Options(**options),
        long_line_chars=20,
    )  # fmt: skip
    return table.row(0, named=True)


@pytest.mark.parametrize(
    ("line", "measure", "options"),
    [
        ("a line without an end", "c4_no_terminal_punct_lines", {}),
        ("This line trails off...", "c4_no_terminal_punct_lines", {}),
        ("Two words.", "c4_few_words_lines", {}),
        ("Please enable JavaScript in the browser.", "c4_javascript_lines", {}),
        ("Read the Terms of Use of this site.", "c4_policy_lines", {}),
        ("Read our Privacy Policy before all else.", "c4_policy_lines", {}),
        ("This is our Cookie Policy for you.", "c4_policy_lines", {}),
        ("This site uses cookies.", "c4_policy_lines", {}),
        ("We tell about our use of cookies.", "c4_policy_lines", {}),
        ("By staying here you let us use coo\u212aies.", "c4_policy_lines", {}),  # the sign of the kelvin
        ("A word of eleven characters.", "c4_long_word_lines", {"max_word_chars": 9}),
    ],
)
def test_a_line_that_breaks_a_rule_goes_and_is_counted(
    line: str, measure: str, options: dict[str, Any]
) -> None:
    text = f"{GOOD}\n{line}\n{GOOD}"
    assert edited(text, **options) == (f"{GOOD}\n{GOOD}", {"c4.lines": 1})
    row = measured(text, **options)
    assert (row[measure], row["c4_n_lines"], row["c4_n_sentences"]) == (1, 2, 2)
    assert sum(row[name] for name in row if name.startswith("c4_") and name.endswith("_lines")) == 1 + 2 + 2


def test_words_are_counted_before_citations_go() -> None:
    assert edited("See it [1] [2].") == ("See it  .", {"c4.citations": 2})
    assert edited("Cut here [edit] and [citation needed] there.")[0] == "Cut here  and  there."
    assert edited("[] [12] The mill [x] stands.")[0] == "The mill [x] stands."


def test_a_blank_after_the_last_citation_hides_the_full_stop() -> None:
    assert edited(f"{GOOD}\nThe river is wide. [1]") == (GOOD, {"c4.lines": 1})


def test_blanks_are_counted_only_where_nothing_else_went() -> None:
    assert edited(f"  {GOOD}\r\n\r\n{GOOD}\n") == (f"{GOOD}\n{GOOD}", {"c4.blanks": 6})
    assert edited(GOOD) == (GOOD, {})


def test_the_phrase_that_comes_first_is_counted_and_a_line_that_went_is_not_looked_at() -> None:
    row = measured(f"lorem ipsum\n{GOOD} {{\nLorem ipsum is here.", filter_no_terminal_punct=False)
    assert (row["c4_few_words_lines"], row["c4_curly_bracket_lines"], row["c4_lorem_ipsum_lines"]) == (
        1,
        1,
        0,
    )


def test_fineweb_and_mc4_see_what_is_left() -> None:
    row = measured(f"{GOOD}\nno end\n{GOOD}")
    assert (row["fw_n_lines"], row["fw_line_punct_ratio"], row["c4_n_long_lines"]) == (2, 1.0, 2)
    assert row["fw_char_dup_ratio"] == 0.5
    assert row["fw_newline_word_ratio"] == 1 / 14
    assert row["n_lines_splitlines"] == 3


def test_punctuation_after_the_mark_belongs_to_the_sentence() -> None:
    assert measured('He said "It is late." Then he went home!!! Why?')["c4_n_sentences"] == 3


LINES = st.lists(
    st.sampled_from(
        [GOOD, "", "  ", "no end", "We use cookies here.", "Cut [1] it out.", "[1] [2] [3]", "\u3000x"]
    )
    | st.text(max_size=20),
    max_size=8,
)


@settings(max_examples=80, deadline=None)
@given(LINES, st.sampled_from(["\n", "\r\n", "\u2028"]), st.booleans(), st.sampled_from(["strict", "compat"]))
def test_the_measures_are_those_of_the_text_that_is_left(
    lines: list[str], end: str, punct: bool, mode: str
) -> None:
    text = end.join(lines)
    options = {"filter_no_terminal_punct": punct}
    left, counts = edited(text, **options)
    row = measured(text, mode, **options)
    plain = measure_texts(
        pl.Series([left]), words="unicode", mode=mode, stop_words=GOPHER_STOP_WORDS, long_line_chars=20
    ).row(0, named=True)
    fineweb = [name for name in plain if name.startswith("fw_") or name == "c4_n_long_lines"]
    assert {name: row[name] for name in fineweb} == {name: plain[name] for name in fineweb}
    assert (left != text) == bool(counts)
    reasons = ("long_word", "no_terminal_punct", "few_words", "javascript", "policy")
    assert counts.get("c4.lines", 0) == sum(row[f"c4_{reason}_lines"] for reason in reasons)


def test_bad_words_are_found_between_other_characters(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("drat\nbad word\n", encoding="utf-8")
    texts = pl.Series(["Drat! A Bad Word.", "hydrate", None])
    options = C4Options(bad_words="words.txt")
    assert count_bad_words(texts, options, tmp_path).to_list() == [2, 0, 0]
    inside = options.model_copy(update={"bad_words_inside": True})
    assert count_bad_words(texts, inside, tmp_path).to_list() == [2, 1, 0]


def test_a_list_that_is_missing_or_empty_is_named(tmp_path: Path) -> None:
    (tmp_path / "none.txt").write_text("\n", encoding="utf-8")
    with pytest.raises(RecipeError, match=r"filter\.c4\.bad_words: 'none\.txt' holds no word"):
        count_bad_words(pl.Series(["a"]), C4Options(bad_words="none.txt"), tmp_path)
    with pytest.raises(RecipeError, match=r"got 'gone\.txt', but there is no such file"):
        count_bad_words(pl.Series(["a"]), C4Options(bad_words="gone.txt"), tmp_path)


def test_a_share_of_documents_is_spared_by_id() -> None:
    ids = pl.Series([f"d{i}" for i in range(400)])
    chosen = spare(ids, 0.25)
    assert 60 < chosen.sum() < 140
    assert spare(ids.reverse(), 0.25).reverse().to_list() == chosen.to_list()
    assert spare(ids, 0.0).sum() == 0
