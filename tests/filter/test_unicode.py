from __future__ import annotations

import unicodedata

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.filter.options import UnicodeOptions
from gristmill.filter.unicode import REPAIRS, repair_texts


def repair(text: str | None, **options: object) -> tuple[str, dict[str, int]]:
    texts, counts = repair_texts(pl.Series([text], dtype=pl.String), UnicodeOptions(**options))
    return texts.item(), {name: count for name, count in counts.row(0, named=True).items() if count}


def test_wrongly_decoded_text_is_decoded_anew() -> None:
    assert repair("cafÃ© â€œhereâ€\x9d") == ("café “here”", {"mojibake": 3})
    assert repair("РџСЂРёРІРµС‚ РјРёСЂ")[0] == "Привет мир"
    assert repair("cafÃ©", mojibake=False) == ("cafÃ©", {})


def test_text_that_only_looks_odd_stays() -> None:
    for text in ("« élevé »", "Ünïcode, naïve, São Paulo, ÉTÉ", "РОССИЯ", "½ × ²", "“quotes” ﬁne ＡＢ &amp;"):
        assert repair(text) == (text, {})


def test_control_characters_go_and_line_ends_become_one() -> None:
    assert repair("\ufeffa\x00b\tc\x0c\r\nd\re\u2028f\x85") == (
        "ab\tc\x0c\nd\ne\nf\n",
        {"controls": 2, "line_ends": 4},
    )
    assert repair("a\r\n\x00", controls=False, line_ends=False) == ("a\r\n\x00", {})


def test_the_normal_form_is_reached() -> None:
    assert repair("e\u0301 \u212b") == ("é Å", {"normal_form": 1})
    assert repair("x²", normal_form="NFKC") == ("x2", {"normal_form": 1})
    assert repair("e\u0301", normal_form=None) == ("e\u0301", {})


def test_a_null_text_is_an_empty_one() -> None:
    assert repair(None) == ("", {})


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=12), max_size=6))
def test_repaired_texts_are_in_normal_form_and_free_of_controls(texts: list[str]) -> None:
    repaired, counts = repair_texts(pl.Series(texts, dtype=pl.String), UnicodeOptions(mojibake=False))
    assert counts.columns == list(REPAIRS)
    for text in repaired:
        assert unicodedata.is_normalized("NFC", text)
        assert not set(text) & set("\x00\r\x85\u2028\ufeff")
    again, more = repair_texts(repaired, UnicodeOptions(mojibake=False))
    assert again.to_list() == repaired.to_list()
    assert more.sum().row(0) == (0, 0, 0, 0)
