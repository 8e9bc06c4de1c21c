from __future__ import annotations

from typing import Any

import pytest

from gristmill.rephrase.statements.options import StatementsOptions
from gristmill.rephrase.statements.rules import find_statement_fault

SOURCE = (
    "The bakery in Tull was run by Nora Beck and her nephew Tim Ashe. Beck baked the bread and won a medal in 1931; "
    "Ashe drove the van and broke a leg in 1946. Guests must not enter the cellar, where the old oven stands and may "
    "fall down."
)
FAITHFUL = (
    "Tim Ashe, driver of the van, broke his leg in 1946, whereas Nora Beck, his aunt, baked the bread of the bakery in "
    "Tull and was given a medal in 1931. Guests are barred from the cellar, since the old oven there may fall down."
)
OFF: dict[str, dict[str, Any]] = {
    "unrelated": {"min_shared_words": None},
    "loop": {"max_repeated": None},
    "exchanged": {"min_exchange_cosine": None},
    "negation": {"negations": False},
    "dropped_fact": {"min_dropped_words": None},
}
FAULTS = {
    "unrelated": "The text in question lies beyond what may be offered; a short general essay on the history of "
    "food could be had.",
    "loop": FAITHFUL + " So Nora Beck baked the bread in Tull and got a medal in 1931.",
    "exchanged": FAITHFUL.replace("1946", "?").replace("1931", "1946").replace("?", "1931"),
    "negation": FAITHFUL.replace("Guests are barred from the cellar", "Guests enter the cellar"),
    "dropped_fact": FAITHFUL.split(" Guests")[0],
}


def _fault(text: str, *, keeps_all: bool = True, **options: object) -> str | None:
    return find_statement_fault(text, SOURCE, StatementsOptions.model_validate(options), keeps_all=keeps_all)


def test_a_faithful_text_has_no_fault() -> None:
    assert _fault(FAITHFUL) is None


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named_unless_its_rule_is_off(fault: str) -> None:
    assert _fault(FAULTS[fault]) == fault
    assert _fault(FAULTS[fault], **OFF[fault]) != fault


def test_a_text_that_condenses_may_leave_out() -> None:
    assert _fault(FAULTS["dropped_fact"], keeps_all=False) is None
