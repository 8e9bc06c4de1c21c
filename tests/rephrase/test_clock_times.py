from __future__ import annotations

import pytest

from gristmill.rephrase.faithfulness import novel_items
from gristmill.rephrase.numbers.clock_times import named_times


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("It opens at 13:30.", "It opens at 1.30 p.m."),
        ("It opens at 1:30 pm.", "It opens at half past one."),
        ("It opens at 14:45.", "It opens at a quarter to three."),
        ("Le train part à 5h42.", "Le train part à 5 h 42."),
        ("Il ferme à 12h30.", "Il ferme à midi et demi."),
        ("Um halb elf.", "Es beginnt um 10.30 Uhr."),
        ("Um Viertel nach elf.", "Es beginnt um 11:15 Uhr."),
        ("Von 18:30 bis 20:45.", "Es ist von 18.30 bis 20.45 Uhr."),
        ("From 9 a.m. to 5 p.m.", "It is open from 9 to 5."),
        ("From 9 to 5.", "It is open from 09:00 to 17:00."),
        ("At 7 in the evening.", "It is at 1900 hours."),
        ("At 12:00.", "It closes at noon."),
        ("À dix heures vingt-deux du soir.", "Il se posa à 22 h 22."),
        ("Um zehn Uhr zwanzig.", "Es beginnt um 10.20 Uhr."),
        ("Trente-trois heures et demie.", "Le vol dura 33 h 30."),
        ("One hour and 45 minutes.", "From 7.15 to 9 p.m."),
    ],
)
def test_the_same_time_in_another_form_is_not_novel(text: str, source: str) -> None:
    assert novel_items(text, source).numbers == ()


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("It opens at 2.30 p.m.", "It opens at 1.30 p.m."),
        ("It opens at half past two.", "It opens at 1.30 p.m."),
        ("Um halb zwölf.", "Es beginnt um 10.30 Uhr."),
        ("In 2:27:15.", "Her time was 2:27:16."),
        ("It won 3:2.", "It won 3:1."),
    ],
)
def test_another_time_is_novel(text: str, source: str) -> None:
    assert novel_items(text, source).numbers != ()


def test_noon_and_midnight_have_minutes() -> None:
    assert list(named_times("From noon to midnight, à midi et quart.")) == [720, 0, 735]
