from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.score.texts import options


def test_the_sources_of_both_sides_are_listed() -> None:
    found = options(positives=[{"sources": ["wiki"]}, {"sources": ["books", "wiki"]}])
    assert found.sources == ("books", "web", "wiki")


def test_a_source_cannot_be_on_both_sides() -> None:
    with pytest.raises(ValidationError, match=r"sources \['web'\] are named as positives and as negatives"):
        options(positives=[{"sources": ["web"]}])


@pytest.mark.parametrize("changes", [{"holdout": 0.0}, {"bucket": 0}, {"positives": []}, {"dims": 3}])
def test_values_that_make_no_sense_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        options(**changes)
