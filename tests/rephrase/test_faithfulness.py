from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.rephrase.faithfulness import novel_items, novel_word_share


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("It has 1846 goats.", "There were 1,846 goats."),
        ("Es kamen 9000 Gäste.", "Rund 9.000 Besucher kamen."),
        ("Il y a 1 200 livres.", "On compte 1200 livres."),
        ("It took seven days and 20 men.", "It took 7 days and twenty men."),
        ("The 12th day.", "The twelfth day."),
        ("About 1,200,000 people.", "About 1.2 million people."),
        ("It allows 1000 files.", "The default is one thousand files."),
        ("On October 14, 1869.", "On 14 October 1869."),
        ("Am 03.05.1906.", "On 5/3/1906."),
        ("It is 0.5 of it.", "It is half of it."),
        ("Fourteenfold larger.", "It is 14 times larger."),
        ("It was rebuilt in 1815.", "It burnt in 1813 and was rebuilt two years later."),
        ("En 1911 il partit.", "Venu en 1910, il partit l'année suivante."),
        ("One of them has two parts, the third none.", "A part of them."),
        ("It lasted 28 days, vingt-huit.", "Au vingt-huitième jour."),
        ("Quatre-vingt-dix pages.", "Il a 90 pages."),
        ("Einundzwanzig Tage.", "Es dauerte 21 Tage."),
        ("1. Sift. It weighs 3 g.", "It weighs 3.0 g."),
    ],
)
def test_the_same_number_in_another_form_is_not_novel(text: str, source: str) -> None:
    assert novel_items(text, source).numbers == ()


@pytest.mark.parametrize(
    ("text", "source", "novel"),
    [
        ("It has 1847 books.", "It has 1874 books.", ("1847",)),
        ("It took nine days.", "It took 7 days.", ("nine",)),
        ("Version 3.12 is out.", "Version 3.11 is out.", ("3.12",)),
        ("At 10:45.", "At 10:30.", ("10:45",)),
        ("Two hundred thirty ships.", "Two hundred ships.", ("Two hundred thirty",)),
    ],
)
def test_a_number_without_a_match_is_novel(text: str, source: str, novel: tuple[str, ...]) -> None:
    assert novel_items(text, source).numbers == novel


def test_recall_is_the_share_of_numbers_kept() -> None:
    assert novel_items("In 1902 it burnt.", "In 1902 it had 4 floors.").number_recall == 0.5
    assert novel_items("It burnt.", "It burnt.").number_recall is None


def test_names_of_two_words_that_the_passage_lacks_are_novel() -> None:
    source = "The bridge was drawn by an engineer from the town, and Louise Arbour tested it."
    assert novel_items("It was drawn by Klaas Postma.", source).names == ("Klaas Postma",)
    assert novel_items("Then Louise Arbour's test came.", source).names == ()
    assert novel_items("Lovely bridges. Old Towns.", source).names == ()


def test_capitals_say_nothing_where_the_language_has_many() -> None:
    source = "Der Turm hat eine Uhr, und das Haus hat einen Garten mit Brunnen."
    assert novel_items("Es hat am Garten Meter Länge.", source).names == ()


def test_addresses_that_the_passage_lacks_are_novel() -> None:
    items = novel_items("See https://a.org/1 and www.b.org.", "It is at https://a.org/1 today.")
    assert items.urls == ("www.b.org",)
    assert items.numbers == ()


@given(st.text(max_size=60), st.text(max_size=60))
def test_nothing_in_the_passage_itself_is_novel_and_nothing_raises(text: str, source: str) -> None:
    novel_items(text, source)
    assert novel_items(source, source).names == ()


@given(st.text(alphabet=st.sampled_from("0123456789.,:/' aé²"), max_size=60))
def test_numbers_of_the_passage_itself_are_never_novel(source: str) -> None:
    assert novel_items(source, source).numbers == ()


def test_long_words_are_compared_by_how_they_begin() -> None:
    source = "The mill generates power for a village."
    assert novel_word_share("Power generation for villages.", source) == 0.0
    assert novel_word_share("A nuclear generator.", source) == 0.5
    assert novel_word_share("It is so.", source) == 0.0


def test_an_identifier_counts_as_a_name() -> None:
    source = "Set wheel_speed before open_gate() is called; the_mill is read only."
    assert novel_items("First wheel_speed, then OPEN_GATE().", source).names == ()
    assert novel_items("Call set_wheel_speed() first.", source).names == ("set_wheel_speed",)
    assert novel_items("It is _very_ slow.", source).names == ()
