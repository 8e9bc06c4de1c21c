"""Files of source code cut into seeds: what a model is shown to write another file after.

A file within the limit is one seed. A longer one is cut into blocks that stand for themselves, and neighbours are put
together while they fit: of Python the statements of the module, by its parser; of other languages, and inside a block
above the limit, stretches that begin behind a blank line with the smallest indentation. A seed of Python gets the
imports that it uses in front, for which an eighth of the limit is kept free. Seeds are slices of the file, and together
they hold every character of it but white space between them. Source: Arctic-SnowCoder (arXiv 2409.02326) takes files;
the cut is Gristmill's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from gristmill.rephrase.code.languages import is_python
from gristmill.rephrase.code.python import Outline, imports_used, outline_python
from gristmill.rephrase.passages import CountTokens, Passage, Run, Unit, halve, pack_units

IMPORT_PART = 8  # 1/8 of the limit is for imports
_MAX_PIECE = (
    0.75  # of what is cut; the largest piece is cut again until it is smaller, so that the work stays linear
)

_BLANK_LINES = re.compile(r"(?:[^\S\n]*\n)*")
_LINE = re.compile(r"[^\n]+")
_GOES_ON = re.compile(
    r"[)\]}]|(?:end|fi|done|esac|else|elif|elsif|except|finally|catch|rescue)\b|#\s*e(?:ndif|lse|lif)\b"
)


def split_seeds(
    texts: Sequence[str],
    languages: Sequence[str | None],
    count_tokens: CountTokens,
    *,
    max_tokens: int,
    min_tokens: int = 0,
) -> list[list[Passage]]:
    """The seeds of each file, in order; `languages` are linguist's names of their languages.

    `spans` of a seed are its imports and itself, where it has imports from elsewhere. A seed below `min_tokens` joins
    the one before where the sum stays within both together. A line above the limit is cut at white space; text without
    any, between characters. Linear in characters but for what is cut again.
    """
    runs = [(number, *_shown(text)) for number, text in enumerate(texts) if text.strip()]
    outlines = _outlines(texts, languages, runs, count_tokens, max_tokens)
    found: list[list[Passage]] = [[] for _ in texts]
    for has_outline, limit in ((False, max_tokens), (True, max_tokens - max_tokens // IMPORT_PART)):
        of_kind = [run for run in runs if (run[0] in outlines) == has_outline]
        passages = pack_units(
            texts,
            of_kind,
            [[Unit(start, end, False, whole=True)] for _, start, end in of_kind],
            lambda number, unit: _pieces(texts[number], unit, outlines.get(number)),
            count_tokens,
            max_tokens=limit,
            min_tokens=min_tokens,
        )
        for run, passage in passages:
            found[of_kind[run][0]].append(passage)
    return _with_imports(texts, found, outlines, count_tokens, max_tokens)


def _shown(text: str) -> tuple[int, int]:
    """From the first line that is not blank, with its indentation, to the last character that is shown."""
    blank = _BLANK_LINES.match(text)
    return (blank.end() if blank else 0), len(text.rstrip())


def _outlines(
    texts: Sequence[str],
    languages: Sequence[str | None],
    runs: Sequence[Run],
    count_tokens: CountTokens,
    max_tokens: int,
) -> dict[int, Outline]:
    """The outlines of the files of Python above the limit that parse."""
    of_python = [run for run in runs if is_python(languages[run[0]])]
    sizes = count_tokens([texts[number][start:end] for number, start, end in of_python]) if of_python else []
    long = [number for (number, _, _), size in zip(of_python, sizes, strict=True) if size > max_tokens]
    return {number: outline for number in long if (outline := outline_python(texts[number])) is not None}


def _with_imports(
    texts: Sequence[str],
    found: list[list[Passage]],
    outlines: dict[int, Outline],
    count_tokens: CountTokens,
    max_tokens: int,
) -> list[list[Passage]]:
    """The seeds with the imports they use, where both fit."""
    places = [
        (number, place, [*imports, (seed.start, seed.end)])
        for number, outline in outlines.items()
        for place, seed in enumerate(found[number])
        if (imports := imports_used(texts[number], seed.start, seed.end, outline))
    ]
    shown = ["\n".join(texts[number][start:end] for start, end in spans) for number, _, spans in places]
    for (number, place, spans), size in zip(places, count_tokens(shown) if shown else [], strict=True):
        if size <= max_tokens:
            found[number][place] = found[number][place]._replace(tokens=size, spans=tuple(spans))
    return found


# -- cutting --------------------------------------------------------------------------------------------------------


class _Line(NamedTuple):
    start: int
    indentation: int
    opens: bool  # may begin a block: behind a blank line, and not the end or branch of one


def _pieces(text: str, unit: Unit, outline: Outline | None) -> list[Unit]:
    """The blocks of a file, or the parts of a block."""
    if unit.whole and outline is not None and len(outline.starts) > 1:
        return _cut_at(text, unit, [start for start in outline.starts[1:] if start > unit.start])
    lines = _lines(text, unit)
    if len(lines) == 1:
        bare = Unit(lines[0].start + lines[0].indentation, unit.end, True)
        return [bare] if bare.start > unit.start else halve(text, bare)
    cuts, (start, end) = _find_cuts(lines[1:], unit)
    if end - start > _MAX_PIECE * (unit.end - unit.start):
        middle = (start + end) // 2
        inside = [line.start for line in lines if start < line.start < end]
        if inside:
            cuts.append(min(inside, key=lambda place: abs(place - middle)))
    return _cut_at(text, unit, sorted(cuts))


def _lines(text: str, unit: Unit) -> list[_Line]:
    """The lines that are not blank."""
    found = []
    before = unit.start  # where the line before ends
    for line in _LINE.finditer(text, unit.start, unit.end):
        bare = line.group().lstrip()
        if bare:
            behind_blank = text.count("\n", before, line.start()) > 1
            opens = behind_blank and _GOES_ON.match(bare) is None
            found.append(_Line(line.start(), line.end() - line.start() - len(bare), opens))
            before = line.end()
    return found


def _find_cuts(lines: Sequence[_Line], unit: Unit) -> tuple[list[int], tuple[int, int]]:
    """Where blocks begin, and the largest stretch between: those of the smallest indentation, then, as long as a
    stretch is too large, those in it of the smallest there.
    """
    cuts: list[int] = []
    largest = (unit.start, unit.end)
    inside = [line for line in lines if line.opens]
    while inside and largest[1] - largest[0] > _MAX_PIECE * (unit.end - unit.start):
        least = min(line.indentation for line in inside)
        places = [line.start for line in inside if line.indentation == least]
        cuts += places
        bounds = [largest[0], *places, largest[1]]
        largest = max(pairwise(bounds), key=lambda stretch: stretch[1] - stretch[0])
        inside = [line for line in inside if largest[0] < line.start < largest[1]]
    return cuts, largest


def _cut_at(text: str, unit: Unit, cuts: Sequence[int]) -> list[Unit]:
    """The unit cut at these places, in order; none of the pieces is blank."""
    bounds = [unit.start, *cuts, unit.end]
    pieces = []
    for start, end in pairwise(bounds):
        first, last = _shown(text[start:end])
        pieces.append(Unit(start + first, start + last, not unit.whole))
    return pieces
