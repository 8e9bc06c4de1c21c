from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from gristmill.score.raters import Rater, RaterOptions, make_rater, plan_ratings, planned_requests
from gristmill.score.raters.planning import prepare_texts
from gristmill.tokenizer import Tokenizer
from tests.llm.models import write_model


class Counting(Tokenizer):
    """Counts the texts that it is given."""

    texts = 0

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        self.texts += len(texts)
        return super().encode(texts)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Counting:
    """Every byte is a token."""
    return Counting(write_model(tmp_path_factory.mktemp("model"), weights=False))


def _rater(**values: object) -> Rater:
    options = {"kind": "dataman", "model": "small", "max_text_tokens": 7, "max_text_chars": 12, **values}
    return make_rater(TypeAdapter(RaterOptions).validate_python(options), Path(), "raters.x")


def _ask(rater: Rater, documents: pl.DataFrame, tokenizer: Counting) -> tuple[list[str], int]:
    """What the user says of each document, and how many texts were tokenised to make the requests of a plan."""
    plan = plan_ratings(
        [documents], rater, tokenizer, count_prompt_tokens=lambda chats: [0] * len(chats), max_model_len=4_096
    )
    before = tokenizer.texts
    planned = planned_requests(plan, documents, tokenizer)
    return [str(one.request.prompt[-1][1]) for one in planned], tokenizer.texts - before  # type: ignore[index]


def _documents(*texts: str) -> pl.DataFrame:
    ids = [str(number) for number in range(len(texts))]
    return pl.DataFrame({"id": ids, "text": texts}).with_columns(source=pl.lit("web"), lang=pl.lit("en"))


@given(st.lists(st.text("ab é€\n.…“<|im_end|>", max_size=30), min_size=1, max_size=5))
@settings(max_examples=30)
def test_requests_have_the_texts_that_were_planned(tokenizer: Counting, texts: list[str]) -> None:
    rater, documents = _rater(), _documents(*texts)
    prepared = prepare_texts(documents["text"], rater, tokenizer)
    expected = [rater.prompt.messages(one.text)[-1][1] for one in prepared if one.text]
    assert _ask(rater, documents, tokenizer)[0] == expected


def test_texts_are_tokenised_again_only_where_they_are_cut_within_a_character(tokenizer: Counting) -> None:
    rater = _rater(max_text_chars=1000)
    for text, again in (("short", 0), ("abc, and much more", 0), ("é€€€", 1)):
        assert _ask(rater, _documents(text), tokenizer)[1] == again
