"""A checker that knows what texts say: it answers every prompt of a fact check from a script."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gristmill.llm.requests import Answer, Request

# The rules that compare statements without a model find some of the same faults; here they stand aside.
NO_STATEMENT_RULES: dict[str, object] = {
    "min_shared_words": None,
    "max_repeated": None,
    "min_exchange_cosine": None,
    "negations": False,
    "min_dropped_words": None,
}

_BLOCK = re.compile(r"<([a-z-]+?)((?:-\d+)?)>\n(.*?)\n</\1\2>", re.DOTALL)


@dataclass
class ScriptedChecker:
    """`lists`: the facts that it lists of a text; `knows`: other statements that a text supports; `answers`: to
    questions about a text. `replies` go before: a text for all prompts of a kind (facts, support, questions, answers).
    """

    lists: Mapping[str, Sequence[str]]
    knows: Mapping[str, Sequence[str]] = field(default_factory=dict)
    questions: Sequence[str] = ()
    answers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    replies: Mapping[str, str] = field(default_factory=dict)
    asked: list[tuple[str, Request]] = field(default_factory=list)

    def answer(self, request: Request) -> Answer:
        """The answer to a request of a fact check."""
        last = str(request.prompt[-1][1])  # type: ignore[index]
        blocks = {name: text for name, _, text in _BLOCK.findall(last)}
        kind = next(
            (k for k, name in (("support", "statements"), ("answers", "questions")) if name in blocks),
            "questions" if "facts" in blocks else "facts",
        )
        self.asked.append((kind, request))
        text = self.replies[kind] if kind in self.replies else getattr(self, f"_{kind}")(blocks)
        return Answer(text, "stop", prompt_tokens=len(last.split()), output_tokens=len(text.split()))

    def _facts(self, blocks: Mapping[str, str]) -> str:
        return "Topic: something\n" + "\n".join(f"- {fact}" for fact in self.lists.get(blocks["text"], ()))

    def _support(self, blocks: Mapping[str, str]) -> str:
        text = blocks["text"]
        supported = {*self.lists.get(text, ()), *self.knows.get(text, ())}
        lines = [line.partition(". ")[2] for line in blocks["statements"].split("\n")]
        return json.dumps({str(n): "yes" if line in supported else "no" for n, line in enumerate(lines, 1)})

    def _questions(self, blocks: Mapping[str, str]) -> str:
        return "\n".join(f"{number}. {question}" for number, question in enumerate(self.questions, 1))

    def _answers(self, blocks: Mapping[str, str]) -> str:
        given = self.answers.get(blocks["text"], ())
        return "\n".join(f"{number}. {answer}" for number, answer in enumerate(given, 1))
