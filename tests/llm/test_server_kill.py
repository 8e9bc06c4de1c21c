"""A client of a server that is killed: nothing is lost, nothing is asked twice."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

from gristmill.llm import AnswerCache, LanguageModel, ModelIdentity
from gristmill.llm.options import ModelOptions
from gristmill.llm.requests import Request
from gristmill.llm.server.engine import ServerEngine
from gristmill.llm.server.replicas import Pace
from gristmill.tokenizer import Tokenizer
from tests.llm.models import write_model
from tests.llm.stub_server import StubServer

PACE = Pace(retry=0.02, retry_limit=0.1, probe=0.05, probe_limit=0.2)
NAMED = {"identity": "name", "served_model": "stub", "served_version": "1"}


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


def test_after_a_kill_only_what_was_in_flight_is_asked_again(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", weights=False)
    code = f"""
import sys
from pathlib import Path
from gristmill.llm.requests import Request
from gristmill.tokenizer import Tokenizer
from tests.llm.test_server_kill import _model
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
