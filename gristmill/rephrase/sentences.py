"""Where sentences begin and end, by rules, for any language that marks their ends.

WRAP cuts documents at the sentence boundaries of a trained splitter that must be downloaded. Passages only
need boundaries that are never badly wrong, so this module uses rules: an end mark, white space, and a next
character that is not a small letter; then lists of abbreviations (English, German, French). Cost: a sentence
that begins with a small letter is joined to the one before, an unlisted abbreviation before a capital splits
one. Linear in the length of the text: no pattern tries the same run of characters twice.
"""

from __future__ import annotations

import re

# One run of end marks with the quotes and brackets that close after it; East Asian marks need no white space.
_END = re.compile(
    r"""(?<![.!?…])[.!?…]++["'”’›)\]]*+(?:[ \u00a0\u202f]?»)?+(?=\s)|[。！？｡]++[」』”’）》]*+"""
)
_LINE_BREAK = re.compile(r"\n\s*+")
_LAST_WORD = re.compile(r"[^\s(\[\"'“‘«„]+\Z")
_NEXT_WORD = re.compile(r"[^\W\d_]+")
_WORD_WINDOW = 24  # characters looked at before a full stop; longer words are no abbreviations
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")  # the J of J. Smith, the U.S of U.S.

# A full stop after these words does not end a sentence.
_ABBREVIATIONS_LIST = (
    "mr mrs ms mx dr prof st sr jr gen col capt lt sgt rev hon gov sen rep vs viz cf al approx ca esp "
    "resp messrs mme mlle mm m mt ft dept univ e.g i.e eg ie z.b d.h u.a bzw bspw ggf evtl sog inkl exkl "
    "vgl hr fr frl ing dipl p.ex env"
)
# Nor after these when a number follows: No. 4, Fig. 2, Jan. 5.
_BEFORE_NUMBER_LIST = (
    "no nos nr fig figs eq eqs sec sect ch chap vol pp p pg art ref refs tab par ex abb kap bd s n op jan "
    "feb mar apr jun jul aug sep sept oct nov dec ver v"
)
# Words that begin an English sentence far more often than they follow initials or an abbreviated country.
_STARTERS_LIST = (
    "The This That These Those There Then It Its He She They We You His Her Their Our In On At By For "
    "From But And However If When While After Before As An Some Many Most All Both Not What Who Why How"
)
_MONTHS_AFTER_ORDINAL_LIST = (
    "Januar Jänner Februar März April Mai Juni Juli August September Oktober November Dezember "
    "Jahrhundert Jahrhunderts"
)
_ABBREVIATIONS = frozenset(_ABBREVIATIONS_LIST.split())
_BEFORE_NUMBER = frozenset(_BEFORE_NUMBER_LIST.split())
_STARTERS = frozenset(_STARTERS_LIST.split())
_MONTHS_AFTER_ORDINAL = frozenset(_MONTHS_AFTER_ORDINAL_LIST.split())


def sentence_spans(text: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """Spans (start, end) of the sentences in `text[start:end]`, in order, without the white space around
    them.

    Together the spans hold every character that is not white space. A line break ends a sentence unless a
    small letter follows (a wrapped line). No randomness; linear.
    """
    stop = len(text) if end is None else end
    spans: list[tuple[int, int]] = []
    for line_start, line_end in _lines(text, start, stop):
        begin = line_start
        for match in _END.finditer(text, line_start, line_end):
            if _is_boundary(text, match, begin, line_end):
                _add(spans, text, begin, match.end())
                begin = match.end()
        _add(spans, text, begin, line_end)
    return spans


def _lines(text: str, start: int, stop: int) -> list[tuple[int, int]]:
    """Lines, with wrapped ones joined to the line before."""
    lines = []
    begin = start
    for match in _LINE_BREAK.finditer(text, start, stop):
        wrapped = match.end() < stop and text[match.end()].islower() and match.group().count("\n") == 1
        if not wrapped:
            lines.append((begin, match.start()))
            begin = match.end()
    lines.append((begin, stop))
    return lines


def _is_boundary(text: str, match: re.Match[str], begin: int, stop: int) -> bool:
    mark = match.group()
    if mark[0] in "。！？｡":
        return True
    following = match.end()
    while following < stop and text[following].isspace():
        following += 1
    if following >= stop:
        return True
    if text[following].islower():
        return False
    return mark[0] != "." or len(mark) > 1 or not _is_abbreviation(text, match.start(), begin, following)


def _is_abbreviation(text: str, dot: int, begin: int, following: int) -> bool:
    """Whether the full stop at `dot` belongs to the word before it rather than to the sentence."""
    found = _LAST_WORD.search(text[max(begin, dot - _WORD_WINDOW) : dot])
    if found is None:
        return False
    word = found.group()
    folded = word.lower()
    next_match = _NEXT_WORD.match(text, following)
    next_word = next_match.group() if next_match else ""
    if folded in _ABBREVIATIONS:
        return True
    if text[following].isdigit() and folded in _BEFORE_NUMBER:
        return True
    if word.isdigit() and len(word) <= 2:
        at_line_start = not text[begin:dot].strip(word).strip()
        return at_line_start or next_word in _MONTHS_AFTER_ORDINAL
    return _INITIALS.fullmatch(word) is not None and word[0].isupper() and next_word not in _STARTERS


def _add(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        spans.append((start, end))
