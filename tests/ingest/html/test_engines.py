"""The other engines, and that one is chosen by an option."""

from __future__ import annotations

import pytest

from gristmill.ingest.html import extract_page
from gristmill.ingest.options import HtmlOptions
from tests.ingest.html.pages import SENTENCES, article


@pytest.mark.parametrize("engine", ["gristmill", "resiliparse", "trafilatura"])
def test_every_engine_finds_the_article(engine: str) -> None:
    if engine == "trafilatura":
        pytest.importorskip("trafilatura")
    page = extract_page(article(), HtmlOptions.model_validate({"engine": engine}))
    assert all(sentence in page.text for sentence in SENTENCES)
    assert "Imprint" not in page.text
    assert page.title == "A day at the mill"


def test_trafilatura_does_not_remember_earlier_pages() -> None:
    pytest.importorskip("trafilatura")
    options = HtmlOptions(engine="trafilatura")
    assert len({extract_page(article(), options).text for _ in range(5)}) == 1


def test_an_unknown_engine_is_an_error_of_the_recipe() -> None:
    with pytest.raises(ValueError, match="engine"):
        HtmlOptions.model_validate({"engine": "readability"})
