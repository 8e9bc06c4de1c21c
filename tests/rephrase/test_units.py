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
        ("En 1910 l'hiver fut long.", "En 1910 kilos."),
    ],
)
def test_the_same_unit_in_another_form_is_no_fault(text: str, source: str) -> None:
    assert novel_items(text, source).numbers == ()


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("Add 500 ml of water.", "Add half a litre of water."),
        ("Ajoutez 200 ml d'huile.", "Ajoutez 20 cl d'huile."),
        ("It is 1.5 km away.", "It is 1,500 metres away."),
        ("It lasts two weeks.", "It lasts 14 days."),
        ("It takes 18 months.", "It takes a year and a half."),
        ("Every 7 days.", "It is done weekly."),
        ("It was 20 °C.", "It was 68 °F."),
        ("It cost three dollars and fifty cents.", "It cost $3.50."),
        ("Es sind 120 Quadratmeter.", "Es sind 120 m²."),
        ("Mit 40 Kilometern pro Stunde.", "Mit 40 km/h."),
        ("Il faut 3 cuillères à soupe d'huile.", "3 c. à s. d'huile"),
        ("Half of them left.", "Of them 50 % left."),
        ("One in five children.", "It has 20 % of the children."),
        ("33 % of people get it.", "A third of people get it."),
    ],
)
def test_the_same_quantity_in_another_unit_is_no_fault(text: str, source: str) -> None:
    assert novel_items(text, source).numbers == ()


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("Up to 200 litres.", "Up to 200 millilitres."),
        ("It costs €3.", "It costs 3 dollars."),
        ("From 5 to 10 kilometres.", "From 5 to 10 metres."),
        ("Nach 3 Stunden.", "Nach 3 Tagen."),
        ("It took 8 hours.", "It took eight days."),
        ("412 hectares of fen.", "The fen covers 412 acres."),
        ("It flies at 111 mph.", "It flies at 111 km/h."),
        ("It is 120 square feet.", "It is 120 m² in size."),
        ("It has 25 GB.", "It has 25 MB."),
        ("It costs 12 dollars.", "It began on 12 June."),
        ("It weighs 12 kg.", "It has 12 cars."),
    ],
)
def test_a_number_with_another_unit_is_novel(text: str, source: str) -> None:
    assert novel_items(text, source).numbers != ()
