"""The server engine as a recipe's model: what names it, where its answers are kept, where its key comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from gristmill.errors import EngineError, ModelError, RecipeError
from gristmill.llm.options import ModelOptions
from gristmill.llm.requests import Request
from resources.tools import Tools
from tests.llm.models import write_model
from tests.llm.stub_server import StubServer

NAMED = {"identity": "name", "served_model": "stub", "served_version": "1"}


def _tools(folder: Path, **models: dict[str, object]) -> Tools:
    options = {
        name: ModelOptions.model_validate({"source": "model", **values}) for name, values in models.items()
    }
    return Tools(options, base=folder, answers=folder / "answers", folder=folder / "models")


def _server(address: str, engine: str = "server", **server: object) -> dict[str, object]:
    return {"engine": engine, "server": {"endpoints": [address], **server}}


def test_answers_of_a_server_are_replayed_without_it(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", weights=False)
    requests = [Request(f"The {n}th mill.", 20) for n in range(5)]
    with StubServer(model) as server, _tools(tmp_path, m=_server(server.address, **NAMED)) as tools:
        given = dict(tools.llm("m").answer(enumerate(requests)))
        assert server.asked.total() == 5
    replay = _server(server.address, "replay", **NAMED)
    with _tools(tmp_path, m=replay) as tools:
        assert dict(tools.llm("m").answer(enumerate(requests))) == given
    with (
        _tools(tmp_path, m=_server(server.address, "replay", **{**NAMED, "served_version": "2"})) as tools,
        pytest.raises(EngineError, match="not in the cache"),
    ):
        dict(tools.llm("m").answer(enumerate(requests)))


def test_weights_must_be_here_only_where_they_name_the_model(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", weights=False)
    here = "http://127.0.0.1:1"
    tools = _tools(tmp_path, files=_server(here), named=_server(here, **NAMED))
    assert len(tools.digest("named")) == 32
    with pytest.raises(ModelError, match=r"no \*\.safetensors"):
        tools.digest("files")
    write_model(model)
    tools = _tools(tmp_path, files=_server(here), inline={}, named=_server(here, **NAMED))
    assert tools.digest("files") == tools.digest("inline") != tools.digest("named")


def test_the_key_comes_from_the_variable_that_the_recipe_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = write_model(tmp_path / "model", weights=False)
    with StubServer(model, key="s3cret") as server:
        options = _server(server.address, api_key_variable="MILL_KEY", **NAMED)
        monkeypatch.delenv("MILL_KEY", raising=False)
        with (
            _tools(tmp_path, m=options) as tools,
            pytest.raises(RecipeError, match=r"models\.m\.server\.api_key_variable: .*MILL_KEY is not set"),
        ):
            dict(tools.llm("m").answer([(0, Request("a", 4))]))
        monkeypatch.setenv("MILL_KEY", "s3cret")
        with _tools(tmp_path, m=options) as tools:
            assert len(dict(tools.llm("m").answer([(0, Request("a", 4))]))) == 1
        monkeypatch.setenv("MILL_KEY", "s3\ncret")
        with _tools(tmp_path, m=options) as tools, pytest.raises(RecipeError, match="no header can"):
            dict(tools.llm("m").answer([(0, Request("b", 4))]))
