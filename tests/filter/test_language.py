from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from gristmill.errors import ModelError
from gristmill.filter import identify_languages
from tests.filter.texts import GOOD, language_model

GERMAN = "Die Mühle steht an der Biegung des Flusses und mahlt seit dreihundert Jahren Mehl für die Bäckerei."


def identify(texts: list[str | None], max_chars: int | None = None) -> list[tuple[str | None, float | None]]:
    lang, score = identify_languages(pl.Series(texts, dtype=pl.String), language_model(), max_chars=max_chars)
    return list(zip(lang, score, strict=True))


def test_languages_are_named_as_the_model_names_them() -> None:
    (english, german) = identify([GOOD, GERMAN])
    assert english[0] == "en"
    assert german[0] == "de"
    assert all(score is not None and 0.9 < score <= 1 for _, score in (english, german))


def test_a_text_without_characters_has_no_language() -> None:
    assert identify(["", " \n\t", None]) == [(None, None)] * 3


def test_lines_are_read_as_one() -> None:
    assert identify([GOOD.replace(" ", "\n")]) == identify([GOOD])


def test_a_mark_that_ends_lines_for_fasttext_hides_nothing() -> None:
    (found,) = identify([f"The </s> {GERMAN} {GERMAN}"])
    assert found[0] == "de"


def test_only_the_first_characters_are_read() -> None:
    assert identify([f"\n\n{GERMAN[:60]}{GOOD}{GOOD}"], max_chars=60) == identify([GERMAN[:60]])


def test_no_texts_give_no_answers() -> None:
    assert identify([]) == []


def test_a_missing_or_broken_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not there"):
        identify_languages(pl.Series(["a"]), tmp_path / "none.ftz")
    broken = tmp_path / "broken.ftz"
    broken.write_bytes(b"not a model")
    with pytest.raises(ModelError, match=r"broken\.ftz"):
        identify_languages(pl.Series(["a"]), broken)
