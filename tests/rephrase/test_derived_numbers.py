from __future__ import annotations

import pytest

from gristmill.rephrase.faithfulness import novel_items


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("It lasted 19 years.", "It ran from 1997 to 2016."),
        (
            "By 2017 he was dead for five years.",
            "He retired in 2010, died two years later, and it closed in 2017.",
        ),
        ("He died in 1988.", "Born in 1902, he died aged 86."),
        ("It closed in 2004.", "It opened in 1994 and closed a decade later."),
        ("It rose by €23 million.", "It rose from €61m to €84m."),
        ("Members pay 18 €.", "Es kostet 28 Euro, für Mitglieder zehn Euro weniger."),
        ("It fell by 20 degrees.", "It fell from 55 to 35 °C."),
        ("526 gave up.", "Of 8,214 starters, 7,688 finished."),
        ("25 survived.", "All but one of the 26 survived."),
        ("He gave $5,650.", "It cost $11,300, of which he gave half."),
        ("It is open for 8 hours.", "It is open from 9:00 to 17:00."),
        ("Le trajet durera 70 minutes.", "Le trajet durera 1 h 10 au lieu de 25 minutes."),
        ("It was mapped in 1807.", "It slid on 22 August 1806 and was mapped the following spring."),
        ("It takes 0.07 seconds.", "It takes 7 hundredths of a second."),
    ],
)
def test_what_follows_from_the_passage_is_not_novel(text: str, source: str) -> None:
    assert novel_items(text, source).numbers == ()


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("It lasted 18 years.", "It ran from 1997 to 2016."),
        ("Le trajet durera 80 minutes.", "Le trajet durera 1 h 10 au lieu de 25 minutes."),
        ("It rose by €25 million.", "It rose from €61m to €84m."),
        ("It closed in 2003.", "It opened in 1994 and closed a decade later."),
        ("In 1990 it closed.", "It opened in 1994 and closed two years later."),  # not before it opened
        ("It had 22 rooms.", "It had 15 rooms and 7 baths."),  # too small to be no chance
        ("It is 70 cm wide.", "It measures 40 x 30 x 20 cm."),
        ("He gave $5,650.", "It cost $11,300."),  # nothing is halved
    ],
)
def test_what_chance_may_hit_does_not_follow(text: str, source: str) -> None:
    assert novel_items(text, source).numbers != ()
