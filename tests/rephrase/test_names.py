from __future__ import annotations

import pytest

from gristmill.rephrase.names.novel import names_of, novel_names

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
        ("Webster of the nations built it.", ["Webster"]),  # much like Weber, who is not there
        ("It keeps its rows in redis and postgres.", ["postgres", "redis"]),
        ("It was paid by Berlin and by Berlon.", ["Berlon"]),
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
        "He said: Nobody paid. (Perhaps it was over.)",
        "It was paid by Sergeant Lowe, then CEO, with 3 kWh and 2 MHz.",
        "The German, called so as the Italians do, was on TV at 3 PM.",
        "Was he a keeper? It was the Keeper, says Lowe.",  # with a small letter elsewhere
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
        ("Sie ist nach Wendts Rat im Garten und nicht im Haus.", []),
    ],
)
def test_german_nouns_are_no_names(text: str, novel: list[str]) -> None:
    assert novel_names(text, GERMAN) == novel


def test_names_of_a_text() -> None:
    assert names_of(SOURCE) == ["Italy", "USA", "SQLite", "Anna Weber", "United Nations", "Lowe", "Berlin"]
    assert names_of(GERMAN) == ["Optikerin Klara Wendt"]


def test_formulas_and_countries_of_what_the_passage_names_are_no_new_names() -> None:
    source = "The Belgian and the Swedish plant give off carbon dioxide, salt and table water to the American port."
    assert novel_names("In Belgium, Sweden and the United States it is CO₂, NaCl and H2O.", source) == []
    assert novel_names("In what is made there they have found some NH3 and SO2.", source) == ["NH3", "SO2"]


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("It fetched CHF 230,000 at 20 degrees Celsius.", "It was sold for 230,000 Swiss francs at 20 °C."),
        (
            "Der Turm steht auf der Insel, und auf Platte Nummer 2 ist er zu sehen.",
            "Der Turm steht auf der Insel und ist auf der zweiten Platte zu sehen.",
        ),
        (
            "Es ist ein Darlehen des Frankfurter Handelsherrn Oppenheim, das er der Stadt und dem Land gab.",
            "Das Geld lieh der Frankfurter Kaufmann Isaak Oppenheim der Stadt und dem Land.",
        ),
    ],
)
def test_currency_codes_scales_and_german_nouns_are_no_names(text: str, source: str) -> None:
    assert novel_names(text, source) == []


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("The Scots beat the Dutch in the Polish capital.", "Scotland beat Holland in Warsaw."),
        ("They met in Munich, and then in Florenz.", "Sie trafen sich in München und in Florence."),
        ("Les Anglais et un Danois arrivent.", "England and Denmark arrive."),
        (
            "It got landmark status from the American Society of Civil Engineers.",
            "The ASCE made it a landmark.",
        ),
        (
            "Sie beging, wie man in der Stadt sagt, in Berlin Selbstmord.",
            "Sie nahm sich in der Stadt Berlin das Leben.",
        ),
    ],
)
def test_one_place_and_one_body_have_several_names(text: str, source: str) -> None:
    assert novel_names(text, source) == []


@pytest.mark.parametrize(
    ("text", "source", "novel"),
    [
        ("It was built in Warsaw.", "It was built in Poland.", ["Warsaw"]),
        ("The people there are Austrian.", "The people there are Australian.", ["Austrian"]),
        ("It got a prize from the American Society of Rail Engineers.", "It got a prize from the ASCE.",
         ["American Society", "Rail Engineers"]),
    ],
)  # fmt: skip
def test_another_place_or_body_is_novel(text: str, source: str, novel: list[str]) -> None:
    assert novel_names(text, source) == novel


@pytest.mark.parametrize(
    ("text", "source", "novel"),
    [
        ("The old salt (Wexcombe) fizzes in water.", "The old salt (NaHCO₃) fizzes in water.", ["Wexcombe"]),
        ("The old salt (which Ada found) fizzes.", "Ada found that the old salt fizzes.", []),
        ("The old salt fizzes. (Water helps.)", "The old salt fizzes in water.", []),
        (
            "All non-Ostrovian buyers pay the tax.",
            "All buyers from outside the EU pay the tax.",
            ["Ostrovian"],
        ),
        ("All non-EU buyers pay the tax.", "All buyers from outside the EU pay the tax.", []),
    ],
)
def test_names_alone_in_brackets_or_behind_a_prefix_are_told(
    text: str, source: str, novel: list[str]
) -> None:
    assert novel_names(text, source) == novel
