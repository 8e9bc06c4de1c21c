"""What changed between two texts, and how to put text from anywhere on a terminal safely.

A document is hostile until shown otherwise: escape sequences, carriage returns and marks that turn the direction of
writing are shown as what they are, so that a page can neither drive the terminal nor pose as the report.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

CONTEXT_LINES = 2  # unchanged lines shown around a change
MAX_EXACT_LINES = 2_000  # beyond, difflib's heuristic for frequent lines keeps the time near linear
MAX_EXACT_WORDS = 500  # between the first and the last changed word of a stretch; beyond, all of it is marked
MAX_MARKED_CHARS = 10_000  # of each side that `mark_changes` looks at
LEAD_CHARS = 80  # that `mark_changes` shows before the first difference

# C0 without tab and newline, DEL, C1, zero-width and direction marks, line separators, unpaired surrogates
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")

_MARKS = {"same": ("", ""), "removed": ("[-", "-]"), "added": ("{+", "+}")}

Kind = Literal["same", "removed", "added"]


@dataclass(frozen=True)
class Part:
    """A run of characters of one side, and whether the other side has it."""

    kind: Kind
    text: str


@dataclass(frozen=True)
class Hunk:
    """A stretch of lines, as it was and as it is now, in parts; `skipped` unchanged lines precede it."""

    skipped: int
    before: tuple[Part, ...]
    after: tuple[Part, ...]


def visible(text: str) -> str:
    """The text with every character that a terminal would act on written out, as `\\x1b` or `\\u202e`."""
    return _UNSAFE.sub(lambda found: _escaped(found.group()), text)


def one_line(text: str) -> str:
    """The text on one line, as people read it: blanks and newlines are single spaces."""
    return " ".join(visible(re.sub(r"\s+", " ", text)).split())


def cut(text: str, limit: int) -> str:
    """At most `limit` characters of the text, and how many were left out."""
    left_out = len(text) - limit
    return text if left_out <= 0 else f"{text[:limit].rstrip()} … ({left_out:,} more characters)"


def changes(before: str, after: str, context: int = CONTEXT_LINES) -> tuple[list[Hunk], int]:
    """The changed stretches with `context` lines around them, and how many unchanged lines follow the last one.

    Lines are compared first; inside lines that were replaced, words.
    """
    old, new = before.split("\n"), after.split("\n")
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=max(len(old), len(new)) > MAX_EXACT_LINES)
    hunks: list[Hunk] = []
    reached = 0
    for group in matcher.get_grouped_opcodes(context):
        left: list[Part] = []
        right: list[Part] = []
        for tag, i, i_end, j, j_end in group:
            a, b = _lines(old[i:i_end]), _lines(new[j:j_end])
            if tag == "equal":
                left.append(Part("same", a))
                right.append(Part("same", b))
            elif tag == "replace":
                words = _word_changes(a, b)
                left += words[0]
                right += words[1]
            else:
                left += [Part("removed", a)] if a else []
                right += [Part("added", b)] if b else []
        hunks.append(Hunk(group[0][1] - reached, tuple(left), tuple(right)))
        reached = group[-1][2]
    return hunks, len(old) - reached


def mark_changes(before: str, after: str, limit: int) -> tuple[str, str]:
    """The texts around their first differences, `[-removed-]` on the left and `{+added+}` on the right.

    Equal texts are shown from their beginning. Each side has about `limit` characters; long parts are cut in the
    middle. For places that show plain text only.
    """
    if before == after:
        return before[:limit], after[:limit]
    shorter = min(len(before), len(after))
    first = next((i for i in range(shorter) if before[i] != after[i]), shorter)
    start = max(0, first - LEAD_CHARS)
    end = start + MAX_MARKED_CHARS
    hunks, _ = changes(before[start:end], after[start:end])
    is_cut = max(len(before), len(after)) > end
    if is_cut and len(hunks) > 1:
        hunks.pop()  # the two windows end at different places; that is no change
    sides = [part for hunk in hunks for part in hunk.before], [part for hunk in hunks for part in hunk.after]
    left, right = (_marked(parts, limit) + (" ..." if is_cut else "") for parts in sides)
    lead = "... " if start else ""
    return lead + left, lead + right


def _marked(parts: Sequence[Part], limit: int) -> str:
    """Parts with marks around those that changed, up to the limit."""
    shown, room = "", limit
    for part in parts:
        if room <= 0:
            break
        text = _cut_middle(part.text, room if part.kind == "same" else max(room, limit // 2))
        opening, closing = _MARKS[part.kind]
        shown += f"{opening}{text}{closing}"
        room -= len(text)
    return shown.rstrip()


def _cut_middle(text: str, room: int) -> str:
    left_out = len(text) - room
    half = room // 2
    return text if left_out <= 0 else f"{text[:half]} ({left_out:,} characters) {text[-half:]}"


def _word_changes(before: str, after: str) -> tuple[list[Part], list[Part]]:
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    shorter = min(len(old), len(new))
    start = next((i for i in range(shorter) if old[i] != new[i]), shorter)
    end = next((i for i in range(shorter - start) if old[-1 - i] != new[-1 - i]), shorter - start)
    left = [Part("same", "".join(old[:start]))]
    right = list(left)
    middle_old, middle_new = old[start : len(old) - end], new[start : len(new) - end]
    if max(len(middle_old), len(middle_new)) > MAX_EXACT_WORDS:
        left.append(Part("removed", "".join(middle_old)))
        right.append(Part("added", "".join(middle_new)))
    else:
        matcher = difflib.SequenceMatcher(None, middle_old, middle_new, autojunk=False)
        for tag, i, i_end, j, j_end in matcher.get_opcodes():
            same = tag == "equal"
            left.append(Part("same" if same else "removed", "".join(middle_old[i:i_end])))
            right.append(Part("same" if same else "added", "".join(middle_new[j:j_end])))
    last = Part("same", "".join(old[len(old) - end :]))
    return _joined([*left, last]), _joined([*right, last])


def _joined(parts: list[Part]) -> list[Part]:
    """The parts without empty ones, neighbours of one kind as one."""
    joined: list[Part] = []
    for part in parts:
        if part.text and joined and joined[-1].kind == part.kind:
            joined[-1] = Part(part.kind, joined[-1].text + part.text)
        elif part.text:
            joined.append(part)
    return joined


def _lines(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
