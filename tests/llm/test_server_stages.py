"""Stages that ask servers which fail, and a client that is killed: nothing is lost, nothing is asked twice."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from gristmill.documents import DOCUMENTS, document_id, frame
from gristmill.llm import AnswerCache, LanguageModel, ModelIdentity
from gristmill.llm.options import ModelOptions
from gristmill.llm.requests import Request
from gristmill.llm.server.engine import ServerEngine
from gristmill.llm.server.replicas import Pace
from gristmill.refine import RefineOptions, plan_chunks, refine_documents
from gristmill.refine import planned_requests as refine_requests
from gristmill.rephrase import RephraseOptions, accept_passages, plan_passages, planned_requests
from gristmill.tokenizer import Tokenizer
from resources.home import models_folder
from resources.models import resolve_tokenizer
from tests.corpora import prose
from tests.llm.models import write_model
from tests.llm.stub_server import StubServer, some_fail

PACE = Pace(retry=0.02, retry_limit=0.1, probe=0.05, probe_limit=0.2)
NAMED = {"identity": "name", "served_model": "stub", "served_version": "1"}


@pytest.fixture(scope="module")
def documents() -> pl.DataFrame:
    rows: list[dict[str, Any]] = [
        {
            "id": document_id("prose", row["id"]),
            "text": row["text"],
            "source": "prose",
            "shard": "prose-0001",
            "lang": "en",
            "method": "natural",
            "generation_depth": 0,
        }
        for row in [row for row in prose() if len(row["text"]) < 2500][:10]
    ]
    return frame(rows, DOCUMENTS)


@pytest.fixture(scope="module")
def smollm_tokenizer() -> Tokenizer:
    return Tokenizer(resolve_tokenizer(ModelOptions(engine="stub"), models_folder()).path)


def _model(tokenizer: Tokenizer, answers: Path, *servers: StubServer) -> LanguageModel:
    values = {"endpoints": [server.address for server in servers], "concurrency": 6, **NAMED}
    options = ModelOptions.model_validate({"engine": "server", "server": values})
    identity = ModelIdentity("stub", "d1", options.dtype, options.max_model_len)
    return LanguageModel(
        identity,
        tokenizer,
        AnswerCache(answers),
        lambda: ServerEngine(options, name="stub", tokenizer=tokenizer, pace=PACE),
    )


def _rephrase(documents: pl.DataFrame, model: LanguageModel) -> list[pl.DataFrame]:
    options = RephraseOptions.model_validate({"model": "stub"})
    plan = plan_passages(
        documents, options, count_tokens=model.count_tokens, count_prompt_tokens=model.count_prompt_tokens
    )
    planned = list(planned_requests(plan, documents))
    answers = dict(model.answer((one.key, one.request) for one in planned))
    made, derivations = accept_passages(plan, documents, answers)
    return [made, derivations]


def _refine(documents: pl.DataFrame, model: LanguageModel) -> list[pl.DataFrame]:
    options = RefineOptions.model_validate({"model": "stub", "max_chunk_tokens": 300})
    plan = plan_chunks(
        documents, options, count_tokens=model.count_tokens, count_prompt_tokens=model.count_prompt_tokens
    )
    planned = list(refine_requests(plan, documents))
    answers = dict(model.answer((one.key, one.request) for one in planned))
    return list(refine_documents(plan, documents, answers))


@pytest.mark.parametrize("stage", [_rephrase, _refine])
def test_a_partition_comes_out_the_same_with_faults_and_a_killed_server(
    stage: Any, documents: pl.DataFrame, smollm_tokenizer: Tokenizer, tmp_path: Path
) -> None:
    """Three of ten requests fail, and one of two servers is killed in the middle."""
    with StubServer(smollm_tokenizer.folder) as server:
        with closing(_model(smollm_tokenizer, tmp_path / "one", server)) as model:
            expected = stage(documents, model)
        asked = server.asked.total()
    assert expected[0].height >= 5
    assert asked >= 20
    with (
        StubServer(smollm_tokenizer.folder, fault=some_fail(0.3, 1), seconds=0.01) as first,
        StubServer(smollm_tokenizer.folder, fault=some_fail(0.3, 2), seconds=0.01) as second,
    ):
        with (
            closing(_model(smollm_tokenizer, tmp_path / "two", first, second)) as model,
            _killed_after(first, asked // 5),
        ):
            got = stage(documents, model)
        answered = first.answered + second.answered
        assert first.asked.total() < asked
        assert (first.asked + second.asked).total() > 1.2 * asked
    assert all(one.equals(other) for one, other in zip(got, expected, strict=True))
    # What was on its way from the server that was killed was answered twice, and nothing else.
    assert sum(count - 1 for count in answered.values()) <= 6
    assert len(answered) == asked


def test_after_a_kill_only_what_was_in_flight_is_asked_again(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", weights=False)
    code = f"""
import sys
from pathlib import Path
from gristmill.llm.requests import Request
from gristmill.tokenizer import Tokenizer
from tests.llm.test_server_stages import _model
class Server:
    address = sys.argv[1]
model = _model(Tokenizer(Path({str(model)!r})), Path({str(tmp_path / "answers")!r}), Server)
list(model.answer((n, Request(f"The {{n}}th mill.", 20)) for n in range(60)))
"""
    with StubServer(model, seconds=0.03) as server:
        command = [sys.executable, "-W", "ignore", "-c", code, server.address]
        process = subprocess.Popen(command)
        cache = AnswerCache(tmp_path / "answers")
        deadline = time.monotonic() + 60
        while cache.count() < 10 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        kept, before = cache.count(), Counter(server.asked)
        server.seconds = 0.0
        for _ in range(2):  # the second time there is nothing to ask
            requests = [Request(f"The {n}th mill.", 20) for n in range(60)]
            with closing(_model(Tokenizer(model), tmp_path / "answers", server)) as again:
                assert len(dict(again.answer(enumerate(requests)))) == 60
            assert server.asked.total() - before.total() == 60 - kept
        assert 10 <= kept < 60
        twice = sum(count > 1 for count in server.asked.values())
        assert twice == before.total() - kept <= 2 * 6, "asked and not in the cache"


class _killed_after:  # noqa: N801 - reads as a statement
    """Stops a server once it was asked so often."""

    def __init__(self, server: StubServer, requests: int) -> None:
        self._server, self._requests = server, requests
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        self._left.set()
        self._thread.join()

    def _watch(self) -> None:
        while self._server.asked.total() < self._requests and not self._left.wait(0.002):
            pass
        self._server.stop()
