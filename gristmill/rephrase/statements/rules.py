"""Whether a rephrasing states what its passage states: the rules on exchanged, lost and repeated statements in order.

Each rule compares the two texts by content words (content.py), none asks a model. They find what counting new items
cannot: two persons who have changed roles, a warning left out, a negation lost, the same thing said again and again.
"""

from __future__ import annotations

from collections.abc import Sequence

from gristmill.rephrase.statements.content import Content, read_content
from gristmill.rephrase.statements.coverage import find_dropped
from gristmill.rephrase.statements.exchanges import find_exchange, find_misplaced_number
from gristmill.rephrase.statements.negations import finds_changed_negation
from gristmill.rephrase.statements.number_roles import find_number_out_of_role
from gristmill.rephrase.statements.options import StatementsOptions
from gristmill.rephrase.statements.repetition import count_repeated

_MIN_WORDS_TO_SHARE = 8  # of both texts; fewer share little by chance


def find_statement_fault(
    text: str,
    source: str,
    options: StatementsOptions,
    *,
    keeps_all: bool,
    answers: Sequence[str] | None = None,
) -> str | None:
    """`unrelated`, `loop`, `exchanged`, `negation` or `dropped_fact`, the first that applies, or None.

    `keeps_all`: whether the text should have all that the passage has. `answers`: those of questions and answers, as
    they stand in the text.
    """
    given = read_content(source)
    written = read_content(text, given.languages)
    if options.min_shared_words is not None and _is_unrelated(
        written, given, options.min_shared_words, both_ways=keeps_all
    ):
        return "unrelated"
    if options.max_repeated is not None and count_repeated(written, given, answers) > options.max_repeated:
        return "loop"
    cosine = options.min_exchange_cosine
    if cosine is not None and (
        find_exchange(written, given, min_cosine=cosine)
        or find_misplaced_number(written, given, min_cosine=cosine)
        or find_number_out_of_role(written, given)
    ):
        return "exchanged"
    if options.negations and finds_changed_negation(written, given):
        return "negation"
    least = options.min_dropped_words
    if keeps_all and least is not None and find_dropped(written, given, min_words=least):
        return "dropped_fact"
    return None


def _is_unrelated(written: Content, given: Content, bound: float, *, both_ways: bool) -> bool:
    said, known = written.keys, given.keys
    if min(len(said), len(known)) < _MIN_WORDS_TO_SHARE:
        return False
    shared = len(said & known)
    return shared < bound * len(said) or (both_ways and shared < bound * len(known))
