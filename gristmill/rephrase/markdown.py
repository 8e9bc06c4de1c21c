"""Markdown taken out of what a model wrote: emphasis, links, images.

Nemotron-CC (arXiv 2412.02595) removes marks by four patterns, which also eat `snake_case`, `__init__`, TeX subscripts
and products such as `2*3*4`, and leave a link's address in place of its label. `remove_markdown` removes emphasis only
where CommonMark (section 6.2, delimiter runs) sees it, and never in code, addresses, `$...$` or next to TeX;
`remove_markdown_compat` is the reference's behaviour (NVIDIA-NeMo/Curator, MarkdownRemover), for replications.
Both go line by line, and change no line break.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_COMPAT = (
    (re.compile(r"\*\*(.*?)\*\*"), r"\1"),
    (re.compile(r"\*(.*?)\*"), r"\1"),
    (re.compile(r"_(.*?)_"), r"\1"),
    (re.compile(r"\[.*?\]\((.*?)\)"), r"\1"),
)
_FENCE = re.compile(r"\s*(`{3,}|~{3,})")
_LIST_MARK = re.compile(r"\s*[*+-](?=\s|\Z)")
_LINK = re.compile(
    r"!?\[((?:[^\[\]\\\n]|\\.){0,1000})\]\(((?:[^()\s\\]|\\.|\([^()\s]*\)){0,2000}(?:\s+\"[^\"\n]*\")?)\)"
)
# What keeps its marks, whatever they look like.
_PROTECTED = re.compile(
    r"(?P<ticks>`+)(?!`).{1,1000}?(?<!`)(?P=ticks)(?!`)"  # code span
    r"|\$\$.{1,1000}?\$\$|\$(?=\S)[^$\n]+?(?<=\S)\$(?!\d)"  # TeX
    r"|\\[(\[].{1,1000}?\\[)\]]"
    r"|<[a-z][a-z0-9+.-]*:[^<>\s]*>|\b(?:https?|ftp)://\S+|\bwww\.\S+"  # addresses
    r"|(?<!\w)__[^\W\d]\w*?__(?!_)"  # an identifier such as __init__
    r"|\\[*_]",  # escaped
    re.IGNORECASE,
)
_RUN = re.compile(r"\*+|_+")
_TEX = frozenset("{}\\")
_MAX_LINE_CHARS = 10_000  # longer lines stay as they are
_MAX_OPEN_RUNS = 200  # of one line, which bounds the search for the one that is closed


def remove_markdown(text: str) -> str:
    """The text without emphasis marks; links and images become their labels. Linear; long lines stay as they are.

    Inside code fences nothing changes. Marks that are not closed in their line stay, and so do list marks.
    """
    lines = []
    fence: str | None = None
    for line in text.split("\n"):
        opened = _FENCE.match(line)
        if fence is not None:
            if opened and opened[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = None
        elif opened:
            fence = opened[1]
        elif len(line) <= _MAX_LINE_CHARS:
            line = _strip_emphasis(_replace_links(line))
        lines.append(line)
    return "\n".join(lines)


def remove_markdown_compat(text: str) -> str:
    """The text by the reference's patterns, in their order; a link becomes its address."""
    lines = text.split("\n")
    for pattern, replacement in _COMPAT:
        lines = [pattern.sub(replacement, line) for line in lines]
    return "\n".join(lines)


def _replace_links(line: str) -> str:
    """Labels in place of links, outside of code and TeX."""
    spans = [match.span() for match in _PROTECTED.finditer(line) if line[match.start()] in "`$\\"]
    return _LINK.sub(
        lambda link: link[0] if any(start <= link.start() < end for start, end in spans) else link[1], line
    )


@dataclass
class _Delimiters:
    """A run of `*` or `_`; `left` of its characters are not used yet. Spans [start, end) are removed in the end."""

    start: int
    size: int
    mark: str
    opens: bool
    closes: bool
    left: int = 0
    used_front: int = 0  # a closing run is used up from its front, an opening one from its back


def _strip_emphasis(line: str) -> str:
    runs = _find_runs(line)
    removed: list[int] = []
    stack: list[_Delimiters] = []
    for run in runs:
        if run.closes:
            while run.left and (opener := _opener_for(run, stack)) is not None:
                count = 2 if run.left >= 2 and opener.left >= 2 else 1
                back = opener.start + opener.used_front + opener.left
                removed += range(back - count, back)
                front = run.start + run.used_front
                removed += range(front, front + count)
                opener.left -= count
                run.left -= count
                run.used_front += count
                del stack[stack.index(opener) + 1 :]
                if not opener.left:
                    stack.pop()
        if run.opens and run.left:
            stack.append(run)
            del stack[:-_MAX_OPEN_RUNS]
    gone = set(removed)
    return "".join(character for place, character in enumerate(line) if place not in gone) if gone else line


def _opener_for(closer: _Delimiters, stack: list[_Delimiters]) -> _Delimiters | None:
    """The nearest run that this one closes, by CommonMark's rules 9 and 10 (sums that are multiples of three)."""
    for opener in reversed(stack):
        if opener.mark == closer.mark:
            either = opener.closes or closer.opens
            if not (either and (opener.size + closer.size) % 3 == 0 and (opener.size % 3 or closer.size % 3)):
                return opener
    return None


def _find_runs(line: str) -> list[_Delimiters]:
    """The runs that can open or close emphasis."""
    protected = [match.span() for match in _PROTECTED.finditer(line)]
    listed = _LIST_MARK.match(line)
    if listed:
        protected.insert(0, listed.span())
    runs = []
    index = 0
    for match in _RUN.finditer(line):
        start, end = match.span()
        while index < len(protected) and protected[index][1] <= start:
            index += 1
        before = line[start - 1] if start else " "
        after = line[end] if end < len(line) else " "
        is_protected = index < len(protected) and protected[index][0] < end
        is_product = before.isdigit() and after.isdigit() and end - start == 1  # 2*3*4
        if is_protected or is_product or before in _TEX or after in _TEX:
            continue
        left = _flanks(before, after)
        right = _flanks(after, before)
        mark = line[start]
        if mark == "_":
            opens = left and (not right or _is_punctuation(before))
            closes = right and (not left or _is_punctuation(after))
        else:
            opens, closes = left, right
        if opens or closes:
            runs.append(_Delimiters(start, end - start, mark, opens, closes, left=end - start))
    return runs


def _flanks(outside: str, inside: str) -> bool:
    """Whether a run between these characters flanks the text on its inside."""
    if inside.isspace():
        return False
    return not _is_punctuation(inside) or outside.isspace() or _is_punctuation(outside)


def _is_punctuation(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"
