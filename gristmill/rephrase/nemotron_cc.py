"""Pre- and post-processing of the tasks of Nemotron-CC.

Source: "Nemotron-CC: Transforming Common Crawl into a Refined Long-Horizon Pretraining Dataset" (arXiv 2412.02595) and
NVIDIA-NeMo/Curator (stages/synthetic/nemotron_cc). Names that end in `_compat` do what that code does, bit for bit,
for replications; the others are the default here. What they do better: a prefix is found although its case, marks or
colon differ; lists keep their first item and their nesting; incomplete pairs are dropped; the number of pairs is
bounded, and drawn by document and segment instead of from a global state.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from gristmill.hashing import random_u64
from gristmill.rephrase.markdown import remove_markdown_compat
from gristmill.rephrase.pairs import format_pairs, parse_pairs
from gristmill.rephrase.style_options import PairsOptions

MAX_PAIRS = 10
COMPAT_MARGIN_TOKENS = 2  # below the limits of a prompt and of an answer, in the reference
TOKENS_PER_CAP = 150  # of the source, for which the reference allows MAX_PAIRS more
QA_PREFIX = "Here are the questions and answers based on the provided text:"
LINES_TO_DROP = ("Passage:", "Passage 1:", "Passage 2:", "Passage 3:")

_MAX_BEFORE_PREFIX = 60  # characters of a greeting before the prefix, in its own sentence or line
_PASSAGE_LINE = re.compile(r"[*_#\s]*passage(?:\s*\d+)?\s*:[*_\s]*", re.IGNORECASE)
_BULLET = re.compile(r"(?P<indent>\s*)(?:[-*•–]\s*(?=\S)|\d{1,3}[.)]\s+)(?P<item>.*)")
_TAB_CHARS = 4


class Segment(NamedTuple):
    """Lines of a document that are given to the model together; `number` from 0 in the document."""

    number: int
    tokens: int
    spans: tuple[tuple[int, int], ...]  # start and end of each line in the text


def split_segments_compat(
    text: str,
    count_tokens: Callable[[list[str]], list[int]],
    *,
    min_document_tokens: int,
    min_segment_tokens: int,
    max_segment_tokens: int,
) -> list[Segment]:
    """The segments of a document, as the reference cuts them.

    Lines above the limit are left out, and what stands before and after them is joined all the same; a line break
    counts as one token. Segments below the minimum are left out, and keep their numbers.
    """
    lines = text.split("\n")
    counts = count_tokens([text, *lines])
    if counts[0] < min_document_tokens:
        return []
    joined: list[tuple[int, list[tuple[int, int]]]] = []
    start = 0
    for line, tokens in zip(lines, counts[1:], strict=True):
        span = (start, start + len(line))
        start = span[1] + 1
        if tokens > max_segment_tokens:
            continue
        if joined and joined[-1][0] + tokens + 1 <= max_segment_tokens:
            joined[-1] = (joined[-1][0] + tokens + 1, [*joined[-1][1], span])
        else:
            joined.append((tokens, [span]))
    segments = (Segment(number, tokens, tuple(spans)) for number, (tokens, spans) in enumerate(joined))
    return [segment for segment in segments if segment.tokens >= min_segment_tokens]


def join_segments(segments: Iterable[tuple[int, str]]) -> str:
    """One text of (number, text) pairs, in the order of their numbers."""
    return "\n".join(text for _, text in sorted(segments, key=lambda pair: pair[0]))


def cut_prefix(text: str, prefix: str) -> str | None:
    """What follows the prefix, stripped; None where the text does not begin with it.

    Letter case, white space, marks of emphasis or headings around it and a missing colon do not count, nor does a
    short greeting before it.
    """
    words = r"\s+".join(re.escape(word) for word in prefix.rstrip(":").split())
    found = re.search(
        rf"\A(?P<before>.{{0,{_MAX_BEFORE_PREFIX}}}?)[*_#\"\s]*\b{words}[*_\"]*\s*(?::[*_\"]*|(?=\n)|\Z)",
        text.lstrip(),
        re.IGNORECASE,
    )
    if found is None or (found["before"].strip(' *_#"') and not re.search(r"[.!,:]\s*\Z", found["before"])):
        return None
    return text.lstrip()[found.end() :].strip()


def cut_prefix_compat(text: str, prefix: str) -> tuple[bool, str]:
    """(whether the text begins with the prefix, what follows its first occurrence, stripped)."""
    _, found, rest = text.partition(prefix)
    return text.startswith(prefix), rest.strip() if found else ""


def strip_outer_quotes(text: str) -> str:
    """The text without straight double quotes around all of it; as it is where the first line ends with one."""
    if len(text.strip()) > 2 and text[0] == text[-1] == '"':
        first, newline, _ = text.partition("\n")
        if not newline or not first.endswith('"'):
            return text[1:-1]
    return text


def drop_passage_lines(text: str) -> str:
    """The text without lines that only number a passage."""
    return "\n".join(line for line in text.split("\n") if not _PASSAGE_LINE.fullmatch(line)).strip()


def drop_lines_compat(text: str, lines: Sequence[str] = LINES_TO_DROP) -> str:
    """The text without lines equal to one of these."""
    return "\n".join(line for line in text.split("\n") if line not in lines)


def clean_list(text: str) -> tuple[str, int]:
    """(the text without list marks, its number of items). Nested items are indented by two spaces per level.

    Marks are `-`, `*`, `•`, `–`, `1.` and `1)`. A first line without a mark that ends with a colon is dropped.
    """
    lines = [line for line in text.expandtabs(_TAB_CHARS).split("\n") if line.strip()]
    if lines and not _BULLET.fullmatch(lines[0]) and lines[0].rstrip().rstrip("*_").endswith(":"):
        lines = lines[1:]
    cleaned: list[str] = []
    levels: list[int] = []  # widths of the open levels
    items = 0
    for line in lines:
        item = _BULLET.fullmatch(line)
        if item is None:
            cleaned.append(line.strip())
            continue
        items += 1
        indent = len(item["indent"])
        while levels and indent < levels[-1]:
            levels.pop()
        if not levels or indent > levels[-1]:
            levels.append(indent)
        cleaned.append("  " * (len(levels) - 1) + item["item"].strip())
    return "\n".join(cleaned), items


def clean_list_compat(text: str | None) -> str:
    """The text as the reference cleans it: a first line without `-` is lost, two characters of other marks go."""
    lines = (text or "").split("\n")
    if not lines[0].startswith("-"):
        lines = lines[1:]
    return "\n".join(line[2:].strip() if line.startswith(("- ", "  ")) else line for line in lines)


def clean_compat(text: str, form: str, prefix: str | None) -> tuple[str, str | None]:
    """(an answer as the reference cleans it, why it is rejected or None); `form` is prose, list or qa."""
    text = remove_markdown_compat(text)
    if form == "qa":
        rejected = not choose_pairs_compat(text, source_tokens=None, rng=random.Random(0))
        return text, "qa_format" if rejected else None
    if form == "list":
        return clean_list_compat(text), None
    if prefix is None:
        return drop_lines_compat(text), None
    kept, rest = cut_prefix_compat(text, prefix)
    return strip_outer_quotes(rest) if kept else text, None if kept else "no_prefix"


def choose_pairs_of(
    text: str, *, compat: bool, source_tokens: int, seed: int, key: str, options: PairsOptions
) -> str:
    """Text of the pairs that are kept of formatted pairs. Depends on (seed, key) and the arguments alone."""
    if compat:
        rng = random.Random(random_u64(seed, "rephrase.pairs", key))
        return "\n\n".join(
            choose_pairs_compat(text, source_tokens=source_tokens, rng=rng, max_pairs=options.max_pairs)
        )
    pairs = parse_pairs(text).pairs
    return format_pairs(choose_pairs(pairs, source_tokens=source_tokens, seed=seed, key=key, options=options))


def choose_pairs(
    pairs: Sequence[tuple[str, str]], *, source_tokens: int, seed: int, key: str, options: PairsOptions
) -> list[tuple[str, str]]:
    """The pairs that are kept, shuffled: at most `max_pairs`, fewer for short sources.

    Their number is drawn from 1 to that cap, or is the cap.
    """
    cap = min(options.max_pairs, max(1, round(options.per_150_tokens * source_tokens / TOKENS_PER_CAP)))
    draws = options.sample == "uniform"
    number = 1 + random_u64(seed, "rephrase.pairs", key) % cap if draws else cap
    order = sorted(
        range(len(pairs)), key=lambda i: (random_u64(seed, "rephrase.pairs.order", f"{key}:{i}"), i)
    )
    return [pairs[i] for i in order[:number]]


def choose_pairs_compat(
    generated: str, *, source_tokens: int | None, rng: random.Random, max_pairs: int = MAX_PAIRS
) -> list[str]:
    """The pairs that the reference keeps, each as text; none where it rejects the answer.

    `source_tokens` is None where no tokenizer is given. `rng` is asked for a shuffle, then for a number.
    """
    lines = [line.strip() for line in generated.split("\n") if line.strip()]
    lines = [line[2:].strip() if line.startswith("- ") else line for line in lines]
    if lines and lines[0] == QA_PREFIX:
        lines = lines[1:]
    if not lines or not lines[0].startswith("Question:"):
        return []
    pairs: list[str] = []
    for line in lines:
        if line.startswith("Question:"):
            pairs.append(line)
        else:
            pairs[-1] += f"\n{line}"
    rng.shuffle(pairs)
    cap = max_pairs if source_tokens is None else max(1, int(max_pairs * source_tokens / TOKENS_PER_CAP))
    return pairs[: rng.randint(1, cap)]
