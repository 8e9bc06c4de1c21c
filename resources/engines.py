"""The engine that a model's options ask for."""

from __future__ import annotations

import os

from gristmill.errors import RecipeError
from gristmill.llm.engine import Engine
from gristmill.llm.options import ModelOptions
from gristmill.llm.replay import ReplayEngine
from gristmill.llm.stub import StubEngine
from gristmill.tokenizer import Tokenizer
from resources.models import PreparedModel

STUB_SECONDS = (
    "GRISTMILL_STUB_SECONDS"  # how long the stub engine takes for an answer; for tests that kill runs
)


def make_engine(name: str, options: ModelOptions, model: PreparedModel, tokenizer: Tokenizer) -> Engine:
    """A new engine for a prepared model; `inline` imports vLLM and loads the weights here, `server` waits for one.

    Raises EngineError where that fails.
    """
    if options.engine == "replay":
        return ReplayEngine(name)
    if options.engine == "stub":
        return StubEngine(
            name=name,
            tokenizer=tokenizer,
            max_model_len=options.max_model_len,
            seconds_per_answer=_stub_seconds(),
        )
    if options.engine == "server":
        from gristmill.llm.server.engine import ServerEngine

        return ServerEngine(options, name=name, tokenizer=tokenizer, api_key=_api_key(name, options))
    from gristmill.llm.vllm_inline import InlineEngine

    return InlineEngine(model.path, options, name=name, tokenizer=tokenizer, adapter=model.adapter)


def _api_key(name: str, options: ModelOptions) -> str | None:
    variable = options.server.api_key_variable if options.server is not None else None
    if variable is None:
        return None
    key = os.environ.get(variable, "")
    if not key or not key.isascii() or not key.isprintable():
        state = "is not set" if not key else "holds characters that no header can"
        raise RecipeError(f"models.{name}.server.api_key_variable: environment variable {variable} {state}")
    return key


def _stub_seconds() -> float:
    text = os.environ.get(STUB_SECONDS, "0")
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise RecipeError(f"environment variable {STUB_SECONDS}: got {text!r}, must be seconds, 0 or more")
    return seconds
