from __future__ import annotations

import pytest

from gristmill.rephrase.frequent_words import LANGUAGES, likely_languages


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "The mill was built by the brook, and it is still at work for the village."),
        ("de", "Die Mühle wurde am Bach gebaut und ist noch immer für das Dorf in Betrieb."),
        ("fr", "Le moulin a été construit sur la rive et il est encore en service pour le village."),
        ("es", "El molino se construyó en la orilla y es más viejo que la iglesia del pueblo."),
        ("it", "Il mulino è stato costruito sulla riva e si trova nel centro della valle."),
        ("nl", "De molen staat aan het water en is nog steeds van de boeren in het dorp."),
    ],
)
def test_a_sentence_tells_its_language(language: str, text: str) -> None:
    assert likely_languages(text) == (language,)


def test_a_known_language_counts_and_nothing_told_leaves_several() -> None:
    assert likely_languages("The mill of the village.", "de") == ("de",)
    assert likely_languages("The mill of the village.", "zh")[0] == "en"
    assert likely_languages("") == LANGUAGES
