"""Replies of raters, read strictly: all scores, or none and the reason. Nothing is guessed.

A reply has one of four forms, and for each form there is a constraint under which nothing else can be generated:

    lines        one value a line, in the order of the scores, and nothing else (DataMan)
    last_number  free words, then a line with one number (a single score, as FineWeb-Edu asks for)
    keys         a line `name: value` for every score; other lines are passed over
    json         one JSON object with a member for every score
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from gristmill.llm.requests import LENGTH, Constraint
from gristmill.score.raters.scales import Score, Value

Form = Literal["lines", "last_number", "keys", "json"]

# Why a reply is not read, besides gristmill.score.raters.scales.RATING and the names of scores of labels.
LINE_COUNT = "line_count"
CUT = "cut"  # at the limit of tokens, so what stands last may be a part
NO_NUMBER, SEVERAL_NUMBERS = "no_number", "several_numbers"
MISSING, REPEATED = "missing", "repeated"
NOT_JSON = "not_json"

_NUMBER_LABEL = "Score"  # before the number that a constrained reply ends with
_DECORATION = "*_`\"'()[]{}<>.,;:!"  # around a number in prose
_AROUND_KEYS = " \t*_#>-"  # marks of lists, headings and bold type
_AROUND_VALUES = " \t*_"


@dataclass(frozen=True)
class Reading:
    """The values by name of the score, or None and why. `places`: where in the reply a value begins (not of json)."""

    values: dict[str, Value] | None
    reason: str | None = None
    places: dict[str, int] = field(default_factory=dict)


def read_reply(reply: str, scores: Sequence[Score], form: Form, *, finish_reason: str = "stop") -> Reading:
    """Read a reply. Never raises over what a model wrote; linear in its length.

    Reasons: line_count (lines), cut, no_number, several_numbers (last_number), cut, missing, repeated (keys, json),
    not_json, `rating` where a number is none of the allowed, the score's name where a label is.
    """
    if form == "lines":
        return _read_lines(reply, scores)
    if finish_reason == LENGTH:
        return Reading(None, CUT)
    if form == "last_number":
        return _read_last_number(reply, scores[0])
    return _read_keys(reply, scores) if form == "keys" else _read_json(reply, scores)


def reply_constraint(scores: Sequence[Score], form: Form, *, reasoning_words: int = 0) -> Constraint:
    """The constraint under which every whole reply can be read.

    reasoning_words: a line of so many words at most comes first (last_number). Words are counted, since a limit of 400
    characters takes xgrammar 7 s to compile, and vLLM gives up after 5.
    """
    if form == "lines":
        return Constraint("regex", r"\n".join(score.pattern for score in scores))
    if form == "keys":
        return Constraint("regex", r"\n".join(f"{re.escape(s.name)}: {s.pattern}" for s in scores))
    if form == "last_number":
        words = rf"([^ \n]+ ){{0,{reasoning_words - 1}}}[^ \n]+\n" if reasoning_words else ""
        return Constraint("regex", f"{words}{_NUMBER_LABEL}: {scores[0].pattern}")
    members = {score.name: {"enum": [score.read(value) for value in score.spellings]} for score in scores}
    schema = {
        "type": "object",
        "properties": members,
        "required": list(members),
        "additionalProperties": False,
    }
    return Constraint("json_schema", json.dumps(schema, ensure_ascii=False))


def _read_lines(reply: str, scores: Sequence[Score]) -> Reading:
    at = len(reply) - len(reply.lstrip())
    texts, places = [], []
    for line in reply.strip().split("\n"):
        texts.append(line.strip())
        places.append(at + len(line) - len(line.lstrip()))
        at += len(line) + 1
    if len(texts) != len(scores):
        return Reading(None, LINE_COUNT)
    return _read_values(scores, texts, places)


def _read_last_number(reply: str, score: Score) -> Reading:
    """The number of the last line that has one; `4/5` and `4 out of 5` are 4 where 5 is the most."""
    with_digits = [(at, line) for at, line in _lines(reply) if _has_digit(line)]
    if not with_digits:
        return Reading(None, NO_NUMBER)
    at, line = with_digits[-1]
    most = rf"(?:/|\bout of\b)\s*{re.escape(score.most)}(?!\w)"
    line = re.sub(most, lambda found: " " * len(found[0]), line, count=1)
    numbers = [found for found in re.finditer(r"[^\s:=]+", line) if _has_digit(found[0])]
    if len(numbers) != 1:
        return Reading(None, SEVERAL_NUMBERS)
    (found,) = numbers
    before = len(found[0]) - len(found[0].lstrip(_DECORATION))
    return _read_values([score], [found[0].strip(_DECORATION)], [at + found.start() + before])


def _read_keys(reply: str, scores: Sequence[Score]) -> Reading:
    names = {_plain(score.name): score for score in scores}
    found: dict[str, tuple[str, int]] = {}
    for at, line in _lines(reply):
        name, _, text = line.partition(":")
        score = names.get(_plain(name))
        if score is None:
            continue
        if score.name in found:
            return Reading(None, REPEATED)
        value = text.strip(_AROUND_VALUES)
        place = at + len(name) + 1 + len(text) - len(text.lstrip(_AROUND_VALUES))
        found[score.name] = value.removesuffix(f"/{score.most}") if score.is_number else value, place
    if len(found) < len(scores):
        return Reading(None, MISSING)
    texts, places = zip(*(found[score.name] for score in scores), strict=True)
    return _read_values(scores, texts, places)


def _read_json(reply: str, scores: Sequence[Score]) -> Reading:
    repeated = False

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeated
        members = dict(pairs)
        repeated |= len(members) < len(pairs)
        return members

    try:
        value = json.loads(reply, object_pairs_hook=unique)
    except (ValueError, RecursionError):
        return Reading(None, NOT_JSON)
    if not isinstance(value, dict):
        return Reading(None, NOT_JSON)
    if repeated:
        return Reading(None, REPEATED)
    if any(score.name not in value for score in scores):
        return Reading(None, MISSING)
    return _read_values(scores, [_spelled(value[score.name]) for score in scores])


def _read_values(scores: Sequence[Score], texts: Sequence[str], places: Sequence[int] = ()) -> Reading:
    values: dict[str, Value] = {}
    for score, text in zip(scores, texts, strict=True):
        value = score.read(text)
        if value is None:
            return Reading(None, score.fault)
        values[score.name] = value
    return Reading(values, places=dict(zip(values, places, strict=False)))


def _lines(reply: str) -> Iterator[tuple[int, str]]:
    """(place in the reply, line without its end)."""
    at = 0
    for line in reply.splitlines(keepends=True):
        yield at, line.rstrip()
        at += len(line)


def _has_digit(text: str) -> bool:
    return any(character.isdigit() for character in text)


def _spelled(value: Any) -> str:
    """A JSON value as a reply would spell it; what is neither a whole number nor a text is no value."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", name.strip(_AROUND_KEYS).casefold())
