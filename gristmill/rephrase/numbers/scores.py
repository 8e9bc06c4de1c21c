"""Scores of games: 3-2, 2:1, and those on the way to one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gristmill.rephrase.numbers.digits import SCORE
from gristmill.rephrase.numbers.reading import Number

_MAX_GOALS = 30


def is_score_before(number: Number, written: Sequence[Number], given: Sequence[Number]) -> bool:
    """Whether it is a score on the way to one of the passage (`given`), all of which the text has too."""
    score, finals = _score_of(number), set(_scores(given))
    said = set(_scores(written))
    if score is None or not finals or not finals <= said | {final[::-1] for final in said}:
        return False
    return any(
        score[0] <= final[0] and score[1] <= final[1] for each in finals for final in (each, each[::-1])
    )


def _scores(numbers: Sequence[Number]) -> Iterator[tuple[int, int]]:
    for place, number in enumerate(numbers):
        if (score := _score_of(number)) is not None:
            yield score
        following = numbers[place + 1] if place + 1 < len(numbers) else None
        if (
            following is not None
            and number.kind == following.kind == SCORE
            and following.start == number.end + 1
        ):
            yield int(max(number.values)), int(max(following.values))


def _score_of(number: Number) -> tuple[int, int] | None:
    if len(number.parts) == 2 and all(part.isdecimal() for part in number.parts):
        first, second = map(int, number.parts)
        return (first, second) if max(first, second) <= _MAX_GOALS else None
    return None
