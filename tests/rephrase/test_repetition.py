from __future__ import annotations

from gristmill.rephrase.statements.content import read_content
from gristmill.rephrase.statements.repetition import count_repeated

SOURCE = (
    "The night bus costs $3.75 and monthly passes are valid. It leaves Central Station at 00:20. Drivers let people "
    "off between two stops."
)


def _count(text: str, source: str = SOURCE, answers: list[str] | None = None) -> int:
    return count_repeated(read_content(text), read_content(source), answers)


def test_a_statement_in_other_words_is_counted() -> None:
    said = "Riding the night bus costs $3.75, monthly passes being valid. "
    assert _count(said + "It goes from Central Station at 00:20.") == 0
    assert _count(said + "Hence monthly passes are valid, and the bus at night is $3.75.") == 2


def test_answers_are_compared_and_not_their_questions() -> None:
    answers = [
        "$3.75, and monthly passes are valid.",
        "It costs $3.75, or a valid monthly pass.",
        "At 00:20.",
    ]
    text = "\n".join(f"What about the night bus from Central Station?\n{answer}" for answer in answers)
    assert _count(text, answers=answers) == 1


def test_a_refrain_of_the_passage_is_allowed() -> None:
    refrain = "The old bell rings across the harbour tonight. " * 3
    assert _count(refrain, refrain) == 0


def test_short_statements_and_new_words_are_not_counted() -> None:
    assert _count("Buses run. Buses stop. Buses go. They all like tea. They all like tea.") == 0


def test_what_the_whole_passage_is_about_is_no_repetition() -> None:
    source = (
        "A perfect number is the sum of its divisors. Euclid gave a rule for a perfect number. Every even perfect "
        "number has it. Whether an odd perfect number exists is open."
    )
    text = (
        "We call a number perfect if its divisors sum to it. Euclid found a rule for perfect numbers. All perfect "
        "numbers that are even have it. Nobody knows an odd perfect number."
    )
    assert _count(text, source) == 0
