"""The proportions of a rephrasing to its passage: its length, how much of it is copied, and whether it goes in a loop.

Copies are told in three ways: by the longest common run of words, by common runs of eight, and by words that stand in
a common run of five, in whatever order the runs are. A sentence that is copied but for a few words is nearly all copied
in the last way, while runs of eight are broken by each change. Sound rephrasings of a test set have 0.22 and less of
such words (0.33 of the passage's own), copies with a handful of words changed 0.7 and more.
"""

from __future__ import annotations

from collections.abc import Sequence

from gristmill.rephrase.anchors import outside_spans
from gristmill.rephrase.formats import Shape
from gristmill.rephrase.options import AcceptanceOptions
from gristmill.rephrase.pairs import split_pairs
from gristmill.rephrase.styles import Template
from gristmill.rephrase.words import words

_COPY_GRAM = 8  # words
_COPY_RUN = 5
_LOOP_GRAM = 3
_MIN_WORDS_FOR_LOOPS = 20  # shorter texts repeat words by chance


def breaks_proportions(
    formed: Shape, source: str, template: Template, options: AcceptanceOptions
) -> str | None:
    """`ratio`, `copied` or `loop`, or None. One anchored pair is enough, and its answer may copy what proves it."""
    anchored = template.format == "anchored"
    bounds = options.ratio_qa if template.format == "qa" else options.ratio
    if template.condenses:
        bounds = options.ratio_condensed
    ratio = len(formed.text) / max(1, len(source))
    if bounds is not None and not (0 if anchored else bounds[0]) <= ratio <= bounds[1]:
        return "ratio"
    written, given = words(formed.words), words(source)
    forbidden = words(outside_spans(source, formed.anchored)) if anchored else given
    if options.max_copied_run is not None and _copies_run(written, forbidden, options.max_copied_run):
        return "copied"
    if (
        options.max_copied_8grams is not None
        and _copied_share(written, forbidden) > options.max_copied_8grams
    ):
        return "copied"
    if not template.condenses and _copies_words(written, given, template.format, options):
        return "copied"
    if options.min_distinct_3grams is not None:
        least = options.min_distinct_3grams * distinct_ratio(given)
        # An answer repeats words of its question; that is no loop.
        has_pairs = template.format in ("qa", "anchored")
        parts = [words(part) for part in split_pairs(formed.text)] if has_pairs else [written]
        if any(len(part) >= _MIN_WORDS_FOR_LOOPS and distinct_ratio(part) < least for part in parts):
            return "loop"
    return None


def copied_share(text: str, source: str) -> float:
    """Share of the text's runs of 8 words that the passage has too; 0 for shorter texts."""
    return _copied_share(words(text), words(source))


def distinct_ratio(tokens: Sequence[str], size: int = _LOOP_GRAM) -> float:
    """Distinct runs of `size` words / all such runs; 1 where there is none."""
    total = len(tokens) - size + 1
    return len({tuple(tokens[i : i + size]) for i in range(total)}) / total if total > 0 else 1.0


def shared_run_share(written: Sequence[str], others: Sequence[str]) -> float:
    """Share of the words that stand in runs of five which the other words have too; 0 for fewer than five."""
    known = {tuple(others[i : i + _COPY_RUN]) for i in range(len(others) - _COPY_RUN + 1)}
    copied = covered = 0
    for i in range(len(written) - _COPY_RUN + 1):
        if tuple(written[i : i + _COPY_RUN]) in known:
            copied += i + _COPY_RUN - max(i, covered)
            covered = i + _COPY_RUN
    return copied / len(written) if written else 0.0


def _copies_run(written: list[str], given: list[str], max_share: float) -> bool:
    """Whether a run of more than `max_share` of the words written stands in the passage."""
    length = int(max_share * len(written)) + 1
    if length > len(written):
        return False
    haystack = f" {' '.join(given)} "
    return any(f" {' '.join(written[i : i + length])} " in haystack for i in range(len(written) - length + 1))


def _copied_share(written: list[str], given: list[str]) -> float:
    total = len(written) - _COPY_GRAM + 1
    if total <= 0:
        return 0.0
    known = {tuple(given[i : i + _COPY_GRAM]) for i in range(len(given) - _COPY_GRAM + 1)}
    return sum(tuple(written[i : i + _COPY_GRAM]) in known for i in range(total)) / total


def _copies_words(written: list[str], given: list[str], form: str, options: AcceptanceOptions) -> bool:
    """Whether too many words of the rephrasing, or of the passage, stand in runs that both have; answers may be in the
    passage's words.
    """
    of_rephrasing = options.max_copied_words if form != "qa" else None
    of_passage = options.max_copied_of_passage
    return (of_rephrasing is not None and shared_run_share(written, given) > of_rephrasing) or (
        of_passage is not None and shared_run_share(given, written) > of_passage
    )
