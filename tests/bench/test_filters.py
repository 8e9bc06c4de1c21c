from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import filters
from bench.filters import compare

GOOD = "The mill stands at the bend of the river and has ground flour for three hundred years of work. "


def test_without_texts_there_is_nothing_to_measure(capsys: pytest.CaptureFixture[str]):
    assert filters.run([]) == {}
    assert "Rules on text" in capsys.readouterr().out


def test_our_rules_are_timed_on_any_jsonl(tmp_path: Path):
    path = tmp_path / "texts.jsonl"
    path.write_text(
        "".join(json.dumps({"content": GOOD * 3}) + "\n" for _ in range(3)) + "\n", encoding="utf-8"
    )
    figures = filters.ours(str(path), "content", 1.0, "strict", "unicode", str(tmp_path / "decisions.json"))
    assert figures["documents"] == 3
    assert figures["mb"] == pytest.approx(9 * len(GOOD) / 1e6)
    assert figures["mb_per_cpu_second"] > 0
    assert len(json.loads((tmp_path / "decisions.json").read_text())) == 3
    assert filters.bare_loop(str(path), "content", 1.0)["kept"] == 3


def test_every_difference_is_named_by_its_cause():
    alpha, stop = "gopher_quality.min_alpha_word_ratio", "gopher_quality.min_stop_words"
    strict = [None, None, alpha, None, "fineweb.max_char_dup_ratio"]
    own_words = [stop, None, alpha, None, None]
    compat = [stop, alpha, None, None, alpha]
    peer = [
        ["GopherQualityFilter", filters.REASONS[rule]] if rule is not None else None for rule in compat[:-1]
    ] + [None]
    assert compare(strict, own_words, compat, peer) == {
        ("kept by us only", "stop words in any case"): 1,
        ("kept by us only", f"word splitter, near the bound of {alpha}"): 1,
        ("kept by datatrove only", f"word splitter, near the bound of {alpha}"): 1,
        (
            "another rule",
            f"word splitter, near the bound of {alpha} + lines of FineWeb: stripped, all line ends",
        ): 1,
        ("compat mode and datatrove differ", "gopher_below_alpha_threshold != None"): 1,
    }
