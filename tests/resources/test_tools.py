from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from gristmill.errors import ModelError, RecipeError
from gristmill.llm.options import ModelOptions
from gristmill.llm.requests import Request
from gristmill.store import Store
from resources import tools as module
from resources.tools import Tools
from tests.llm.models import write_model


def _tools(tmp_path: Path, **models: dict[str, object]) -> Tools:
    options = {
        name: ModelOptions.model_validate({"source": "model", **values}) for name, values in models.items()
    }
    return Tools(options, base=tmp_path, answers=tmp_path / "store" / "answers", folder=tmp_path / "models")


def _texts(tools: Tools, name: str, *prompts: str) -> list[str]:
    answers = dict(tools.llm(name).answer((n, Request(prompt, 20)) for n, prompt in enumerate(prompts)))
    return [answers[index].text for index in range(len(prompts))]


def test_a_stub_needs_neither_weights_nor_vllm(tmp_path: Path) -> None:
    write_model(tmp_path / "model", weights=False)
    code = (
        "import sys; from pathlib import Path; from tests.resources.test_tools import _tools, _texts\n"
        f"tools = _tools(Path({str(tmp_path)!r}), small={{'engine': 'stub'}})\n"
        "assert len(_texts(tools, 'small', 'One two three.', 'Four.')) == 2; tools.close()\n"
        "print(sorted({'vllm', 'torch', 'transformers'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_answers_of_an_earlier_run_need_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_model(tmp_path / "model", weights=False)
    with _tools(tmp_path, small={"engine": "stub"}) as first:
        given = _texts(first, "small", "One two three.")
    monkeypatch.setattr(module, "make_engine", lambda *_: pytest.fail("an engine was made"))
    with _tools(tmp_path, small={"engine": "stub"}) as second:
        assert _texts(second, "small", "One two three.") == given


def test_at_most_one_engine_is_in_memory(tmp_path: Path) -> None:
    write_model(tmp_path / "model", weights=False)
    with _tools(tmp_path, one={"engine": "stub"}, two={"engine": "stub", "max_model_len": 99}) as tools:
        for name, other in (("one", "two"), ("two", "one"), ("one", "two")):
            tools.llm(other)
            _texts(tools, name, f"{name} after {other} {tools.llm(name).usage.requests}.")
            assert (tools.llm(name).loaded, tools.llm(other).loaded) == (True, False)
    assert not tools.llm("one").loaded


def test_replay_answers_what_the_inline_engine_was_asked(tmp_path: Path) -> None:
    write_model(tmp_path / "model")
    tools = _tools(tmp_path, inline={}, replay={"engine": "replay"})
    assert tools.digest("inline") == tools.digest("replay")
    assert tools.llm("inline").identity.digest == tools.digest("inline")


def test_only_what_changes_answers_is_in_the_digest(tmp_path: Path) -> None:
    write_model(tmp_path / "model")
    write_model(tmp_path / "copy")
    tools = _tools(
        tmp_path, a={}, b={"source": "copy", "max_num_seqs": 2}, c={"max_model_len": 99}, d={"engine": "stub"}
    )
    assert tools.digest("a") == tools.digest("b")
    assert len({tools.digest(name) for name in "acd"}) == 3


def test_an_unreadable_model_is_found_before_anything_is_asked(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model")
    (model / "model.safetensors").write_bytes(b"short")
    with pytest.raises(ModelError, match=r"model\.safetensors is no safetensors file or was cut"):
        _tools(tmp_path, small={}).llm("small")


def test_an_unknown_model_offers_the_nearest(tmp_path: Path) -> None:
    tools = _tools(tmp_path, smollm={})
    with pytest.raises(
        RecipeError,
        match=r"'smolm'; the recipe declares: all-minilm-l6-v2, lid\.176, smollm\. Did you mean 'smollm'",
    ):
        tools.digest("smolm")
    with pytest.raises(RecipeError, match=r"unknown model 'lid\.176'"):
        tools.llm("lid.176")


def test_the_language_identifier_is_always_there(tmp_path: Path) -> None:
    tools = _tools(tmp_path)
    assert tools.path("lid.176").name == "lid.176.ftz"
    assert len(tools.digest("lid.176")) == 32


def test_the_tokenizer_is_that_of_the_models_folder(tmp_path: Path) -> None:
    write_model(tmp_path / "model", weights=False)
    tools = _tools(tmp_path, small={"engine": "stub"})
    assert tools.tokenizer("small").count(["abc"]) == [3]
    assert tools.tokenizer("small") is tools.tokenizer("small")
    assert tools.path("small") == tmp_path / "model"


def test_answers_are_kept_in_the_store(tmp_path: Path) -> None:
    write_model(tmp_path / "model", weights=False)
    recipe = SimpleNamespace(
        models={"small": ModelOptions(source="model", engine="stub")}, path=tmp_path / "recipe.yaml"
    )
    with Tools.open(recipe, Store.open(tmp_path / "store"), tmp_path / "models") as tools:  # type: ignore[arg-type]
        _texts(tools, "small", "One two three.")
    assert len(list((tmp_path / "store" / "answers" / "segments").glob("*.parquet"))) == 1


@pytest.mark.parametrize("seconds", ["soon", "-1", "nan", "inf"])
def test_a_wrong_pace_of_the_stub_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: str
) -> None:
    write_model(tmp_path / "model", weights=False)
    monkeypatch.setenv("GRISTMILL_STUB_SECONDS", seconds)
    with pytest.raises(RecipeError, match=f"GRISTMILL_STUB_SECONDS: got '{seconds}', must be seconds"):
        _texts(_tools(tmp_path, small={"engine": "stub"}), "small", "One.")
