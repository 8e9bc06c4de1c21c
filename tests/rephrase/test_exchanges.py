from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.rephrase.statements.content import read_content
from gristmill.rephrase.statements.exchanges import find_exchange, find_misplaced_number

SOURCE = (
    "The bakery in Tull was run by Nora Beck and her nephew Tim Ashe. Beck baked the bread and won a medal in 1931; "
    "Ashe drove the van and broke a leg in 1946. They sold 300 rolls and 80 cakes each day, except on Sundays. "
    "The oven burnt 12 logs an hour."
)
FAITHFUL = (
    "Nora Beck, whose bread won a medal in 1931, baked in Tull; the driver of the van, her nephew Tim Ashe, broke his "
    "leg in 1946. On all days but Sundays 80 cakes and 300 rolls were sold by the bakery, and 12 logs an hour went "
    "into its oven."
)
OTHER_ORDER = (
    "In an hour, 12 logs burnt in the oven of the bakery in Tull. Of its two owners, it was Tim Ashe, a nephew, who "
    "drove the van and whose leg was broken in 1946; Nora Beck baked bread, and a medal was won by her in 1931. Daily "
    "sales were 80 cakes and 300 rolls."
)


def _exchange(text: str, source: str = SOURCE) -> set[str] | None:
    found = find_exchange(read_content(text), read_content(source), min_cosine=0.55)
    return None if found is None else set(found)


def _swap(text: str, first: str, second: str) -> str:
    return text.replace(first, "\0").replace(second, first).replace("\0", second)


@pytest.mark.parametrize("text", [FAITHFUL, OTHER_ORDER, SOURCE])
def test_a_faithful_text_in_any_order_has_no_exchange(text: str) -> None:
    assert _exchange(text) is None


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        (FAITHFUL, "Nora Beck", "Tim Ashe"),
        (FAITHFUL, "300", "80"),
        *((text, *years) for text in (FAITHFUL, OTHER_ORDER) for years in (("1931", "1946"), ("300", "12"))),
    ],
)
def test_exchanged_names_and_numbers_are_found(text: str, first: str, second: str) -> None:
    assert _exchange(_swap(text, first, second)) is not None


def test_what_is_exchanged_is_named() -> None:
    assert _exchange(_swap(FAITHFUL, "300", "80")) == {"300", "80"}


def test_roles_exchanged_in_one_place_alone_are_found() -> None:
    source = (
        "Hanna Bloem set the type and Griet Bloem kept the accounts. When the sheriff came, Griet hid the forms in the "
        "bread oven, and Hanna told him that the press had been broken for a month. He believed her."
    )
    text = (
        "Hanna Bloem put the type together. Griet Bloem looked after the accounts. Then the sheriff came. {} hid the "
        "forms in the oven for bread. {} told him that the press was broken since a month. He thought this was true."
    )
    assert _exchange(text.format("Griet", "Hanna"), source) is None
    assert _exchange(text.format("Hanna", "Griet"), source) == {"Hanna", "Griet"}


def test_numbers_of_one_list_and_parts_of_one_name_are_not_compared() -> None:
    source = "It ran at 132, 126, 116 and 104 beats. Anna Maria Lund sang, and Lund was pleased."
    assert (
        _exchange("At 104, 116, 126 and 132 beats. Maria Anna Lund sang. Lund was pleased.", source) is None
    )


def test_a_number_in_the_place_of_another_is_found() -> None:
    source = (
        "The tubes met on 12 March 1906, off by 4 centimetres. Most workers died in a flood in February 1904."
    )
    right = "On 12 March 1906 the tubes met. The error was 4 centimetres. A flood in February {} killed most workers."
    for year, expected in (("1904", None), ("1906", ("1906", "1904"))):
        found = find_misplaced_number(read_content(right.format(year)), read_content(source), min_cosine=0.55)
        assert found == expected


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([*SOURCE.split(), "1931", "\n", "?", "粉", "Ashe's", ""]), max_size=40).map(
        " ".join
    )
)
def test_no_text_has_an_exchange_with_itself_and_none_raises(text: str) -> None:
    _exchange(text)
    assert _exchange(text, text) is None


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (  # an age and a year are told by what stands beside them
            "Vance went back to Ireland; she died at the age of 81 on January 2, 1966.",
            "In Ireland she had a pension. Vance died on 2 January 1966, aged 81.",
        ),
        (  # a name behind a preposition of place stays there
            "Kestrel, a telescope on La Palma at an altitude of 2.4 km, has a mirror with a diameter of 3.6 metres.",
            "The Kestrel telescope has a mirror of 3.6 m and stands at 2,400 m on La Palma.",
        ),
        (
            "At 320 km/h the Alizé with its 556 seats covers the 640 kilometres between the cities in 130 minutes.",
            "The Alizé runs at 320 km/h between the cities, 640 km apart, in 130 minutes. A unit has 556 seats.",
        ),
    ],
)
def test_what_keeps_its_unit_or_its_preposition_is_not_exchanged(text: str, source: str) -> None:
    assert _exchange(text, source) is None


def test_a_number_in_another_unit_is_not_missing() -> None:
    source = "The pump lifts water to 2.5 m. The hose has a diameter of 25 mm. The cable is 10 metres long."
    text = (
        "The pump lifts water to 2.5 metres. A hose with a diameter of 2.5 cm fits. The cable measures 10 m."
    )
    assert find_misplaced_number(read_content(text), read_content(source), min_cosine=0.55) is None


def test_two_names_of_one_place_are_not_exchanged() -> None:
    source = "In the Netherlands 1,836 people drowned in the storm. As a consequence the Dutch built the Delta Works."
    text = "The storm drowned 1,836 Dutch people. It led the Netherlands to have the Delta Works built."
    assert _exchange(text, source) is None
