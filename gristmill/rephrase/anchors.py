"""Questions with answers that are anchored in their passage: each names the excerpts that prove it.

The model writes, for each pair, a line `Question:`, a line `Answer:` and 1 to 5 lines `Excerpt:`. An excerpt must stand
in the passage (excerpts.py), so a pair comes with spans [start, end) of characters, which may lie far apart. Pairs that
are not proved are dropped, with a reason of DROPPED. Tags are read in any dress: letter case, bullets, numbers, bold
marks, several on one line.
Source: context-anchored pairs with discontinuous spans are those of "Enhancing Domain-Specific Retrieval-Augmented
Generation: Synthetic Data Generation and Evaluation using Reasoning Models" (arXiv 2502.15854), of which the abstract
names them; the rules are the design of Gristmill.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gristmill.rephrase.excerpts import ExcerptFinder, shared_in_order
from gristmill.rephrase.faithfulness import novel_items
from gristmill.rephrase.options import AnchorsOptions
from gristmill.rephrase.pairs import MAX_PREAMBLE_CHARS, format_pairs
from gristmill.rephrase.sentences import sentence_spans
from gristmill.rephrase.spans import Span, best_precision, merge_spans, score_spans
from gristmill.rephrase.words import words

# Why a pair is dropped, in the order of the rules.
DROPPED = (
    "beyond_limit",  # behind the first MAX_PAIRS
    "incomplete",  # without a question or an answer
    "no_excerpt",
    "many_excerpts",
    "not_found",  # an excerpt that the passage does not have
    "long_spans",
    "gives_away",  # the question holds most of an excerpt
    "number",  # of the answer, outside the spans
    "echo",  # the answer only repeats its question
    "duplicate",  # a question like one before
    "ungrounded",  # words that the passage lacks, where `max_novel_words` is set
)
MAX_PAIRS = 64  # of an answer; further ones are dropped

_TAG = re.compile(
    r"[\s>*_#•–-]*+(?:\d{1,2}[.)]\s++)?[*_]*+(question|answer|excerpt)s?\s*\d*+[*_]*+\s*+:[*_]*+\s*+",
    re.IGNORECASE,
)
_NEXT_TAG = re.compile(r"(?<=\s)(?=(?:Question|Answer|Excerpt)s?\s*\d*\s*:)")
_NEW_EXCERPT = re.compile(r"(?:[-*•–]|\d{1,2}[.)])\s+|(?=[\"“„«])")  # a line of its own below `Excerpts:`
_INSIDE_NUMBERS = frozenset("0123456789.,:/'’")


class AnchoredPair(NamedTuple):
    """A question, its answer, and where the passage proves it: spans in order, disjoint, in characters."""

    question: str
    answer: str
    spans: tuple[Span, ...]


class Anchored(NamedTuple):
    """The pairs that are kept, in order, and why the others are dropped (of DROPPED), one for each."""

    pairs: tuple[AnchoredPair, ...]
    dropped: tuple[str, ...]


@dataclass
class WrittenPair:
    """A pair as the model wrote it; what is missing is empty."""

    question: str = ""
    answer: str = ""
    excerpts: list[str] = field(default_factory=list)


def read_anchored(text: str) -> list[WrittenPair]:
    """The pairs of what a model wrote, complete or not; none where much stands before the first question."""
    pairs: list[WrittenPair] = []
    preamble, tag, goes_on = 0, "", False
    for line, own_tag in _tagged_lines(text):
        if own_tag == "question":
            pairs.append(WrittenPair())
        if not pairs:
            preamble += len(line)
            continue
        tag = own_tag or tag
        if tag == "excerpt":
            _add_excerpt(pairs[-1].excerpts, line, is_tagged=own_tag is not None, goes_on=goes_on)
        elif line:
            setattr(pairs[-1], tag, f"{getattr(pairs[-1], tag)}\n{line}".strip())
        goes_on = bool(line)
    for pair in pairs:
        pair.excerpts = list(filter(None, pair.excerpts))
    return [] if preamble > MAX_PREAMBLE_CHARS else pairs


def anchor_pairs(written: Sequence[WrittenPair], source: str, options: AnchorsOptions) -> Anchored:
    """The pairs that their excerpts prove, with their spans in `source`, and why the others are dropped.

    No randomness. Time is linear in the text but for excerpts that are found by similarity, and those are bounded.
    """
    finder = ExcerptFinder(source, min_ratio=options.min_ratio)
    pairs: list[AnchoredPair] = []
    dropped: list[str] = []
    for pair in written[:MAX_PAIRS]:
        found = _anchor(pair, source, finder, [kept.question for kept in pairs], options)
        if isinstance(found, str):
            dropped.append(found)
        else:
            pairs.append(found)
    return Anchored(tuple(pairs), (*dropped, *["beyond_limit"] * max(0, len(written) - MAX_PAIRS)))


def drop_like_questions(
    answers: Sequence[Sequence[AnchoredPair]],
    compare_texts: Callable[[list[str], list[str]], list[float]],
    *,
    max_cosine: float,
) -> list[Anchored]:
    """The pairs of each answer without those whose question is like a kept one before it.

    compare_texts: cosines of texts with others, pair by pair; it is asked once.
    """
    firsts: list[str] = []
    seconds: list[str] = []
    for pairs in answers:
        for later, pair in enumerate(pairs):
            firsts += [earlier.question for earlier in pairs[:later]]
            seconds += [pair.question] * later
    cosines = iter(compare_texts(firsts, seconds) if firsts else [])
    found = []
    for pairs in answers:
        kept: list[int] = []
        for later in range(len(pairs)):
            alike = [next(cosines) > max_cosine for _ in range(later)]
            if not any(alike[earlier] for earlier in kept):
                kept.append(later)
        found.append(Anchored(tuple(pairs[i] for i in kept), ("duplicate",) * (len(pairs) - len(kept))))
    return found


def format_anchored(pairs: Sequence[AnchoredPair]) -> str:
    """Questions and answers as text, as in `format_pairs`; spans are metadata."""
    return format_pairs([(pair.question, pair.answer) for pair in pairs])


def quote_pairs(pairs: Sequence[AnchoredPair], source: str) -> str:
    """The pairs as a model would write them, with their excerpts; `read_anchored` reads them back."""
    return "\n\n".join(
        "\n".join(
            [
                f"Question: {pair.question}\nAnswer: {pair.answer}",
                *(f"Excerpt: {' '.join(source[start:end].split())}" for start, end in pair.spans),
            ]
        )
        for pair in pairs
    )


def outside_spans(source: str, pairs: Sequence[AnchoredPair]) -> str:
    """The passage without what the pairs quote, for rules about copies."""
    parts, at = [], 0
    for start, end in merge_spans(span for pair in pairs for span in pair.spans):
        parts.append(source[at:start])
        at = end
    return " ".join([*parts, source[at:]])


def span_facts(pairs: Sequence[AnchoredPair], *, passage_start: int) -> dict[str, list[list[list[int]]]]:
    """What the metadata of a document say of its spans, per pair a list of [start, end], in characters.

    `spans` are places in the document, which begins with its passage, and so in the passage too; `parent_spans` are
    places in the parent's text, where the passage begins at `passage_start`.
    """
    return {
        "spans": [[[start, end] for start, end in pair.spans] for pair in pairs],
        "parent_spans": [
            [[passage_start + start, passage_start + end] for start, end in pair.spans] for pair in pairs
        ],
    }


class AnchorScores(NamedTuple):
    """coverage: share of the passage in spans; sentence_precision: see `score_anchors`; both 0..1."""

    coverage: float
    sentence_precision: float


def score_anchors(pairs: Sequence[AnchoredPair], source: str) -> AnchorScores:
    """How much of a passage its pairs quote, and how well whole sentences would do as chunks for retrieval.

    sentence_precision is the mean over pairs of Precision-Omega: of the characters of the sentences that a span
    touches, the share in spans. Near 1 the excerpts are sentences, low ones are pieces of long sentences.
    """
    sentences = sentence_spans(source)
    found = score_spans([(0, len(source))], [span for pair in pairs for span in pair.spans])
    precisions = [best_precision(pair.spans, sentences)[0] for pair in pairs]
    return AnchorScores(found.recall, sum(precisions) / len(precisions) if precisions else 0.0)


def _tagged_lines(text: str) -> list[tuple[str, str | None]]:
    """Lines as (content, its tag or None), a tagged line cut before further tags; without words they are empty."""
    lines: list[tuple[str, str | None]] = []
    for line in text.split("\n"):
        stripped = line.strip() if words(line) and not line.lstrip().startswith("```") else ""
        tag = _TAG.match(stripped)
        if tag is None:
            lines.append((stripped, None))
        while tag is not None:
            after = _NEXT_TAG.search(stripped, tag.end())
            end = after.start() if after else len(stripped)
            lines.append((stripped[tag.end() : end].strip(), tag[1].lower()))
            tag = _TAG.match(stripped, end)
    return lines


def _add_excerpt(excerpts: list[str], line: str, *, is_tagged: bool, goes_on: bool) -> None:
    """Add a line as a new excerpt, or to the one before, which `goes_on`; what follows a blank line is a remark."""
    mark = None if is_tagged else _NEW_EXCERPT.match(line)
    if is_tagged or mark:
        excerpts.append(line[mark.end() :] if mark else line)
    elif line and (goes_on or not excerpts[-1]):
        excerpts[-1] = f"{excerpts[-1]}\n{line}".strip()


def _anchor(
    pair: WrittenPair, source: str, finder: ExcerptFinder, asked: Sequence[str], options: AnchorsOptions
) -> AnchoredPair | str:
    """The pair with its spans, or the first rule that it breaks, of DROPPED; `asked`: questions of kept pairs."""
    question = words(pair.question)
    if not question or not words(pair.answer):
        return "incomplete"
    if not pair.excerpts:
        return "no_excerpt"
    if options.max_excerpts is not None and len(pair.excerpts) > options.max_excerpts:
        return "many_excerpts"
    found: list[Span] = []
    for excerpt in pair.excerpts:
        span = finder.find(excerpt, found) if words(excerpt) else None
        if span is None:
            return "not_found"
        found.append(span)
    spans = merge_spans(found)
    quoted_chars = sum(end - start for start, end in spans)
    if options.max_span_share is not None and quoted_chars > options.max_span_share * len(source):
        return "long_spans"
    if options.max_given_away is not None:
        quoted = [words(source[start:end]) for start, end in found]
        if any(shared_in_order(question, told) > options.max_given_away * len(told) for told in quoted):
            return "gives_away"
    if options.numbers_in_spans and _has_number_outside(pair.answer, spans, source):
        return "number"
    if set(words(pair.answer)) <= set(question):
        return "echo"
    allowed = options.max_question_overlap
    if allowed is not None and any(_jaccard(question, words(other)) > allowed for other in asked):
        return "duplicate"
    return AnchoredPair(pair.question, pair.answer, tuple(spans))


def _has_number_outside(answer: str, spans: Sequence[Span], source: str) -> bool:
    """Whether the answer has a number that the quoted text lacks; a number that a span cuts counts as a whole."""
    quoted = []
    for start, end in spans:
        while start and source[start] in _INSIDE_NUMBERS and source[start - 1] in _INSIDE_NUMBERS:
            start -= 1
        while end < len(source) and source[end - 1] in _INSIDE_NUMBERS and source[end] in _INSIDE_NUMBERS:
            end += 1
        quoted.append(source[start:end])
    return bool(novel_items(answer, "\n".join(quoted)).numbers)


def _jaccard(first: Sequence[str], second: Sequence[str]) -> float:
    one, other = set(first), set(second)
    return len(one & other) / len(one | other) if one | other else 0.0
