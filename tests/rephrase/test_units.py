from __future__ import annotations

import pytest

from gristmill.rephrase.faithfulness import novel_items


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("It is 642 m high.", "Sie steht auf 642 Metern Höhe."),
        ("It costs $3.", "It costs 3 dollars."),
        ("From 5 metres to 10 metres.", "From 5 to 10 metres."),
        ("About 5 % of it.", "About 5 per cent, or 5 in a hundred."),
        ("Back in the 1990s.", "In 1990 years were long."),
        ("It took 8 hours.", "It took eight days."),  # of a number in words no unit is known
        ("En 1910 l'hiver fut long.", "En 1910 kilos."),
    ],
)
def test_the_same_unit_in_another_form_is_no_fault(text: str, source: str) -> None:
    assert novel_items(text, source).numbers == ()


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("Up to 200 litres.", "Up to 200 millilitres."),
        ("It costs €3.", "It costs 3 dollars."),
        ("From 5 to 10 kilometres.", "From 5 to 10 metres."),
        ("Nach 3 Stunden.", "Nach 3 Tagen."),
    ],
)
def test_a_number_with_another_unit_is_novel(text: str, source: str) -> None:
    assert novel_items(text, source).numbers != ()
