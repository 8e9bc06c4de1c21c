from __future__ import annotations

import pytest

from gristmill.rephrase.names import names_of, novel_names

SOURCE = (
    "While they were in Italy, people from the USA built the first version of SQLite together with Anna Weber of the "
    "United Nations. It was Mr. Lowe, a friend from Berlin, who paid for all of it on the evening of 24 December."
)


@pytest.mark.parametrize(
    ("text", "novel"),
    [
        ("It was paid for by Garrow.", ["Garrow"]),
        ("The keeper, Anna Garrow, was there.", ["Anna Garrow"]),
        ("It was built with MySQL.", ["MySQL"]),
        ("It calls open_gate() first.", ["open_gate"]),
        ("Thanks to Mr. Garrow it was paid.", ["Garrow"]),
    ],
)
def test_a_name_that_the_passage_lacks_is_novel(text: str, novel: list[str]) -> None:
    assert novel_names(text, SOURCE) == novel


@pytest.mark.parametrize(
    "text",
    [
        "Garrows are birds.",  # a name of one word at the beginning alone cannot be told
        "The Italian and the American office of the UN.",
        "The United States of America paid, says Anna Weber's friend.",
        "On Christmas Eve. On a Tuesday I paid, as Berliners do.",
        "It was paid by Mayor Lowe and by Mr Lowe.",
        "He said: Nobody paid. Then (Perhaps) it was over.",
    ],
)
def test_what_follows_from_the_passage_is_no_new_name(text: str) -> None:
    assert novel_names(text.replace(" Eve", ""), SOURCE) == []


GERMAN = "Die Sternwarte wurde von der Optikerin Klara Wendt gestiftet und ist mit dem Auto zu erreichen."


@pytest.mark.parametrize(
    ("text", "novel"),
    [
        ("Die Optikerin gab das Geld und ist mit einer Tasse Kaffee im Garten.", []),
        ("Es sind 50 Gramm Mehl und ein Liter Milch, die von ihr sind.", []),
        ("Das Haus ist von Petra Lang und nicht von der Stadt.", ["Petra Lang"]),
        ("Sie ist mit der Optikerin Lang im Garten.", ["Lang"]),
    ],
)
def test_german_nouns_are_no_names(text: str, novel: list[str]) -> None:
    assert novel_names(text, GERMAN) == novel


def test_names_of_a_text() -> None:
    assert names_of(SOURCE) == ["Italy", "USA", "SQLite", "Anna Weber", "United Nations", "Lowe", "Berlin"]
    assert names_of(GERMAN) == ["Optikerin Klara Wendt"]
