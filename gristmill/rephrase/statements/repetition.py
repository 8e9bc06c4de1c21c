"""Statements that a rephrasing makes again in other words, though its passage does not.

A loop of a small model repeats itself exactly and is told by its runs of words; a larger one says the same thing
anew, or asks the same question. What a statement says is the content words that the passage has too; it is said again
where nearly all of these stand in one statement before. Statements are sentences and their parts between semicolons,
or answers. Repetitions of the passage itself are allowed for. Quadratic in the statements, of which at most 200 are
read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from gristmill.rephrase.statements.content import Content

_MIN_WORDS = 3  # of the passage, in a statement that is said again
_MIN_SHARE = 0.75  # of them, in one statement before
_MIN_WORDS_OF_LONG = 5
_MIN_SHARE_OF_LONG = 0.8
_MIN_TOPIC = 3  # statements of the passage that a word is in
_MAX_STATEMENTS = 200
_STATEMENT_END = re.compile(r"[;:](?=\s)")


def count_repeated(written: Content, given: Content, answers: Sequence[str] | None = None) -> int:
    """Statements that are made again, beyond those of the passage (`given`); a long one counts as two.

    `answers` are the statements of questions and answers, as they stand in the text.
    """
    statements = _statements(written) if answers is None else _parts(written, answers)
    long_ones = answers is None
    if not _repeats(statements, given.keys, long_ones=long_ones):
        return 0
    in_passage = _statements(given)
    topics = Counter(key for statement in in_passage for key in statement)
    # What the whole passage is about is in every statement.
    known = given.keys - {key for key, count in topics.items() if count >= _MIN_TOPIC}
    repeated = _repeats(statements, known, long_ones=long_ones)
    return max(0, repeated - _repeats(in_passage, known, long_ones=True))


def _repeats(statements: Sequence[frozenset[str]], known: frozenset[str], *, long_ones: bool) -> int:
    count = 0
    before: list[frozenset[str]] = []
    for statement in statements[:_MAX_STATEMENTS]:
        words = statement & known
        if len(words) >= _MIN_WORDS and before:
            share = max(len(words & other) for other in before) / len(words)
            if share >= _MIN_SHARE:
                count += 1
            if long_ones and share >= _MIN_SHARE_OF_LONG and len(words) >= _MIN_WORDS_OF_LONG:
                count += 1
        before.append(words)
    return count


def _statements(content: Content) -> list[frozenset[str]]:
    spans = []
    for start, stop in content.sentences:
        ends = [match.end() for match in _STATEMENT_END.finditer(content.text, start, stop)]
        spans += list(zip([start, *ends], [*ends, stop], strict=True))
    return [_keys(content, start, stop) for start, stop in spans]


def _parts(content: Content, parts: Sequence[str]) -> list[frozenset[str]]:
    found = []
    begin = 0
    for part in parts:
        start = content.text.find(part, begin)
        if start >= 0:
            begin = start + len(part)
            found.append(_keys(content, start, begin))
    return found


def _keys(content: Content, start: int, stop: int) -> frozenset[str]:
    return frozenset(mark.key for mark in content.marks if start <= mark.start < stop)
