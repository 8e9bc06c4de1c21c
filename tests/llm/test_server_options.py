from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from gristmill.errors import RecipeError
from gristmill.llm.options import ModelOptions
from gristmill.llm.server.options import ServerOptions
from gristmill.recipe import parse_recipe

HOST = "http://gpu-1:8000"
NAMED = {"identity": "name", "served_model": "m", "served_version": "2026-01"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("http://gpu-1:8000", "http://gpu-1:8000"),
        ("https://api.example.org/v1/", "https://api.example.org"),
        ("https://example.org/llm/v1", "https://example.org/llm"),
        ("http://[::1]:8000/", "http://[::1]:8000"),
    ],
)
def test_an_address_may_have_the_path_of_the_api_or_not(given: str, kept: str) -> None:
    assert ServerOptions(endpoints=(given,)).endpoints == (kept,)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"endpoints": []}, "at least 1"),
        ({"endpoints": ["ftp://host"]}, r"must be http://HOST\[:PORT\]"),
        ({"endpoints": ["host:8000"]}, "must be http://HOST"),
        ({"endpoints": ["http://"]}, "must be http://HOST"),
        ({"endpoints": ["http://host:99999"]}, "must be http://HOST"),
        ({"endpoints": ["http://ho st"]}, "must be http://HOST"),
        ({"endpoints": [HOST, f"{HOST}/v1"]}, "more than once"),
        (
            {"endpoints": [HOST], "identity": "name", "served_model": "m"},
            "both served_model and served_version",
        ),
        ({"endpoints": [HOST], "served_version": "1"}, "for identity `name` only"),
        ({"endpoints": [HOST], "protocol": "openai"}, "needs identity `name`"),
        ({"endpoints": [HOST], "request_seconds": 100.0, "stall_seconds": 50.0}, "must not be less than"),
        ({"endpoints": [HOST], "concurrency": 0}, "greater than or equal to 1"),
    ],
)
def test_a_wrong_option_says_what_is_allowed(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ServerOptions.model_validate(values)


@pytest.mark.parametrize(
    "line",
    [
        "endpoints: ['http://me:s3cret@host']",
        "endpoints: ['http://host/?key=s3cret']",
        "endpoints: ['http://host']\n      api_key_variable: sk-s3cret",
    ],
)
def test_a_secret_in_a_recipe_is_refused_and_not_repeated(line: str) -> None:
    text = f"name: x\nsources: {{}}\nmodels:\n  m:\n    engine: server\n    server:\n      {line}\n"
    with pytest.raises(
        RecipeError, match=r"models\.m\.server\.(endpoints|api_key_variable): must be"
    ) as caught:
        parse_recipe(text, Path("x.yaml"))
    assert "s3cret" not in str(caught.value)


def test_engine_server_needs_addresses() -> None:
    with pytest.raises(ValidationError, match="needs `server:` with its `endpoints`"):
        ModelOptions(engine="server")


def _relevant(engine: str, **server: object) -> dict[str, object]:
    values = {"engine": engine, "server": {"endpoints": [HOST], **server}}
    return ModelOptions.model_validate(values).answer_relevant()


def test_a_model_known_by_its_files_shares_its_answers_with_the_inline_engine() -> None:
    assert _relevant("server", concurrency=3, send_seed=True) == ModelOptions().answer_relevant()
    assert ModelOptions.model_validate({"engine": "server", "server": {"endpoints": [HOST]}}).needs_weights


def test_a_model_known_by_its_name_shares_them_with_replay_alone() -> None:
    named = _relevant("server", **NAMED)
    assert named == _relevant("replay", **NAMED)
    assert named == _relevant("server", **{**NAMED, "endpoints": ["http://other"], "api_key_variable": "KEY"})
    assert _relevant("inline", **NAMED) == ModelOptions().answer_relevant()
    for change in ({"served_model": "n"}, {"served_version": "2"}, {"protocol": "openai"}):
        assert _relevant("server", **{**NAMED, **change}) != named
    options = {"engine": "server", "server": {"endpoints": [HOST], **NAMED}}
    assert not ModelOptions.model_validate(options).needs_weights
