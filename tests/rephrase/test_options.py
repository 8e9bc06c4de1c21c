from __future__ import annotations

import pytest
from pydantic import ValidationError

from gristmill.rephrase.options import AcceptanceOptions, RephraseOptions, StyleOptions


def test_a_recipe_may_use_plain_lists_and_mappings() -> None:
    options = RephraseOptions.model_validate(
        {
            "styles": [{"name": "qa", "weight": 2.0}, {"name": "easy"}],
            "languages": ["en"],
            "skip_blocks": ["code"],
            "budget": {"output_tokens": 1000},
            "acceptance": {"ratio": [0.5, 2.0]},
        }
    )
    assert [style.name for style in options.styles] == ["qa", "easy"]
    assert options.acceptance.ratio == (0.5, 2.0)
    assert options.budget is not None
    assert options.budget.output_tokens == 1000


def test_the_sampling_of_medium_differs_and_can_be_set() -> None:
    assert StyleOptions(name="medium").sampling == (0.5, 0.9)
    assert StyleOptions(name="qa").sampling == (0.7, 0.95)
    assert StyleOptions(name="qa", temperature=0.0).sampling == (0.0, 0.95)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"styles": [{"name": "medium"}, {"name": "medium"}]}, "names repeat"),
        ({"styles": [{"name": "medium", "weight": 0.0}]}, "all weights are 0"),
        ({"styles": [{"name": "pirate"}]}, "no packaged template"),
        ({"acceptance": {"ratio": [3.0, 0.3]}}, "first below the second"),
        ({"passage_tokens": 3}, "Extra inputs"),
    ],
)
def test_what_cannot_work_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        RephraseOptions.model_validate(values)


def test_rules_can_be_switched_off() -> None:
    off = AcceptanceOptions(ratio=None, max_copied_run=None, max_novel_numbers=None)
    assert off.ratio is None
