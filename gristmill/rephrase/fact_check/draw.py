"""Which accepted rephrasings are checked: a share of every style, drawn by seed, within a budget."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

from gristmill.hashing import random_u64, uniform
from gristmill.llm.budget import admit
from gristmill.llm.requests import Messages
from gristmill.rephrase.fact_check import prompts
from gristmill.rephrase.fact_check.options import FactCheckOptions
from gristmill.rephrase.fact_check.records import Pair
from gristmill.rephrase.planning import Key

# Formats that are not meant to state what their passage states: invented word problems, programs.
UNCHECKED_FORMATS = frozenset({"math", "code"})

_STAGE = "rephrase.fact_check"

CountTokens = Callable[[list[str]], list[int]]
CountPromptTokens = Callable[[list[Messages]], list[int]]


@dataclass
class Draw:
    """A systematic sample of each stratum (source and style): of n pairs share * n, up to one, at a drawn offset.

    Depends on the pairs and their order alone, so any cut of a shard into batches draws the same ones.
    """

    share: float
    seed: int = 0
    drawn: dict[tuple[str, str], list[int]] = field(default_factory=dict)  # stratum: pairs seen, pairs taken
    _offsets: dict[tuple[str, str], float] = field(default_factory=dict)

    def takes(self, corpus: str, style: str, key: Key) -> bool:
        """Whether the next pair of its stratum is taken."""
        stratum = (corpus, style)
        if stratum not in self.drawn:
            self.drawn[stratum] = [0, 0]
            self._offsets[stratum] = uniform(self.seed, _STAGE, f"{corpus}:{style}:{key}")
        counts, offset = self.drawn[stratum], self._offsets[stratum]
        taken = math.floor((counts[0] + 1) * self.share + offset) > math.floor(
            counts[0] * self.share + offset
        )
        counts[0] += 1
        counts[1] += taken
        return taken


def admit_pairs(
    pairs: Sequence[Pair],
    options: FactCheckOptions,
    *,
    seed: int,
    count_tokens: CountTokens,
    count_prompt_tokens: CountPromptTokens,
) -> tuple[list[Pair], list[Pair]]:
    """(pairs that the budget admits, the others), each in order; a pair is charged with the most that it can cost.

    Tokens are counted as the checker's, those of a second text and its prompt as the rephraser planned them.
    """
    if options.budget is None or not pairs:
        return list(pairs), []
    overhead = sum(count_prompt_tokens(_empty_prompts(options)))
    texts = count_tokens([pair.text for pair in pairs])
    costs = [
        _cost(pair, tokens, overhead=overhead, options=options)
        for pair, tokens in zip(pairs, texts, strict=True)
    ]
    order = sorted(
        range(len(pairs)),
        key=lambda i: (random_u64(seed, _STAGE, ":".join(map(str, pairs[i].key))), pairs[i].key),
    )
    admitted = set()
    for index, fits in zip(order, admit([costs[index] for index in order], options.budget), strict=True):
        if fits:
            admitted.add(index)
    return (
        [pair for index, pair in enumerate(pairs) if index in admitted],
        [pair for index, pair in enumerate(pairs) if index not in admitted],
    )


def _cost(pair: Pair, text_tokens: int, *, overhead: int, options: FactCheckOptions) -> list[tuple[int, int]]:
    """(prompt tokens, output tokens) at most, of each check, that of a planted fault included, and of a second text."""
    row = pair.row
    costs = [_cost_of_check(row["tokens"], text_tokens, overhead, options)]
    if options.audit_share > 0:
        costs.append(costs[0])
    if options.gate and options.passes > 1:
        second = row["max_output_tokens"]
        faults = 2 * _fact_tokens(options) + options.questions * prompts.QUESTION_TOKENS
        costs.append((row["prompt_tokens"] + text_tokens + faults, second))
        costs.append(_cost_of_check(row["tokens"], second, overhead, options))
    return costs


def _cost_of_check(
    source_tokens: int, text_tokens: int, overhead: int, options: FactCheckOptions
) -> tuple[int, int]:
    """Two lists of facts, two comparisons, the questions and two answers; see check.py for what is in each prompt."""
    facts, questions = _fact_tokens(options), prompts.QUESTION_TOKENS * options.questions
    prompt = overhead + 3 * source_tokens + 4 * text_tokens + 3 * facts + 2 * questions
    verdicts = prompts.VERDICT_TOKENS * (options.max_facts + 1)
    return prompt, 2 * facts + 2 * verdicts + questions + 2 * prompts.ANSWER_TOKENS * options.questions


def _fact_tokens(options: FactCheckOptions) -> int:
    return prompts.FACT_TOKENS * (options.max_facts + 1)


def _empty_prompts(options: FactCheckOptions) -> list[Messages]:
    """The prompts of a check without what is checked."""
    facts = prompts.facts_request("", max_facts=options.max_facts)
    support = prompts.support_request([""], "")
    requests = [facts, facts, support, support]
    if options.questions:
        answers = prompts.answers_request([""], "", "")
        requests += [prompts.questions_request([""], "", count=options.questions), answers, answers]
    return [cast(Messages, request.prompt) for request in requests]
