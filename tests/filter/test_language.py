from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.errors import ModelError
from gristmill.filter import describe_languages, identify_languages
from gristmill.filter.options import LanguageOptions
from gristmill.filter.scripts import detect_scripts, languages_in
from tests.filter.texts import GOOD, language_model

GERMAN = "Die Mühle steht an der Biegung des Flusses und mahlt seit dreihundert Jahren Mehl für die Bäckerei."
NORWEGIAN = (
    "Mølla står ved elva og har malt mel til bakeriet i landsbyen i tre hundre år, og folk er glade for det."
)


def identify(texts: list[str | None], max_chars: int | None = None) -> list[tuple[str | None, float | None]]:
    lang, score = identify_languages(pl.Series(texts, dtype=pl.String), language_model(), max_chars=max_chars)
    return list(zip(lang, score, strict=True))


def describe(texts: list[str | None], *, mode: str = "strict", **options: object) -> pl.DataFrame:
    given_options = LanguageOptions.model_validate(options)
    return describe_languages(pl.Series(texts, dtype=pl.String), language_model(), given_options, mode=mode)


def test_languages_are_named_as_the_model_names_them() -> None:
    (english, german) = identify([GOOD, GERMAN])
    assert english[0] == "en"
    assert german[0] == "de"
    assert all(score is not None and 0.9 < score <= 1 for _, score in (english, german))


def test_a_text_without_characters_has_no_language() -> None:
    assert identify(["", " \n\t", None]) == [(None, None)] * 3
    for mode in ("strict", "compat"):
        assert describe(["", " \n\t", None], mode=mode).rows() == [(None,) * 4] * 3


def test_lines_are_read_as_one() -> None:
    assert identify([GOOD.replace(" ", "\n")]) == identify([GOOD])


def test_a_mark_that_ends_lines_for_fasttext_hides_nothing() -> None:
    (found,) = identify([f"The </s> {GERMAN} {GERMAN}"])
    assert found[0] == "de"


def test_only_the_first_characters_are_read() -> None:
    assert identify([f"\n\n{GERMAN[:60]}{GOOD}{GOOD}"], max_chars=60) == identify([GERMAN[:60]])
    assert describe([f"\n\n{GERMAN[:60]}{GOOD}"], max_chars=60).equals(describe([GERMAN[:60]]))


def test_no_texts_give_no_answers() -> None:
    assert identify([]) == []
    assert describe([]).height == 0


def test_capitals_are_read_as_small_letters() -> None:
    assert describe([GERMAN.upper()]).equals(describe([GERMAN.replace("ß", "ss")]))
    (shouted,) = identify([GERMAN.upper()])
    assert shouted[1] < describe([GERMAN.upper()])["lang_score"].item()


def test_addresses_and_digits_say_nothing_of_the_language() -> None:
    noise = "https://www.example.com/the/weather/and/the/news.html someone@the-company.example.com 2024 1234 "
    assert describe([noise * 5 + GERMAN])["lang"].to_list() == ["de"]


def test_a_script_of_one_language_decides() -> None:
    texts = ["ქართული", "Հայերեն", "ภาษาไทย", "ελληνικά", "한국어", "ひらがな漢字"]
    found = describe(texts)
    assert found["lang"][0] in ("ka", "xmf")  # both are written in it
    assert found["lang"][1:].to_list() == ["hy", "th", "el", "ko", "ja"]
    assert found["script"].to_list() == ["Geor", "Armn", "Thai", "Grek", "Kore", "Jpan"]
    assert found["lang_score"][1:].to_list() == [1.0] * 5


def test_a_language_is_not_named_for_a_script_that_it_does_not_use() -> None:
    cyrillic = "the mill and the river".translate(str.maketrans("themilandrv", "тхемиландрв"))
    assert describe([cyrillic])["lang"].item() not in ("en", "de", "fr")


def test_close_languages_share_their_score() -> None:
    alone, together = describe([NORWEGIAN], groups=()), describe([NORWEGIAN])
    assert alone["lang"].item() == together["lang"].item()
    assert alone["lang_score"].item() < together["lang_score"].item() <= 1


def test_balance_names_small_languages_more_often() -> None:
    ladin = "Duc i ëms nasc lëdies y anfat de dignité y de derc."  # not in the model; near to several in it
    plain, balanced = (describe([GOOD, ladin], balance=balance) for balance in (0.0, 1.0))
    assert plain["lang"][0] == balanced["lang"][0] == "en"
    assert plain["lang_score"][0] == balanced["lang_score"][0]
    assert balanced["lang_score"][1] <= plain["lang_score"][1]


def test_compat_asks_for_the_best_language_that_may_stay() -> None:
    found = describe([GERMAN, GOOD], mode="compat", languages=["en", "fr"])
    assert found["lang"].to_list() == ["de", "en"]
    assert found["lang_allowed_score"][0] < 0.1
    assert found["lang_allowed_score"][1] == found["lang_score"][1]


def test_labels_that_name_their_script_are_taken_at_their_word() -> None:
    labels = ("eng_Latn", "srp_Cyrl", "rus_Cyrl")
    assert languages_in("Cyrl", labels) == {"srp_Cyrl", "rus_Cyrl"}
    assert languages_in("Thai", labels) == frozenset()
    assert languages_in("Cyrl", ("en", "ru", "sr")) == {"ru", "sr"}


def test_the_script_is_that_of_most_letters() -> None:
    script, share = detect_scripts(pl.Series(["abc ж", "漢字", "漢字かな", "1 + 2", None], dtype=pl.String))
    assert script.to_list() == ["Latn", "Hani", "Jpan", None, None]
    assert share.to_list() == [0.75, 1.0, 1.0, None, None]


def test_a_missing_or_broken_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not there"):
        identify_languages(pl.Series(["a"]), tmp_path / "none.ftz")
    broken = tmp_path / "broken.ftz"
    broken.write_bytes(b"not a model")
    with pytest.raises(ModelError, match=r"broken\.ftz"):
        identify_languages(pl.Series(["a"]), broken)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=30), max_size=6))
def test_an_answer_depends_on_its_text_alone(texts: list[str]) -> None:
    for mode in ("strict", "compat"):
        together = describe(list(texts), mode=mode)
        assert together.rows() == [describe([text], mode=mode).row(0) for text in texts]
        assert together["lang_score"].is_between(0, 1).all()
