"""The strict executor: programs applied to a document, each within the lines of its chunk.

Nothing is evaluated. Replacements come first, in the order of the programs, then removals by the original line
numbers. Whatever a program says, it changes no line outside its chunk, creates and joins no lines, and ends in time
and memory that its length and the document's bound.

Rules: ProX (arXiv 2409.17115) with the defects of its reference code left out; compat.py has that code's behaviour.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from gristmill.refine import grammar
from gristmill.refine.grammar import Normalize, Operation, RemoveAll, RemoveLines

Status = Literal["edited", "unchanged", "rejected", "dropped_overremoved", "dropped_short", "empty_input"]

ERROR_OP = 2  # errors that reject; reference code of ProX
MIN_KEPT_RATIO = (
    0.05  # at most this share left: the document goes; reference code of ProX (threshold_2 = 0.95)
)
MIN_UNITS = 10  # at most so many words left: the document goes; reference code of ProX
MAX_GROWTH_CHARS = 1 << 20  # that the replacements of a program may add; without a limit they multiply

RANGE, CLAMPED, TOO_MANY_OPS = "range", "clamped", "too_many_ops"
EMPTY_SOURCE, UNSAFE_SOURCE, TOO_LONG = "empty_source", "unsafe_source", "too_long"
NO_MATCH, DUPLICATE = "no_match", "duplicate"  # warnings
REMOVED_TOO_MUCH = "removed_too_much"

# Thai and Lao, Myanmar, Khmer, kana, Han and its extensions: written without spaces, so a letter counts as a word.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U000323af]"
)


@dataclass(frozen=True)
class ChunkProgram:
    """What the model wrote for lines first to last, both included."""

    text: str
    first_line: int
    last_line: int


@dataclass
class ProgramResult:
    """What one program did. `rejected` says why all of it was taken back."""

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    removed: list[int] = field(default_factory=list)  # line numbers, ascending
    replaced: int = 0  # occurrences
    calls: int = 0
    repeats: bool = False  # the same call three times in a row
    removed_ratio: float = 0.0  # share of the chunk's units
    rejected: str | None = None

    def take_back(self, reason: str) -> None:
        """Note that the program has no effect, and why."""
        self.rejected, self.removed, self.replaced = reason, [], 0


@dataclass(frozen=True)
class Execution:
    """The document afterwards, and how it came to that; `text` is empty where the document is dropped."""

    status: Status
    text: str
    errors: list[str]
    warnings: list[str]
    removed: list[int]
    replaced: int
    kept_ratio: float  # units after / units before, whatever the status; 1 for a blank input
    units: int  # words of the edited text, see count_units
    programs: list[ProgramResult]  # one per program, in order


def execute_programs(
    text: str,
    programs: Sequence[ChunkProgram],
    *,
    first_line: int = 0,
    error_op: int = ERROR_OP,
    max_removed_ratio: float | None = None,
    min_kept_ratio: float = MIN_KEPT_RATIO,
) -> Execution:
    """Apply the programs of a document's chunks, in order; never raises over what they say.

    A program that removes more than `max_removed_ratio` of its chunk's units is taken back (`removed_too_much`). With
    `error_op` errors in all, all are. For rejected and unchanged documents `removed` and `replaced` are empty.

    Where `text` is a part of a document, `first_line` is the number of its first line there, and all line numbers are
    the document's. Time is linear in the text, however many chunks it has.
    """
    if not text.strip():
        return Execution("empty_input", "", [], [], [], 0, 1.0, 0, [ProgramResult() for _ in programs])
    lines = text.split("\n")
    results = [_run(program, lines, first_line, max_removed_ratio) for program in programs]
    errors = [error for result in results for error in result.errors]
    warnings = [warning for result in results for warning in result.warnings]
    removed = sorted({line for result in results for line in result.removed})
    gone = set(removed)
    edited = "\n".join(line for number, line in enumerate(lines, first_line) if number not in gone)

    before, units = count_units(text), count_units(edited)
    kept_ratio = units / before
    facts = (kept_ratio, units, results)
    if len(errors) >= error_op:
        for result in results:
            result.take_back("errors")
        return Execution("rejected", text, errors, warnings, [], 0, *facts)
    if edited == text:
        for result in results:  # a text may have been replaced by itself
            result.replaced = 0
        return Execution("unchanged", text, errors, warnings, [], 0, *facts)
    replaced = sum(result.replaced for result in results)
    if kept_ratio <= min_kept_ratio:
        return Execution("dropped_overremoved", "", errors, warnings, removed, replaced, *facts)
    if units <= MIN_UNITS:
        return Execution("dropped_short", "", errors, warnings, removed, replaced, *facts)
    return Execution("edited", edited, errors, warnings, removed, replaced, *facts)


def count_units(text: str) -> int:
    """Words between white space, where each letter of a script without spaces is a word and ends the one before."""
    spaced, letters = _UNSPACED.subn(" ", text)
    return letters + len(spaced.split())


def _run(
    program: ChunkProgram, lines: list[str], first_line: int, max_removed_ratio: float | None
) -> ProgramResult:
    """Run one program: replacements change `lines`, the first of which is `first_line`, removals are only noted."""
    place = slice(program.first_line - first_line, program.last_line + 1 - first_line)
    scope = _Scope(lines[place], program.first_line, program.last_line)
    parsed = grammar.read_program(program.text)
    result = ProgramResult(calls=len(parsed.statements), repeats=parsed.repeats)
    if parsed.truncated:
        result.errors.append(TOO_MANY_OPS)
    done: set[Operation] = set()
    for statement in parsed.statements:
        operation = statement.operation
        if isinstance(operation, RemoveAll):
            operation = RemoveLines(program.first_line, program.last_line)
        if operation is None:
            result.errors.append(statement.error or grammar.SYNTAX)
        elif operation in done:
            result.warnings.append(DUPLICATE)
        elif scope.apply(operation, result):
            done.add(operation)
    result.removed = sorted(scope.removed)
    result.removed_ratio = scope.removed_ratio()
    if max_removed_ratio is not None and result.removed_ratio > max_removed_ratio:
        result.take_back(REMOVED_TOO_MUCH)
    elif scope.text != scope.original:
        lines[place] = scope.text.split("\n")
    return result


class _Scope:
    """The lines that a program may touch."""

    def __init__(self, lines: list[str], low: int, high: int) -> None:
        self.low, self.high = low, high
        self.original = self.text = "\n".join(lines)
        self.removed: set[int] = set()

    def apply(self, operation: Operation, result: ProgramResult) -> bool:
        """Carry out one operation; whether it counts as done, so that a repeat is a duplicate."""
        if isinstance(operation, RemoveLines):
            return self._remove(operation, result)
        return isinstance(operation, Normalize) and self._replace(operation, result)

    def removed_ratio(self) -> float:
        """Share of the scope's units that went, by removal or by replacement; 0 where it had none."""
        before = count_units(self.original)
        numbered = enumerate(self.text.split("\n"), self.low)
        after = count_units("\n".join(line for number, line in numbered if number not in self.removed))
        return max(0.0, 1 - after / before) if before else 0.0

    def _remove(self, operation: RemoveLines, result: ProgramResult) -> bool:
        if not self.low <= operation.start <= self.high or operation.end < operation.start:
            result.errors.append(RANGE)
            return False
        if operation.end > self.high:
            result.errors.append(CLAMPED)
        self.removed.update(range(operation.start, min(operation.end, self.high) + 1))
        return True

    def _replace(self, operation: Normalize, result: ProgramResult) -> bool:
        if not operation.source.strip():
            result.errors.append(EMPTY_SOURCE)
            return False
        if _is_one_letter(operation.source):
            result.errors.append(UNSAFE_SOURCE)
            return False
        source = next((s for s in _candidates(operation.source) if s in self.text), None)
        if source is None:
            result.warnings.append(NO_MATCH)
            return True
        count = self.text.count(source)
        growth = count * (len(operation.target) - len(source))
        if len(self.text) + growth > len(self.original) + MAX_GROWTH_CHARS:
            result.errors.append(TOO_LONG)
            return False
        self.text = self.text.replace(source, operation.target)
        result.replaced += count
        return True


def _candidates(source: str) -> list[str]:
    """The source as written, then decoded where that is another text that may be replaced."""
    decoded = grammar.decode_source(source)
    is_usable = "\n" not in decoded and decoded.strip() and not _is_one_letter(decoded)
    return [source, decoded] if is_usable and decoded != source else [source]


def _is_one_letter(text: str) -> bool:
    return len(text) == 1 and text.isalnum()
