"""How the bench of formulas counts."""

from __future__ import annotations

import json
from pathlib import Path

from bench.formulas import count_strict, extract_all, is_kept, main_with_kinds, score, summarise

X = {"latex": "x^2", "display": False}
Y = {"latex": "y", "display": True, "accept": ["z"]}


def test_white_space_and_braces_do_not_matter_for_kept() -> None:
    assert is_kept(X, "so x^{2 } is")
    assert is_kept(Y, "z")
    assert not is_kept(X, "x_2")


def test_strict_wants_order_delimiters_and_nothing_more() -> None:
    assert count_strict([X, Y], r"\$5, $x^2$ and $$y$$") == 2
    assert count_strict([X, Y], "$$y$$ and $x^2$") == 1
    assert count_strict([X, Y], "$$x^2$$ and $$y$$") == 1
    assert count_strict([X], "$x^2$ and $x^2$") == 0


def test_a_negative_page_may_show_its_own_dollars() -> None:
    page = [{"id": "a", "kind": "negative", "formulas": []}]
    assert score(page, ["costs $5 or $6"], ["costs $5 or $6"], marks=True)["negative"]["wrong"] == 0
    assert score(page, ["costs x"], ["costs $x$"], marks=True)["negative"]["wrong"] == 1
    assert summarise(score(page, ["x"], ["x"], marks=True))["negatives_marked"] == 0


def test_pages_are_extracted_and_scored(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        "<article><p>The value of <math><mi>x</mi></math> is known.</p></article>"
    )
    listed = {"id": "a", "kind": "mathml", "formulas": [{"latex": "x", "display": False}]}
    truth = tmp_path / "truth.jsonl"
    truth.write_text(json.dumps(listed) + "\n")
    figures = extract_all("gristmill", str(tmp_path), str(truth))
    assert (figures["kept"], figures["strict"]) == (1, 1)
    assert figures["ms_per_page"] > 0


def test_no_paths_are_no_error() -> None:
    assert main_with_kinds([]) == {}
