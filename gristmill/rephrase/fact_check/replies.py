"""What a checker wrote, read as facts, verdicts, questions and answers.

A reply is data of unknown quality: it is cut to a length, lines are counted, and what cannot be read is `None` or an
empty list together with a word that says why. Nothing here raises.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gristmill.llm.requests import LENGTH, STOP, Answer
from gristmill.rephrase.choice import written
from gristmill.rephrase.fact_check.comparison import statement_key
from gristmill.rephrase.leaks import finds_refusal

MAX_REPLY_CHARS = 20_000
MAX_FACT_CHARS = 300
MAX_ANSWER_CHARS = 200
VERDICTS = ("yes", "no", "unclear")

_MAX_REFUSAL_CHARS = 300  # a refusal stands at the beginning
_LISTED = re.compile(r"[ \t]{0,8}(?:[-*+•–]|\(?\d{1,4}[.):])[ \t]+(?=\S)")
_NUMBERED = re.compile(r"[ \t*]{0,8}\(?(?:question |answer )?(\d{1,4})[.):\]]\**[ \t]*(.*)", re.IGNORECASE)
_TOPIC = re.compile(r"[ \t*#-]{0,8}topic[ \t*]*:[ \t*]*(.+)", re.IGNORECASE)
_VERDICT = re.compile(r"(?<![\w.])(\d{1,4})[\"'\].):\s*-]{1,8}(yes|no|unclear)\b", re.IGNORECASE)
_QUESTION_MARKS = ("?", "？", "؟")
_NOT_STATED = re.compile(
    r"(?:it is )?(?:not (?:stated|mentioned|given|specified|provided|found|said|known)|unknown|n/a|none given)\b",
    re.IGNORECASE,
)
_UNCLEAR = re.compile(r"(?:it is )?(?:unclear|ambiguous)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Facts:
    """The facts listed of a text, without repeats; `problem` says why there are none."""

    facts: tuple[str, ...] = ()
    topic: str | None = None
    problem: str | None = None


def parse_facts(answer: Answer, text: str, *, max_facts: int) -> Facts:
    """The facts that a model lists of `text`: lines with a list mark, or all lines where none has one."""
    lines, problem = _lines(answer, text)
    if problem is not None:
        return Facts(problem=problem)
    topics = [found.group(1).strip() for line in lines if (found := _TOPIC.fullmatch(line))]
    lines = [line for line in lines if not _TOPIC.fullmatch(line)]
    facts: dict[tuple[object, ...], str] = {}
    for line in _listed(lines) or [line for line in lines if not line.endswith(":")]:
        fact = line.replace("**", "")[:MAX_FACT_CHARS].strip()
        key = statement_key(fact)
        if key and len(facts) < max_facts:
            facts.setdefault(key, fact)
    topic = topics[0][:MAX_FACT_CHARS] if topics else None
    return Facts(tuple(facts.values()), topic, None if facts else "no facts")


def parse_verdicts(answer: Answer, count: int) -> list[str | None]:
    """yes, no or unclear for each of `count` statements; None where there is no verdict, or two that differ."""
    found: dict[int, set[str]] = {}
    for number, verdict in _VERDICT.findall(written(answer)[:MAX_REPLY_CHARS]):
        found.setdefault(int(number), set()).add(verdict.lower())
    return [
        next(iter(verdicts)) if len(verdicts := found.get(number, set())) == 1 else None
        for number in range(1, count + 1)
    ]


def parse_questions(answer: Answer, facts: str, *, count: int) -> list[str]:
    """The first `count` questions, without repeats; empty where the model wrote none."""
    lines, problem = _lines(answer, facts)
    if problem is not None:
        return []
    questions: dict[tuple[object, ...], str] = {}
    for line in _listed(lines) or lines:
        question = line.replace("**", "").strip()
        if question.endswith(_QUESTION_MARKS) and len(question) <= MAX_FACT_CHARS and len(questions) < count:
            questions.setdefault(statement_key(question), question)
    return list(questions.values())


def parse_answers(answer: Answer, count: int) -> list[str | None]:
    """The answer to each of `count` questions, the first where there are several; None where there is none."""
    lines, problem = _lines(answer, "")
    if problem is not None:
        return [None] * count
    found: dict[int, str] = {}
    for line in lines:
        numbered = _NUMBERED.fullmatch(line)
        if numbered and numbered.group(2).strip():
            found.setdefault(int(numbered.group(1)), numbered.group(2))
    if count == 1 and not found and len(lines) == 1:
        found[1] = lines[0]
    return [_short(found[number]) if number in found else None for number in range(1, count + 1)]


def is_not_stated(answer: str) -> bool:
    """Whether an answer says that the text does not have it."""
    return _NOT_STATED.match(answer) is not None


def is_unclear(answer: str) -> bool:
    """Whether an answer says that the text can be read both ways."""
    return _UNCLEAR.match(answer) is not None


def _lines(answer: Answer, text: str) -> tuple[list[str], str | None]:
    """Lines with something in them, or why there are none: `error:...`, `empty`, `refusal`.

    The last line of an answer that hit its length limit is left out, unless it is the only one.
    """
    if answer.finish_reason not in (STOP, LENGTH):
        return [], answer.finish_reason or "error"
    reply = written(answer)[:MAX_REPLY_CHARS]
    lines = [line.strip() for line in reply.splitlines() if line.strip()]
    if not lines:
        return [], "empty"
    if finds_refusal(reply[:_MAX_REFUSAL_CHARS], text):
        return [], "refusal"
    if len(lines) > 1 and (answer.finish_reason == LENGTH or len(written(answer)) > MAX_REPLY_CHARS):
        lines = lines[:-1]
    return lines, None


def _listed(lines: list[str]) -> list[str]:
    """The lines with a list mark, without it."""
    return [line[mark.end() :].strip() for line in lines if (mark := _LISTED.match(line))]


def _short(answer: str) -> str:
    return answer.replace("**", "").strip()[:MAX_ANSWER_CHARS].strip().rstrip(".")
