"""Sound rephrasings made unsound on purpose, so that it is known what the checks should reject.

Each kind changes one thing, chosen by (seed, key) alone. A kind that a text gives no occasion for is left out: a text
without a number has none to change. Lists of names, refusals and foreign sentences are our own.

What counts by kind: `number` has a digit changed, so that the passage lacks the new number; `unit` has another unit;
`number_moved` and `name_moved` have two of the text's own exchanged; `name` has the last word of a name of the passage
replaced by an invented one throughout.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from gristmill.hashing import random_u64
from gristmill.rephrase.frequent_words import likely_languages
from gristmill.rephrase.names.novel import names_of
from gristmill.rephrase.numbers.units import is_unit
from gristmill.rephrase.pairs import parse_pairs, without_tags
from gristmill.rephrase.sentences import sentence_spans
from gristmill.rephrase.styles import Template

KINDS = (
    "number", "unit", "number_moved", "name", "name_moved", "negation", "dropped_sentence", "truncated", "refusal",
    "language", "copied", "loop", "prompt_leak", "markdown",
)  # fmt: skip

# Of tables, lists and solutions: what can be changed without a break of the layout.
_KINDS_OF_LAYOUTS = ("number", "unit", "number_moved", "name", "name_moved", "refusal", "prompt_leak")

_STAGE = "rephrase.corruption"
_NUMBER = re.compile(r"(?<![\w.,:/])\d+(?:[.,]\d+)*(?![\w/:])", re.ASCII)
_FAMILY_NAMES = (
    "Quarnby", "Velhagen", "Ostrowicz", "Brinklow", "Dufresnoy", "Halvard", "Mirande", "Tscherny", "Wexcombe", "Ugarte",
)  # fmt: skip
_UNITS = ("millimetres", "kilometres", "kilograms", "hours", "litres", "dollars", "percent", "years")
_REFUSALS = (
    "I'm sorry, but I can't help with rewriting this text.",
    "I cannot provide a rephrased version of this content.",
    "As an AI language model, I am unable to rewrite this passage.",
    "Es tut mir leid, aber ich kann diesen Text nicht umschreiben.",
    "Je suis désolé, mais je ne peux pas reformuler ce texte.",
)
_FOREIGN = {
    "en": "The work was begun again in the following spring, and everybody in the village came to look at it. "
    "Nobody had thought that it would take so long, but in the end they were all content with what was made.",
    "de": "Die Arbeit wurde im folgenden Frühjahr wieder aufgenommen, und alle aus dem Dorf kamen, um sie zu sehen. "
    "Niemand hatte gedacht, dass es so lange dauern würde, doch am Ende waren alle zufrieden mit dem Ergebnis.",
    "fr": "Les travaux furent repris au printemps suivant, et tous les habitants du village vinrent les regarder. "
    "Personne n'avait pensé que cela durerait aussi longtemps, mais à la fin chacun fut content du résultat.",
    "es": "El trabajo se reanudó en la primavera siguiente, y todos los del pueblo vinieron a verlo con sus hijos. "
    "Nadie había pensado que duraría tanto tiempo, pero al final todos quedaron contentos con lo que se hizo.",
}
_NEGATIONS = re.compile(r" (?:not|never|nicht|niemals|pas|jamais)\b|(?<=\w)n['’]t\b", re.IGNORECASE)
_NEGATABLE = (
    (re.compile(r"\b(?:is|are|was|were|has|have|had|can|could|must|may|will|would|should)\b"), " not"),
    (re.compile(r"\b(?:ist|sind|war|waren|hat|kann|muss|wird)\b"), " nicht"),
    (re.compile(r"\b(?:est|sont|était|étaient|peut|doit)\b"), " pas"),
)
_LOOP_ROUNDS = 3  # of the whole text's length at most, so that the length alone says nothing
_CUT = (0.45, 0.8)  # where a truncated text ends, as a share of its words


def corrupt(text: str, source: str, template: Template, *, seed: int, key: str) -> dict[str, str]:
    """The text in all kinds of corruption that it gives occasion for, by kind, in the order of KINDS.

    Deterministic in its arguments. Every result differs from the text.
    """
    qa = template.format == "qa"
    kinds = KINDS if template.format in ("prose", "qa", "tutorial") else _KINDS_OF_LAYOUTS

    def draw(kind: str, count: int) -> int:
        return random_u64(seed, f"{_STAGE}.{kind}", key) % count

    makers: dict[str, Callable[[], str | None]] = {
        "number": lambda: _change_number(text, source, draw),
        "unit": lambda: _change_unit(text, source, draw),
        "number_moved": lambda: _exchange(
            text, [m.group() for m in _NUMBER.finditer(text)], draw, "number_moved"
        ),
        "name": lambda: _replace_name(text, source, draw),
        "name_moved": lambda: _exchange(text, _shared_names(text, source), draw, "name_moved"),
        "negation": lambda: _negate(text),
        "dropped_sentence": lambda: _drop_sentence(text, draw, qa=qa),
        "truncated": lambda: None if qa else _truncate(text, draw),
        "refusal": lambda: _refuse(text, draw, qa=qa),
        "language": lambda: _switch_language(text, draw, qa=qa),
        "copied": lambda: f"Question: What does the text say?\nAnswer: {source}" if qa else source,
        "loop": lambda: _loop(text, qa=qa),
        "prompt_leak": lambda: _leak(text, template, draw),
        "markdown": lambda: None if template.format == "tutorial" else _mark_down(text, qa=qa),
    }
    made = {kind: makers[kind]() for kind in kinds}
    return {kind: result for kind, result in made.items() if result is not None and result != text}


Draw = Callable[[str, int], int]


def _change_number(text: str, source: str, draw: Draw) -> str | None:
    """One digit of one number changed, so that the passage does not have the new number."""
    numbers = list(_NUMBER.finditer(text))
    if not numbers:
        return None
    chosen = numbers[draw("number", len(numbers))]
    digits = [i for i, c in enumerate(chosen.group()) if c.isdigit()]
    known = set(re.findall(r"\d+", source)) | set(re.findall(r"\d+", text))
    for attempt in range(20):
        at = digits[draw(f"number.digit.{attempt}", len(digits))]
        digit = 1 + draw(f"number.value.{attempt}", 9)  # no leading zero
        changed = f"{chosen.group()[:at]}{digit}{chosen.group()[at + 1 :]}"
        if not set(re.findall(r"\d+", changed)) <= known:
            return text[: chosen.start()] + changed + text[chosen.end() :]
    return None


def _change_unit(text: str, source: str, draw: Draw) -> str | None:
    """The unit behind a number replaced by one that neither text has."""
    measured = []
    for number in _NUMBER.finditer(text):
        unit = re.compile(r"[ \u00a0]([^\W\d_]+)").match(text, number.end())
        if unit and is_unit(unit.group(1)) and number.group() in source:
            measured.append(unit)
    if not measured:
        return None
    chosen = measured[draw("unit", len(measured))]
    others = [unit for unit in _UNITS if unit[:5] not in (text + source).lower()]
    if not others:
        return None
    return text[: chosen.start(1)] + others[draw("unit.new", len(others))] + text[chosen.end(1) :]


def _exchange(text: str, items: list[str], draw: Draw, kind: str) -> str | None:
    """Two different items of the text, each put where the other stood."""
    distinct = list(dict.fromkeys(items))
    distinct = [item for item in distinct if not any(item != other and item in other for other in distinct)]
    if len(distinct) < 2:
        return None
    first = distinct[draw(kind, len(distinct) - 1)]
    second = distinct[distinct.index(first) + 1]
    both = re.compile(rf"(?<!\w)(?:{re.escape(first)}|{re.escape(second)})(?!\w)")
    return both.sub(lambda match: second if match.group() == first else first, text)


def _shared_names(text: str, source: str) -> list[str]:
    """Names of the passage that the text has too, wherever they stand; what has no capital elsewhere is no name."""
    names = dict.fromkeys((*names_of(text), *names_of(source)))
    written = set(re.findall(r"\w+", f"{text} {source}"))
    return [
        name
        for name in names
        if name in source
        and name.lower() not in written
        and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)
    ]


def _replace_name(text: str, source: str, draw: Draw) -> str | None:
    """A name of the passage with another last word, throughout."""
    names = _shared_names(text, source)
    if not names:
        return None
    chosen = names[draw("name", len(names))]
    family = _FAMILY_NAMES[draw("name.family", len(_FAMILY_NAMES))]
    new = " ".join([*chosen.split()[:-1], family])
    return re.sub(rf"(?<!\w){re.escape(chosen)}(?!\w)", new, text)


def _negate(text: str) -> str | None:
    """The first negation taken away, or where there is none one put in."""
    if found := _NEGATIONS.search(text):
        return text[: found.start()] + text[found.end() :]
    for verb, negation in _NEGATABLE:
        if found := verb.search(text):
            return text[: found.end()] + negation + text[found.end() :]
    return None


def _drop_sentence(text: str, draw: Draw, *, qa: bool) -> str | None:
    """A sentence, or a pair of question and answer, left out."""
    if qa:
        parts = text.split("\n\n")
        dropped = draw("dropped_sentence", len(parts))
        return "\n\n".join(part for i, part in enumerate(parts) if i != dropped) if len(parts) > 1 else None
    spans = sentence_spans(text)
    if len(spans) < 2:
        return None
    start, end = spans[draw("dropped_sentence", len(spans))]
    return f"{text[:start].rstrip()} {text[end:].lstrip()}".strip()


def _truncate(text: str, draw: Draw) -> str | None:
    """The text without its end, cut between words inside a sentence."""
    words = list(re.finditer(r"\w+(?=\s)", text))
    inside = words[int(_CUT[0] * len(words)) : int(_CUT[1] * len(words))]
    return text[: inside[draw("truncated", len(inside))].end()] if inside else None


def _refuse(text: str, draw: Draw, *, qa: bool) -> str:
    refusal = _REFUSALS[draw("refusal", len(_REFUSALS))]
    if not qa:
        return refusal
    questions = [question for question, _ in parse_pairs(text).pairs]
    return f"Question: {questions[0] if questions else 'What?'}\nAnswer: {refusal}"


def _switch_language(text: str, draw: Draw, *, qa: bool) -> str | None:
    """The second half in another language than the text's, told by its commonest short words."""
    own = likely_languages(text)[0]
    languages = [language for language in _FOREIGN if language != own]
    foreign = _FOREIGN[languages[draw("language", len(languages))]]
    if qa:
        questions = [question for question, _ in parse_pairs(text).pairs]
        return f"Question: {questions[0]}\nAnswer: {foreign}" if questions else None
    spans = sentence_spans(text)
    half = next((start for start, _ in spans if 2 * start >= len(text)), len(text))
    return f"{text[:half].rstrip()} {foreign}"


def _loop(text: str, *, qa: bool) -> str | None:
    """The last sentence or answer said again and again."""
    if qa:
        pairs = parse_pairs(text).pairs
        if not pairs:
            return None
        question, answer = pairs[-1]
        rounds = max(2, len(text) // max(1, len(answer)))
        return f"Question: {question}\nAnswer: " + " ".join([answer] * min(rounds, 50))
    spans = sentence_spans(text)
    if not spans:
        return None
    last = text[spans[-1][0] : spans[-1][1]].strip()
    rounds = max(2, (_LOOP_ROUNDS - 1) * len(text) // (2 * max(1, len(last))))
    return " ".join([text, *[last] * min(rounds, 50)])


def _leak(text: str, template: Template, draw: Draw) -> str:
    """The text behind a chat mark, or behind the instruction."""
    leaks = ("<|im_start|>assistant\n", f"{template.instruction}\n\n", "Passage: ")
    return leaks[draw("prompt_leak", len(leaks))] + text


def _mark_down(text: str, *, qa: bool) -> str:
    """The text's sentences as a list under a heading."""
    plain = without_tags(text) if qa else text
    lines = [plain[start:end].strip() for start, end in sentence_spans(plain)]
    listed = "\n".join(f"- {line}" for line in lines if line)
    return f"## Summary\n\n{listed}" if not qa else f"{text}\n\n## Summary\n\n{listed}"
