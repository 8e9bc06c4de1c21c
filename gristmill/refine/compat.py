"""The reference's executor, defects included, for replications of ProX; memory stays bounded.

What it does differently from the strict executor, on purpose: program lines are searched, not parsed; brackets, commas
and equal signs inside strings cut an argument; names and order of parameters are not looked at; replacements reach
over the whole document; prose and unknown calls are no errors; a short document is dropped even where its program
says keep; a blank one raises. Ranges are intervals here, where the reference lists every number of them.

Source: `execute_operations` and `execute_meta_operations`, GAIR-NLP/ProX@b3fcbb20a33ff7efa98a5b8f6ec788e41f94d890.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gristmill.refine.executor import ERROR_OP, MAX_GROWTH_CHARS, MIN_UNITS

Interval = tuple[int, int]


@dataclass(frozen=True)
class CompatExecution:
    """The text afterwards and what led there; `raises` names the exception that the reference ends with."""

    text: str | None  # null where it raises
    raises: str | None
    num_error_op: int
    gone: list[Interval]  # lines left out, merged; may reach beyond the text on both sides
    removed_intervals: list[
        Interval
    ]  # those asked for, merged and cut at the last line; `all=True` is not in it
    normalization_pairs: list[tuple[str, str]]  # asked for; blank sources are not carried out
    processed_text: str  # before the acceptance rules


def execute_compat(
    text: str,
    programs: Sequence[str],
    *,
    threshold_1: float = 0.0,
    threshold_2: float = 0.95,
    error_op: int = ERROR_OP,
) -> CompatExecution:
    """Apply the programs of all chunks, joined, to the whole document.

    Where the reference raises (blank text), the result says so and nothing is raised here. A replacement that would
    add more than MAX_GROWTH_CHARS is left out, where the reference runs out of memory.
    """
    run = _Run(last_line=text.count("\n"))
    for line in merge_programs(programs).split("\n"):
        run.read(line)
    gone = _merge(run.removals)
    processed = _leave_out(_replace_all(text, run.replacements), gone)
    merged = _merge(run.intervals)
    errors = run.errors + sum(max(interval) > run.last_line for interval in merged)
    clamped = [(low, min(high, run.last_line)) for low, high in merged if low <= run.last_line]

    words_before, words_after = len(text.split()), len(processed.split())
    if not words_before:
        return CompatExecution(None, "ZeroDivisionError", errors, gone, clamped, run.pairs, processed)
    ratio = words_after / words_before
    if (ratio <= 1 - threshold_2 and errors < error_op) or words_after <= MIN_UNITS:
        result = ""
    elif errors < error_op and ratio >= threshold_1:
        result = processed
    else:
        result = text
    return CompatExecution(result, None, errors, gone, clamped, run.pairs, processed)


def merge_programs(programs: Sequence[str]) -> str:
    """The programs of a document's chunks, in order, as one for the whole document: what the reference runs.

    Line numbers are the document's in every chunk, so none changes. Replacements do: they then reach over the whole
    document, where the strict executor keeps each program within its chunk.
    """
    return "\n".join(program.strip(" ") for program in programs)


def asked_replacements(program: str) -> list[tuple[str, str]]:
    """The (source, target) pairs that a program asks for, blank sources included."""
    run = _Run(last_line=0)
    for line in program.strip(" ").split("\n"):
        run.read(line)
    return run.pairs


class _Run:
    """What the lines of a program ask for, gathered in order."""

    def __init__(self, last_line: int) -> None:
        self.last_line = last_line
        self.errors = 0
        self.intervals: list[Interval] = []
        self.removals: list[Interval] = []  # intervals in effect
        self.pairs: list[tuple[str, str]] = []
        self.replacements: list[tuple[str, str]] = []  # pairs in effect

    def read(self, line: str) -> None:
        if line.startswith("remove_lines"):
            if "all=True" in line:
                self.removals = [(0, self.last_line)]
            elif (pieces := self._pieces(line)) is not None:
                self._remove(pieces)
        elif line.startswith("normalize") and (pieces := self._pieces(line)) is not None:
            self._normalize(pieces)

    def _pieces(self, line: str) -> list[str] | None:
        """The text between the first brackets, split at commas; None without an opening one."""
        opening, closing = line.find("("), line.find(")")
        if opening < 0:
            self.errors += 1
            return None
        if closing < 0:
            self.errors += 1  # and the reference goes on, without the last character
        return line[opening + 1 : closing].split(",")

    def _remove(self, pieces: list[str]) -> None:
        try:
            start, end = (int(_value(piece)) for piece in pieces[:2])
        except ValueError:
            self.errors += 1
            return
        self.intervals.append((start, end))
        if start <= end:
            self.removals.append((start, end))

    def _normalize(self, pieces: list[str]) -> None:
        if len(pieces) > 2:
            return
        try:
            values = [_value(piece).strip('"') for piece in pieces]
        except ValueError:
            self.errors += 1
            return
        pair = (values[0], values[1] if len(values) == 2 else "")
        self.pairs.append(pair)
        if len(values) == 1 or pair[0] not in ("", " "):
            self.replacements.append(pair)


def _value(piece: str) -> str:
    """The text after the first equal sign, up to a second one."""
    parts = piece.split("=")
    if len(parts) < 2:
        raise ValueError(f"no value in {piece!r}")
    return parts[1]


def _replace_all(text: str, pairs: list[tuple[str, str]]) -> str:
    limit = len(text) + MAX_GROWTH_CHARS
    for source, target in pairs:
        if source and len(text) + text.count(source) * (len(target) - len(source)) <= limit:
            text = text.replace(source, target)
    return text


def _merge(intervals: list[Interval]) -> list[Interval]:
    merged: list[Interval] = []
    for low, high in sorted(intervals):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return merged


def _leave_out(text: str, merged: list[Interval]) -> str:
    lines = text.split("\n")
    kept: list[str] = []
    at = 0
    for low, high in merged:
        kept += lines[at : max(low, at)]
        at = max(at, high + 1)
    return "\n".join(kept + lines[at:])
