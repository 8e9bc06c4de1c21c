from __future__ import annotations

import pytest

from gristmill.rephrase.statements.content import read_content
from gristmill.rephrase.statements.negations import finds_changed_negation


def _changed(text: str, source: str) -> bool:
    return finds_changed_negation(read_content(text), read_content(source))


ENGLISH = (
    "A man who was questioned about the fire at the bowling club is not a suspect, police have made clear."
)
GERMAN = "Der Widerspruch ist beim Amt zu erheben; eine einfache E-Mail genügt nicht und wird von der Behörde gelöscht."
FRENCH = (
    "Il ne faut pas donner de champignons sauvages aux jeunes enfants, car la digestion en est difficile."
)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("Police say that the man questioned about the fire at the bowling club is a suspect.", ENGLISH),
        ("Den Widerspruch nimmt das Amt an, eine einfache E-Mail an die Behörde genügt.", GERMAN),
        ("Les jeunes enfants peuvent manger des champignons sauvages, de digestion difficile.", FRENCH),
    ],
)
def test_a_lost_negation_is_found(text: str, source: str) -> None:
    assert _changed(text, source)


def test_an_added_negation_is_found() -> None:
    source = "The roof of the clubhouse, built in 1926, has fallen in after the fire in the kitchen."
    assert _changed(
        "The roof of the clubhouse, built in 1926, has not fallen in after the fire in the kitchen.", source
    )


@pytest.mark.parametrize(
    "text",
    [
        "The man questioned about the fire at the bowling club is no suspect for the police.",
        "Police exclude that the man questioned about the fire at the bowling club is a suspect.",
        "Is the man questioned about the fire at the bowling club a suspect? No, say the police.",
        "The police cleared someone of the blaze.",
    ],
)
def test_a_negation_in_other_words_is_none_lost(text: str) -> None:
    assert not _changed(text, ENGLISH)


def test_not_only_is_no_negation() -> None:
    source = "Leitungen aus Blei sind nicht erst beim Umbau des alten Hauses zu ersetzen."
    assert not _changed("Beim Umbau und zuvor sind Leitungen aus Blei in dem alten Haus zu ersetzen.", source)


def test_languages_without_a_list_are_passed_over() -> None:
    spanish = (
        "El hombre que fue interrogado sobre el incendio no es sospechoso, y la policía lo ha dejado claro."
    )
    assert not _changed(spanish.replace(" no es", " es"), spanish)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (
            "A tenant may end the lease when a serious defect remains unrepaired by the landlord.",
            "A tenant may end the lease if the landlord has not repaired a serious defect.",
        ),
        (
            "The duke no longer claimed the salt works of the city.",
            "The duke gave up his claim to the salt works of the city.",
        ),
    ],
)
def test_a_negation_inside_a_word_or_in_a_verb_of_giving_up_is_one(text: str, source: str) -> None:
    assert not _changed(text, source)


def test_a_first_time_since_denies_what_was_between() -> None:
    source = "It was the first home win of the old Vale team since the rainy September of last year."
    assert not _changed(
        "The old Vale team had not won at home since the rainy September of last year.", source
    )
