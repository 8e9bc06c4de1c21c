"""What a checker is asked, and what a rephraser is told that wrote something unfaithful.

The texts between marks come from documents and models, and may say anything, the marks included: marks get a number
until no text between them has them, so that none can end its own part. Instructions stand first and what differs most
last, so that engines share the beginning of prompts. Answers are taken at temperature 0, as in SIFT (arXiv 2502.14922).
Templates lie in `templates/`, with their source and licence.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from gristmill.hashing import digest_text
from gristmill.llm.requests import Constraint, Messages, Request
from gristmill.llm.templates import read_template
from gristmill.rephrase.fact_check.replies import VERDICTS

# Tokens allowed for each piece of an answer.
FACT_TOKENS = 48
QUESTION_TOKENS = 48
VERDICT_TOKENS = 12  # `"12": "unclear", ` with room for a tokenizer that cuts finely
ANSWER_TOKENS = 32

_ROOM = "rephrase.fact_check"
_NAMES = ("facts", "support", "questions", "answers", "correction")


def facts_request(text: str, *, max_facts: int) -> Request:
    """Asks for a topic and at most `max_facts` facts of a text, one a line."""
    system, instruction, example, listed = _parts("facts")
    asked = instruction.replace("{max_facts}", str(max_facts))
    messages = (
        ("system", system),
        ("user", _between(asked, ("text", example))),
        ("assistant", listed),
        ("user", _between(asked, ("text", text))),
    )
    return Request(messages, max_tokens=FACT_TOKENS * (max_facts + 1))


def support_request(statements: Sequence[str], text: str) -> Request:
    """Asks of each statement whether the text supports it: a JSON object with `yes`, `no` or `unclear` by number."""
    system, instruction = _parts("support")
    verdicts = {str(number): {"enum": list(VERDICTS)} for number in range(1, len(statements) + 1)}
    schema = {
        "type": "object",
        "properties": verdicts,
        "required": list(verdicts),
        "additionalProperties": False,
    }
    return Request(
        _chat(system, _between(instruction, ("text", text), ("statements", _number(statements)))),
        max_tokens=VERDICT_TOKENS * (len(statements) + 1),
        constraint=Constraint("json_schema", json.dumps(schema)),
    )


def questions_request(facts: Sequence[str], topic: str | None, *, count: int) -> Request:
    """Asks for `count` questions that the facts answer, one a line."""
    system, instruction = _parts("questions")
    listed = "\n".join([*([f"Topic: {topic}"] if topic else []), *(f"- {fact}" for fact in facts)])
    asked = instruction.replace("{questions}", str(count))
    return Request(_chat(system, _between(asked, ("facts", listed))), max_tokens=QUESTION_TOKENS * count)


def answers_request(questions: Sequence[str], *texts: str) -> Request:
    """Asks for a short answer to each question, by number, from one text, or from two of which the first is right."""
    system, instruction = _parts("answers")
    parts = [("text" if place == 0 else "second-text", text) for place, text in enumerate(texts)]
    asked = _between(instruction, *parts, ("questions", _number(questions)))
    return Request(_chat(system, asked), max_tokens=ANSWER_TOKENS * len(questions))


def correction_turns(written: str, faults: Sequence[str]) -> Messages:
    """What follows the rephraser's prompt: what it wrote, and its faults."""
    (instruction,) = _parts("correction")
    listed = "\n".join(f"- {fault}" for fault in faults)
    return (("assistant", written), ("user", _between(instruction, ("faults", listed))))


def prompts_digest() -> str:
    """Digest of all templates; belongs in the fingerprint of what is checked with them."""
    return digest_text(*(part for name in _NAMES for part in _parts(name)))


def _parts(name: str) -> tuple[str, ...]:
    _, parts = read_template(_ROOM, name, _NAMES, _ROOM)
    return tuple(part.strip() for part in parts)


def _chat(system: str, asked: str) -> Messages:
    return (("system", system), ("user", asked))


def _number(lines: Sequence[str]) -> str:
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


def _between(instruction: str, *parts: tuple[str, str]) -> str:
    """The instruction, then each text between marks of its name that none of the texts has."""
    number, ending = 1, ""
    while any(mark in text for mark in _marks(parts, ending) for _, text in parts):
        number += 1
        ending = f"-{number}"
    blocks = [f"<{name}{ending}>\n{text}\n</{name}{ending}>" for name, text in parts]
    return "\n\n".join([instruction, *blocks])


def _marks(parts: Sequence[tuple[str, str]], ending: str) -> list[str]:
    return [f"<{slash}{name}{ending}>" for name, _ in parts for slash in ("", "/")]
