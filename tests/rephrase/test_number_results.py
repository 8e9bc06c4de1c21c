from __future__ import annotations

import pytest

from gristmill.rephrase.faithfulness import novel_items


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("They paid £152,000.", "They bought four machines at £38,000 each."),
        ("He takes 50 mg altogether.", "A tablet has 25 mg and is taken twice a day."),
        ("6 of 1,090 fell ill, which is about 0.55%.", "6 of 1,090 patients fell ill."),
        ("The risk was 34% higher.", "They had a 1.34-fold risk."),
        ("It dissolves 410 g/l.", "It dissolves 41 g per 100 ml."),
        ("It moves 60 litres a minute.", "It moves 3,600 litres per hour."),
        ("A twenty-fifth of them were men.", "Only 4 % were men."),
        ("Others need three to four years.", "It takes six to eight years, or half that time."),
        ("Vesely died in 1985.", "It was corrected in 1988, three years after her death."),
        ("It closed for a year and two months.", "It closed for 14 months."),
        ("About 600 of them were horsemen.", "About 900 men fell, two thirds of them horsemen."),
        (
            "The price fell from 60 to 45, a drop of 25 percent.",
            "It cost 60 euros before and costs 45 euros now.",
        ),
        ("The 380 km took nine days, on average 42 km a day.", "We did 380 km in nine days."),
        ("It is cleaned four times a year.", "Clean it every three months."),
        ("The wire is 177 feet long.", "The wire is 54 metres long."),
        ("Only 15 % is lost.", "It reaches 85 %."),
        ("Er trug 57 Tonnen, also 9 mehr.", "Er war für 48 Tonnen gebaut und trug 57."),
    ],
)
def test_a_result_of_numbers_of_the_passage_is_not_novel(text: str, source: str) -> None:
    assert novel_items(text, source).numbers == ()


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("It holds 152 litres.", "It has 4 tanks, and weighs 38 kg."),  # another unit
        (
            "He also carried 105 tonnes.",
            "It was built for 48 tonnes, weighed 12 tonnes and carried 57 tonnes.",
        ),
        ("They sold 266 copies.", "They printed 38 books of 7 kinds."),  # nothing says that it is a result
        ("6 of 1,090 fell ill, which is about 0.65%.", "6 of 1,090 patients fell ill."),
        ("It dissolves 420 g/l.", "It dissolves 41 g per 100 ml."),
        ("The wire is 197 feet long.", "The wire is 54 metres long."),
        ("Others need three to five years.", "It takes six to eight years, or half that time."),
        ("On 4 April 1683.", "On 5 April 1683 Albrecht IV signed."),  # a number of a name is no day
        ("It measures 40 x 50 x 20 cm.", "It measures 40 x 30 x 20 cm, in total 10 cm less than before."),
    ],
)
def test_another_number_is_novel(text: str, source: str) -> None:
    assert novel_items(text, source).numbers != ()
