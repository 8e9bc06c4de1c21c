"""The expected score: the mean of the scale's values, weighed by what the model thinks of each at that place.

The likeliest value is one of a handful, so most documents tie; the expectation tells them apart. Source: G-Eval (arXiv
2303.16634), section 2, which weighs the scores by the probabilities of their tokens.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from gristmill.llm.requests import Logprobs
from gristmill.score.raters.scales import Score


def expected_scores(
    reply: str, places: Mapping[str, int], logprobs: Logprobs | None, scores: Sequence[Score]
) -> dict[str, float | None]:
    """The expectation by name of the score, of those of numbers.

    places: where in the reply each value begins. Tokens count by their text without white space; those that are no
    value of the scale are left out, and the rest is made to add up to 1. None where a value is not a token of its own,
    and where tokens and reply do not have the same text.
    """
    numbers = [score for score in scores if score.is_number]
    if not logprobs or not "".join(token[0][0] for token in logprobs).startswith(reply):
        return {score.name: None for score in numbers}
    at = 0
    tokens: dict[int, int] = {}  # by where in the reply their text begins, white space left out
    for number, token in enumerate(logprobs):
        text = token[0][0]
        tokens[at + len(text) - len(text.lstrip())] = number
        at += len(text)
    return {
        score.name: _expectation(logprobs[tokens[places[score.name]]], score)
        if places.get(score.name) in tokens
        else None
        for score in numbers
    }


def _expectation(token: Sequence[tuple[str, float]], score: Score) -> float | None:
    if score.read(token[0][0].strip()) is None:  # a part of a value, or more than one
        return None
    weights: dict[int, float] = {}
    for text, logprob in token:
        value = score.read(text.strip())
        if isinstance(value, int):
            weights[value] = weights.get(value, 0.0) + math.exp(logprob)
    total = sum(weights.values())
    return sum(value * weight for value, weight in weights.items()) / total if total else None
