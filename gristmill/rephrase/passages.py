"""Documents cut into the passages that a rephraser gets.

Source: WRAP, "Rephrasing the Web" (arXiv 2401.16380): passages of at most about 300 tokens at sentence
boundaries, because longer ones lose content in the rephrasing. Nemotron-CC (arXiv 2412.02595) joins whole lines; a
line above the limit, which its code leaves out, is cut at its sentences here. A passage is a slice of the text, so line
and paragraph breaks inside it stay, and the passages together hold every character of the text but the white space
between them. Tokens are counted by the caller's tokenizer, in batches: each sentence or line once, each passage once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from gristmill.rephrase.blocks import BlockKind, find_blocks
from gristmill.rephrase.sentences import sentence_spans

CountTokens = Callable[[list[str]], list[int]]

Cut = Literal["sentences", "lines"]

_WHITE_SPACE = re.compile(r"\s")
_LINE = re.compile(r"[^\n]+")


class Passage(NamedTuple):
    """`text[start:end]` of a document; `kind` other than prose means that it is passed through unchanged."""

    start: int
    end: int
    tokens: int
    kind: BlockKind
    hard_split: bool  # a sentence above the limit was cut inside
    spans: tuple[tuple[int, int], ...] = ()  # what is read, where that is not text[start:end]


class Unit(NamedTuple):
    """What passages are made of: a sentence, a line, a block of code, or a piece of one."""

    start: int
    end: int
    hard: bool
    whole: bool = False  # a line, or a file of code, that is not looked into yet


Run = tuple[int, int, int]  # number of the text, start, end
Pieces = Callable[[int, Unit], list[Unit]]  # of a unit above the limit, in the text of this number

# Units of one passage, with the number of the run of prose they lie in; no passage reaches over two runs.
_Group = tuple[int, list[Unit]]


def split_passages(
    texts: Sequence[str],
    count_tokens: CountTokens,
    *,
    max_tokens: int = 300,
    min_tokens: int = 20,
    skip_blocks: tuple[str, ...] = ("code", "table", "list"),
    cut: Cut = "sentences",
) -> list[list[Passage]]:
    """The passages of each text, in order.

    Sentences, or lines, are added while the passage has at most `max_tokens`. A line above the limit is cut into its
    sentences. A sentence above the limit is halved at
    white space until its pieces fit (a run without white space: between characters). A passage below
    `min_tokens` is merged into the one before where the sum stays within `max_tokens + min_tokens`. Blocks of
    the kinds in `skip_blocks` become passages of their own, of any length. `count_tokens` maps texts to their
    numbers of tokens, without special tokens; it need not be additive.
    """
    skipped: list[list[tuple[int, int, BlockKind]]] = []
    runs: list[Run] = []
    for number, text in enumerate(texts):
        blocks = find_blocks(text, skip_blocks)
        skipped.append([(b.start, b.end, b.kind) for b in blocks if b.kind != "prose"])
        runs += [(number, b.start, b.end) for b in blocks if b.kind == "prose"]

    merged = pack_units(
        texts,
        runs,
        [_first_units(texts[number], start, end, cut) for number, start, end in runs],
        lambda number, unit: _pieces(texts[number], unit),
        count_tokens,
        max_tokens=max_tokens,
        min_tokens=min_tokens,
    )
    found: list[list[Passage]] = [[] for _ in texts]
    for run, passage in merged:
        found[runs[run][0]].append(passage)
    skipped_texts = [texts[i][s:e] for i, spans in enumerate(skipped) for s, e, _ in spans]
    skipped_counts = iter(count_tokens(skipped_texts) if skipped_texts else [])
    for number, spans in enumerate(skipped):
        found[number] += [Passage(s, e, next(skipped_counts), kind, False) for s, e, kind in spans]
        found[number].sort()
    return found


def pack_units(
    texts: Sequence[str],
    runs: Sequence[Run],
    first_units: Sequence[Sequence[Unit]],
    pieces: Pieces,
    count_tokens: CountTokens,
    *,
    max_tokens: int,
    min_tokens: int,
) -> list[tuple[int, Passage]]:
    """Passages with the number of their run, in order, made of the units of each run.

    A unit above `max_tokens` is cut into its `pieces`, each shorter than it; neighbours are put together while
    they fit; a passage below `min_tokens` joins the one before as in `split_passages`.
    """
    units, counts = _units(texts, runs, first_units, pieces, count_tokens, max_tokens)
    groups = [
        (run, group)
        for run, (of_run, counted) in enumerate(zip(units, counts, strict=True))
        for group in _pack(of_run, counted, max_tokens)
    ]
    return _merge_short(_fit(texts, runs, groups, count_tokens, max_tokens), max_tokens, min_tokens)


def halve(text: str, unit: Unit) -> list[Unit]:
    """The unit cut at white space near its middle, or in the middle where it has none."""
    middle = (unit.start + unit.end) // 2
    quarter = (unit.end - unit.start) // 4
    for start, end in ((middle, unit.end - quarter), (unit.start + quarter, middle), (unit.start, unit.end)):
        gap = _WHITE_SPACE.search(text, start, end)
        if gap:
            left, right = gap.start(), gap.end()
            break
    else:
        left = right = middle
    while text[left - 1].isspace():
        left -= 1
    while text[right].isspace():
        right += 1
    return [Unit(unit.start, left, True), Unit(right, unit.end, True)]


def _units(
    texts: Sequence[str],
    runs: Sequence[Run],
    first_units: Sequence[Sequence[Unit]],
    pieces: Pieces,
    count_tokens: CountTokens,
    max_tokens: int,
) -> tuple[list[list[Unit]], list[list[int]]]:
    """The units of every run, those above the limit cut, each with its number of tokens."""
    units: list[list[Unit]] = []
    counts: list[list[int]] = []
    open_units = [(run, unit) for run, of_run in enumerate(first_units) for unit in of_run]
    final: list[list[tuple[Unit, int]]] = [[] for _ in runs]
    while open_units:
        sizes = count_tokens([texts[runs[run][0]][u.start : u.end] for run, u in open_units])
        too_long = []
        for (run, unit), size in zip(open_units, sizes, strict=True):
            if size > max_tokens and unit.end - unit.start > 1:
                too_long += [(run, piece) for piece in pieces(runs[run][0], unit)]
            else:
                final[run].append((unit, size))
        open_units = too_long
    for of_run in final:
        of_run.sort()
        units.append([unit for unit, _ in of_run])
        counts.append([size for _, size in of_run])
    return units, counts


def _first_units(text: str, start: int, end: int, cut: Cut) -> list[Unit]:
    if cut == "sentences":
        return [Unit(*span, False) for span in sentence_spans(text, start, end)]
    found = []
    for line in _LINE.finditer(text, start, end):
        shown = line.group()
        if shown.strip():
            begin = line.start() + len(shown) - len(shown.lstrip())
            found.append(Unit(begin, begin + len(shown.strip()), False, whole=True))
    return found


def _pieces(text: str, unit: Unit) -> list[Unit]:
    """The sentences of a line, or the halves of a sentence."""
    if unit.whole:
        sentences = [Unit(*span, False) for span in sentence_spans(text, unit.start, unit.end)]
        if len(sentences) > 1:
            return sentences
    return halve(text, unit)


def _pack(units: list[Unit], counts: list[int], max_tokens: int) -> list[list[Unit]]:
    """Neighbouring units together while their sum fits."""
    groups: list[list[Unit]] = []
    total = 0
    for unit, size in zip(units, counts, strict=True):
        if groups and total + size <= max_tokens:
            groups[-1].append(unit)
            total += size
        else:
            groups.append([unit])
            total = size
    return groups


def _fit(
    texts: Sequence[str],
    runs: Sequence[Run],
    groups: list[_Group],
    count_tokens: CountTokens,
    max_tokens: int,
) -> list[tuple[int, Passage]]:
    """Passages with their exact number of tokens; where white space or joins push one over the limit, it is
    cut in two.
    """
    done: list[tuple[int, Passage]] = []
    while groups:
        sizes = count_tokens([texts[runs[run][0]][g[0].start : g[-1].end] for run, g in groups])
        too_long: list[_Group] = []
        for (run, group), size in zip(groups, sizes, strict=True):
            if size > max_tokens and len(group) > 1:
                middle = len(group) // 2
                too_long += [(run, group[:middle]), (run, group[middle:])]
            else:
                hard = any(unit.hard for unit in group)
                done.append((run, Passage(group[0].start, group[-1].end, size, "prose", hard)))
        groups = too_long
    done.sort()
    return done


def _merge_short(
    passages: list[tuple[int, Passage]], max_tokens: int, min_tokens: int
) -> list[tuple[int, Passage]]:
    merged: list[tuple[int, Passage]] = []
    for run, passage in passages:
        before = merged[-1] if merged else None
        if (
            before is not None
            and before[0] == run
            and passage.tokens < min_tokens
            and before[1].tokens + passage.tokens <= max_tokens + min_tokens
        ):
            last = before[1]
            hard = last.hard_split or passage.hard_split
            merged[-1] = (run, Passage(last.start, passage.end, last.tokens + passage.tokens, "prose", hard))
        else:
            merged.append((run, passage))
    return merged
