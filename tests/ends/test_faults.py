"""Builds whose model is behind servers: servers that fail, a server that dies, a client that is killed."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from bench.kills import CONCURRENCY, MOST_IN_FLIGHT, Build, write_recipe
from gristmill.llm.options import ModelOptions
from gristmill.llm.server import engine
from gristmill.llm.server.replicas import Pace
from gristmill.recipe import load_recipe
from pipelines.run import build_corpus
from resources.home import models_folder
from resources.models import resolve_tokenizer
from tests.conftest import use_home
from tests.ends.test_build import contents
from tests.llm.stub_server import StubServer, killed_after, some_fail

pytestmark = pytest.mark.slow

DOCUMENTS = 6
PACE = Pace(retry=0.02, retry_limit=0.1, probe=0.05, probe_limit=0.2)


class Undisturbed(NamedTuple):
    """What a build gives that nothing disturbs, and how many requests it takes."""

    contents: dict[str, str]
    asked: int


@pytest.fixture(scope="module")
def tokenizer() -> Path:
    return resolve_tokenizer(ModelOptions(engine="stub"), models_folder()).path


@pytest.fixture(scope="module")
def undisturbed(tokenizer: Path, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    with StubServer(tokenizer) as server:
        return Undisturbed(_build(tmp_path_factory.mktemp("undisturbed"), server), server.asked.total())


def _build(folder: Path, *servers: StubServer) -> dict[str, str]:
    """Content digests of everything that is made with the model behind these servers, in this process."""
    path = write_recipe(folder, [server.address for server in servers], DOCUMENTS, 1, CONCURRENCY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "ServerEngine", partial(engine.ServerEngine, pace=PACE))
        use_home(patch, folder / "home")
        build_corpus(load_recipe(path))
        return contents(load_recipe(path))


def test_a_build_comes_out_the_same_with_faults_and_a_killed_server(
    undisturbed: Undisturbed, tokenizer: Path, tmp_path: Path
) -> None:
    """Three of ten requests fail, one of two servers is killed in the middle; a second build asks nothing."""
    made = {name.split()[0] for name in undisturbed.contents}
    assert made >= {"document_kept", "refined", "rephrased", "scores/value"}
    assert undisturbed.asked >= 30
    with (
        StubServer(tokenizer, fault=some_fail(0.3, 1), seconds=0.01) as first,
        StubServer(tokenizer, fault=some_fail(0.3, 2), seconds=0.01) as second,
    ):
        with killed_after(first, undisturbed.asked // 5):
            assert _build(tmp_path, first, second) == undisturbed.contents
        assert 0 < first.asked.total() < undisturbed.asked
        answered, tries = first.answered + second.answered, (first.asked + second.asked).total()
        assert tries > 1.2 * undisturbed.asked
        # What was on its way from the server that was killed was answered twice, and nothing else.
        assert len(answered) == undisturbed.asked <= answered.total() <= undisturbed.asked + CONCURRENCY
        _build(tmp_path, second)
        assert (first.asked + second.asked).total() == tries


def test_after_kills_only_what_was_in_flight_is_asked_again_and_the_tables_are_the_same(
    undisturbed: Undisturbed, tokenizer: Path, tmp_path: Path
) -> None:
    """`python -m bench.kills` does this ten times, at random moments."""
    with StubServer(tokenizer, seconds=0.05) as server:
        build = Build(tmp_path, server, DOCUMENTS, 1)
        moments = [undisturbed.asked // 3, 2 * undisturbed.asked // 3]
        in_flight = [build.run_and_kill(answered=answered, seconds=0.02) for answered in moments]
        build.run_to_end()
        assert len(server.asked) == undisturbed.asked
        assert server.asked.total() - undisturbed.asked == sum(in_flight) > 0
        assert max(in_flight) <= MOST_IN_FLIGHT
    with pytest.MonkeyPatch.context() as patch:
        use_home(patch, build.home)
        assert contents(load_recipe(build.recipe)) == undisturbed.contents
