from __future__ import annotations

import pytest
from pydantic import ValidationError

from gristmill.refine import RefineOptions


def test_defaults_are_the_published_ones_and_the_cap_is_on() -> None:
    options = RefineOptions()
    assert (options.max_chunk_tokens, options.max_output_tokens, options.error_op) == (1500, 256, 2)
    assert (options.mode, options.constrained, options.max_removed_ratio) == ("strict", True, 0.5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"prompt": "own"},
        {"max_removed_ratio": 1.5},
        {"operations": ()},
        {"operations": ("eval",)},
        {"max_op": 3},
    ],
)
def test_wrong_options_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RefineOptions.model_validate(wrong)


def test_every_option_says_what_it_is() -> None:
    assert all(field.description for field in RefineOptions.model_fields.values())
