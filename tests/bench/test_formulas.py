"""How the bench of formulas counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.formulas import count_strict, extract_all, is_kept, main_with_kinds, score, shortfalls, summarise

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


def test_what_marks_nothing_has_no_strict_score() -> None:
    kinds = {"mathml": {"pages": 1, "formulas": 2, "kept": 1, "complete": 0, "strict": 0, "wrong": 0}}
    assert summarise(kinds, marks=False) == {
        "formulas": 2,
        "kept": 0.5,
        "worst_kind": 0.5,
        "complete_pages": 0,
    }
    assert summarise(kinds)["strict"] == 0


def test_the_check_names_every_kind_that_keeps_too_little_and_the_whole() -> None:
    good = {"formulas": 100, "kept": 95, "complete": 0, "strict": 95, "wrong": 0}
    assert shortfalls({"a": good, "none": good | {"formulas": 0, "kept": 0}}) == []
    assert shortfalls({"a": good, "b": good | {"formulas": 10, "kept": 8}}) == [
        "b: 8 of 10 kept, at least 90% are wanted",
        "all: 93.6% kept, at least 95% are wanted",
    ]
    assert shortfalls({"none": good | {"formulas": 0, "kept": 0}}) == [
        "all: 0.0% kept, at least 95% are wanted"
    ]


def test_a_failed_check_ends_with_status_1(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<article><p>The value of it is known to be large.</p></article>")
    listed = {"id": "a", "kind": "mathml", "formulas": [{"latex": "x^2", "display": False}]}
    truth = tmp_path / "truth.jsonl"
    truth.write_text(json.dumps(listed) + "\n")
    asked = ["--pages", str(tmp_path), "--truth", str(truth), "--runs", "1", "--peers", ""]
    assert main_with_kinds(asked)["mathml"]["kept"] == 0
    with pytest.raises(SystemExit) as ended:
        main_with_kinds([*asked, "--check"])
    assert ended.value.code == 1


def test_no_paths_are_no_error() -> None:
    assert main_with_kinds([]) == {}
