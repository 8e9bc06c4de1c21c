"""The stub engine: no model, answers that depend on the request's key alone. For tests of whole pipelines.

An answer obeys the request's constraint. Without one it is made of the words of the prompt, so that rules which compare
an answer with its source have something to bite on: most answers are a decent rewording, one in four has a fault
that models have (nothing written, a copy, a refusal, a sentence that breaks off, an invented number). Where
log-probabilities are asked for and the constraint is a choice, the chosen text counts as one token, the likeliest.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator
from itertools import count

from gristmill.errors import EngineError
from gristmill.hashing import random_u64, uniform
from gristmill.llm.chat import PromptEncoder
from gristmill.llm.requests import ERROR_CONTEXT, LENGTH, STOP, Answer, Logprobs, Prompt, Request
from gristmill.llm.shapes import Draw, draw_text
from gristmill.tokenizer import Tokenizer

_SOURCE = re.compile(
    r"<([a-z][a-z0-9-]*)>\n(.*)\n</\1>\s*\Z", re.DOTALL
)  # what a prompt puts between marks at its end
_FIRST_LINE = re.compile(r'Begin with the line "([^"\n]+)"')
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]*")
_RUN_WORDS = (2, 5)  # words that stay together; fewer than the 8 by which copies are found
_FAULT_IN = 4


class StubEngine:
    """Answers made up from the key. `seconds_per_answer` makes it slow enough to be killed in the middle."""

    build = "stub"

    def __init__(
        self, *, name: str, tokenizer: Tokenizer, max_model_len: int, seconds_per_answer: float = 0.0
    ) -> None:
        self._name = name
        self._tokenizer = tokenizer
        self._encoder = PromptEncoder(tokenizer)
        self._max_model_len = max_model_len
        self._seconds_per_answer = seconds_per_answer

    def generate(self, requests: Iterator[tuple[str, Request]]) -> Iterator[tuple[str, Answer]]:
        """Answers in the order of the requests."""
        for key, request in requests:
            if self._seconds_per_answer:
                time.sleep(self._seconds_per_answer)
            yield key, self._answer(key, request)

    def close(self) -> None:
        """Nothing to give back."""

    def _answer(self, key: str, request: Request) -> Answer:
        prompt_ids = self._encoder.encode(request.prompt)
        room = min(request.max_tokens, self._max_model_len - len(prompt_ids))
        if room <= 0:
            return Answer("", ERROR_CONTEXT, len(prompt_ids), 0)
        text = _cut_at_stops(self._text(key, request), request.stop)
        ids = self._tokenizer.encode([text])[0]
        if len(ids) <= room:
            return Answer(text, STOP, len(prompt_ids), len(ids), _logprobs(key, request, text))
        # A token may be a part of a character; a model's answer that is cut there ends in such a mark too.
        return Answer(self._tokenizer.decode(ids[:room]), LENGTH, len(prompt_ids), room)

    def _text(self, key: str, request: Request) -> str:
        draw = _drawing(key)
        if request.constraint is None:
            return reword(_last_text(request.prompt), draw)
        try:
            return draw_text(request.constraint, draw)
        except ValueError as error:
            raise EngineError(
                f"model {self._name!r}, request {key}: the stub engine cannot obey the constraint: {error}",
                retryable=False,
            ) from error


def _logprobs(key: str, request: Request, text: str) -> Logprobs | None:
    constraint = request.constraint
    if not request.logprobs or constraint is None or constraint.kind != "choice":
        return None
    others = [other for other in constraint.value if other != text]
    chosen = 1.0 if not others else 1 - uniform(0, "llm.stub.logprobs", key) * len(others) / (len(others) + 1)
    rest = [(other, math.log((1 - chosen) / len(others))) for other in others if chosen < 1]
    return (((text, math.log(chosen)), *rest[: request.logprobs - 1]),)


def reword(prompt: str, draw: Draw) -> str:
    """An answer to a prompt that asks for a rewording of what stands between `<marks>` at its end, else of all of it.

    Questions and answers are written where the prompt asks for `Question:`, and a first line where it asks for one.
    """
    found = _SOURCE.search(prompt)
    source = found[2] if found else prompt
    sentences = [sentence.strip() for sentence in _SENTENCE.findall(source) if sentence.strip()]
    asks_questions = found is not None and "Question:" in prompt[: found.start()]
    fault = draw(5) if draw(_FAULT_IN) == 0 else None
    if not sentences or fault == 0:
        return ""
    if fault == 1:
        return source
    if fault == 2:
        return "I'm sorry, but I can't help with that."
    reworded = [_shuffle_runs(sentence, draw) for sentence in sentences]
    if asks_questions:
        text = "\n\n".join(f"Question: {_open(sentence)}?\nAnswer: {sentence}" for sentence in reworded)
    else:
        text = " ".join(reworded)
    if found is not None and (first := _FIRST_LINE.search(prompt[: found.start()])):
        text = f"{first[1]}\n{text}"
    if fault == 3:
        return text[: len(text) // 2]
    return f"{text} There were {1_000_003 + draw(1_000)} of them." if fault == 4 else text


def _shuffle_runs(sentence: str, draw: Draw) -> str:
    """The words of a sentence, in runs of a few words whose order is drawn; the end mark stays at the end."""
    body = sentence.rstrip(".!?")
    words = body.split()
    runs: list[list[str]] = []
    while words:
        size = _RUN_WORDS[0] + draw(_RUN_WORDS[1] - _RUN_WORDS[0] + 1)
        runs.append(words[:size])
        words = words[size:]
    mixed = [runs.pop(draw(len(runs))) for _ in range(len(runs))]
    return " ".join(word for run in mixed for word in run) + (sentence[len(body) :] or ".")


def _open(sentence: str) -> str:
    """The first two words of a sentence, as a question; more would count as a loop."""
    return " ".join(sentence.rstrip(".!?").split()[:2])


def _last_text(prompt: Prompt) -> str:
    """What the user said last; of token ids nothing is known."""
    if isinstance(prompt, str):
        return prompt
    last = prompt[-1]
    return last[1] if isinstance(last, tuple) else " ".join(map(str, prompt))


def _drawing(key: str) -> Draw:
    """Random numbers that depend on the key and on how many were drawn before."""
    numbers = count()
    draw: Callable[[int], int] = lambda below: random_u64(0, "llm.stub", f"{key}/{next(numbers)}") % below  # noqa: E731
    return draw


def _cut_at_stops(text: str, stops: tuple[str, ...]) -> str:
    places = [place for stop in stops if (place := text.find(stop)) >= 0]
    return text[: min(places)] if places else text
