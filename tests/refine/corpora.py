"""Small documents and a word-counting tokenizer that the tests of this room share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

from gristmill.documents import DOCUMENTS, document_id, frame
from gristmill.llm.requests import Answer, Messages
from gristmill.refine import Plan, RefineOptions, plan_chunks, planned_requests

PAGE = "\n".join(
    [
        "Home | News | Contact",
        "The old mill was built in 1820 and ground rye for three villages.",
        "It stopped when the river changed its course.",
        "Share on Facebook",
        "The wheel is still there, and children climb on it in summer.",
    ]
)


def documents(*texts: str, source: str = "web", lang: str | None = "en") -> pl.DataFrame:
    rows = [
        {
            "id": document_id(source, f"{number}:{text}"),
            "text": text,
            "source": source,
            "shard": "web-0001",
            "lang": lang,
            "method": "natural",
            "generation_depth": 0,
        }
        for number, text in enumerate(texts)
    ]
    return frame(rows, DOCUMENTS)


def count_words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def count_chats(chats: Sequence[Messages]) -> list[int]:
    return [sum(len(content.split()) for _, content in chat) for chat in chats]


def plan_of(table: pl.DataFrame, options: RefineOptions) -> Plan:
    return plan_chunks(table, options, count_tokens=count_words, count_prompt_tokens=count_chats)


def answers_of(
    plan: Plan, table: pl.DataFrame, write: str | Callable[[str], str], finish: str = "stop"
) -> dict[tuple[str, int], Answer]:
    """An answer for every request: the same text, or what `write` makes of the prompt's last message."""
    answers = {}
    for planned in planned_requests(plan, table):
        last = planned.request.prompt[-1]
        text = write if isinstance(write, str) else write(last[1] if isinstance(last, tuple) else "")
        answers[planned.key] = Answer(text, finish, prompt_tokens=50, output_tokens=7)
    return answers
