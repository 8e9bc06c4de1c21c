from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.rephrase import excerpts
from gristmill.rephrase.excerpts import ExcerptFinder, shared_in_order

MILL = (
    "The mill at Eling was built in 1785\nand grinds  wheat with the falling tide. Visitors may turn the wheel on two "
    "days of the week, but only while the keeper’s daughter, Ann Lowe, is there."
)


def _found(excerpt: str, source: str = MILL, **options: float | None) -> str | None:
    span = ExcerptFinder(source, **{"min_ratio": 0.98, **options}).find(excerpt)
    return None if span is None else source[slice(*span)]


@pytest.mark.parametrize(
    ("excerpt", "stretch"),
    [
        ("built in 1785\nand grinds  wheat", "built in 1785\nand grinds  wheat"),
        ("built in 1785 and grinds wheat", "built in 1785\nand grinds  wheat"),  # white space
        (" \tgrinds wheat\n", "grinds  wheat"),
        ("the keeper's daughter", "the keeper’s daughter"),
        ('"Visitors may turn the wheel."', "Visitors may turn the wheel"),  # quotes and a full stop around it
        ("… with the falling tide …", "with the falling tide"),
        ("built in 1786 and grinds wheat", None),  # short, so one digit is more than 2 %
        ("The keeper lets nobody in.", None),
        ("", None),
        ("...", None),
    ],
)
def test_excerpts_are_found_as_they_are_or_but_for_white_space_and_dress(
    excerpt: str, stretch: str | None
) -> None:
    assert _found(excerpt) == stretch


def test_a_nearly_equal_excerpt_stands_for_the_passages_own_text() -> None:
    stretch = MILL[MILL.index("Visitors") :].rstrip(".")
    assert _found(stretch.replace("wheel", "wheels")) == stretch  # 1 - 1/219
    assert _found(stretch.replace("turn", "tarn")) == stretch  # 1 - 2/218
    assert _found(stretch.replace("turn", "spin")) is None  # 1 - 6/218
    assert _found(stretch.replace("wheel", "wheels"), min_ratio=1.0) is None
    assert _found(stretch.replace("wheel", "wheels"), min_ratio=None) is None


def test_the_first_place_that_is_not_used_is_taken() -> None:
    finder = ExcerptFinder("a mill, a mill", min_ratio=None)
    assert [finder.find("a mill"), finder.find("a mill", [(2, 3)])] == [(0, 6), (8, 14)]
    assert finder.find("a mill", [(0, 6), (8, 14)]) == (0, 6)  # all are used
    spaced = ExcerptFinder("a  mill, a  mill", min_ratio=None)
    assert spaced.find("a mill", [(0, 7)]) == (9, 16)


@settings(deadline=None, max_examples=60)
@given(st.text("ab \n’.1", max_size=60), st.integers(0, 60), st.integers(1, 60))
def test_any_slice_is_found_and_stands_for_itself(source: str, start: int, length: int) -> None:
    excerpt = source[start : start + length].strip()
    if not excerpt:
        return
    span = ExcerptFinder(source, min_ratio=0.98).find(excerpt)
    assert span is not None
    assert source[slice(*span)] == excerpt
    assert span[0] == source.find(excerpt)


@settings(deadline=None, max_examples=40)
@given(
    st.text("abcd", min_size=30, max_size=60),
    st.text("abcd ", max_size=30),
    st.integers(0, 59),
    st.booleans(),
)
def test_one_character_more_or_less_is_bridged(part: str, around: str, place: int, inserts: bool) -> None:
    source = f"{around}|{part}|{around}"
    at = place % len(part)
    excerpt = part[:at] + "x" + part[at:] if inserts else part[:at] + part[at + 1 :]
    span = ExcerptFinder(source, min_ratio=0.98).find(excerpt)
    assert span is not None
    stretch = source[slice(*span)]
    assert len(excerpt) + len(stretch) - 2 * shared_in_order(excerpt, stretch) <= 1


def test_words_in_common_are_counted_in_their_order() -> None:
    assert shared_in_order(["a", "b", "c", "d"], ["x", "b", "d", "a"]) == 2
    assert shared_in_order([], ["a"]) == 0


def test_hostile_excerpts_take_little_time(monkeypatch: pytest.MonkeyPatch) -> None:
    finder = ExcerptFinder("ab c" * 2000, min_ratio=0.98)
    started = time.process_time()
    for _ in range(40):
        assert finder.find("ab c" * 300 + "xxx" + "ab c" * 300, [(0, 5)]) is not None or finder._cells < 0
    assert time.process_time() - started < 2
    monkeypatch.setattr(excerpts, "MAX_CELLS", 100)
    stretch = MILL[MILL.index("Visitors") :]
    assert _found(stretch.replace("wheel", "wheels")) is None  # too much work
    assert _found(stretch) == stretch
