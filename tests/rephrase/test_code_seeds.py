from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.rephrase.code.python import parse_python
from gristmill.rephrase.code.seeds import split_seeds
from gristmill.rephrase.passages import Passage

MILL = '''"""Mills."""
import json
import os.path as paths
from math import (
    pi,
    tau,
)


TEXT = """
not a block

def neither(): pass
"""


# Grinds.
@cached
def grind(wheat):

    return wheat * pi


class Mill:
    """Turns."""

    def turn(self):
        return paths.join("a", json.dumps({}))

    def stop(self):
        return None
'''
GO = """package mill

import "fmt"

// Grind grinds.
func Grind(n int) int {

	return n * 2
}

func Stop() {
	fmt.Println("stop")

	fmt.Println("stopped")
}
"""


def _words(texts: list[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def _characters(texts: list[str]) -> list[int]:
    return [len(text) for text in texts]


def _seeds(text: str, language: str, max_tokens: int) -> list[Passage]:
    (found,) = split_seeds([text], [language], _words, max_tokens=max_tokens)
    return found


def _shown(text: str, seed: Passage) -> str:
    return "\n".join(text[start:end] for start, end in seed.spans or ((seed.start, seed.end),))


def test_a_file_within_the_limit_is_one_seed() -> None:
    (seed,) = _seeds(f"\n\n{MILL}\n", "Python", 100)
    assert (seed.start, seed.end, seed.spans, seed.hard_split) == (2, 1 + len(MILL), (), False)


def test_python_is_cut_at_statements_and_each_seed_has_the_imports_it_uses() -> None:
    first, constant, function, mill = _seeds(MILL, "Python", 20)
    assert MILL[first.start : first.end].endswith("tau,\n)")
    assert MILL[constant.start : constant.end].startswith('TEXT = """')
    assert constant.spans == ()
    assert _shown(MILL, function) == (
        "from math import (\n    pi,\n    tau,\n)\n# Grinds.\n@cached\ndef grind(wheat):\n\n    return wheat * pi"
    )
    assert _shown(MILL, mill).startswith("import json\nimport os.path as paths\nclass Mill:\n")
    assert _shown(MILL, mill).endswith("return None")
    assert [seed.tokens for seed in (function, mill)] == [
        len(_shown(MILL, s).split()) for s in (function, mill)
    ]
    assert not any(seed.hard_split for seed in (first, constant, function, mill))


def test_imports_that_do_not_fit_are_left_out() -> None:
    seeds = _seeds(MILL, "Python", 14)
    assert max(seed.tokens for seed in seeds) <= 14
    assert [seed.spans for seed in seeds if "class Mill" in _shown(MILL, seed)] == [()]


def test_python_that_does_not_parse_is_cut_as_other_languages_are() -> None:
    broken = "print 'a'\n\n\ndef one():\n    pass\n\n\ndef two():\n    pass\n"
    assert [broken[s.start : s.end] for s in _seeds(broken, "Python", 4)] == [
        "print 'a'",
        "def one():\n    pass",
        "def two():\n    pass",
    ]


def test_other_languages_are_cut_before_lines_of_the_smallest_indentation() -> None:
    seeds = _seeds(GO, "Go", 16)
    assert [GO[seed.start : seed.end].split("\n")[0] for seed in seeds] == [
        "package mill",
        "// Grind grinds.",
        "func Stop() {",
    ]
    assert not any(seed.hard_split for seed in seeds)


def test_a_block_above_the_limit_is_cut_inside_and_says_so() -> None:
    stop = _seeds(GO, "Go", 5)[-2:]
    assert [GO[seed.start : seed.end] for seed in stop] == [
        'func Stop() {\n\tfmt.Println("stop")',
        '\tfmt.Println("stopped")\n}',
    ]
    assert all(seed.hard_split for seed in stop)


@pytest.mark.parametrize("language", ["Python", "Go"])
def test_a_staircase_and_long_lines_are_cut_in_bounded_time(language: str) -> None:
    stairs = "\n\n".join(" " * depth + "x" for depth in range(700, 0, -1))
    line = "x = " + "1 + " * 50_000 + "1"
    started = time.process_time()
    for text in (stairs, line, "x\n" * 10_000, "(" * 50_000):
        (seeds,) = split_seeds([text], [language], _characters, max_tokens=500)
        assert max(seed.tokens for seed in seeds) <= 500
    assert time.process_time() - started < 3


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "def f():",
                "    return a",
                "import a",
                "",
                "  ",
                "}",
                "x = 1; y = '''",
                "'''",
                "\té\r",
                "a" * 30,
            ]
        ),
        max_size=30,
    ),
    st.integers(1, 60),
    st.sampled_from(["Python", "C"]),
)
def test_seeds_hold_every_character_once_and_keep_the_limit(
    lines: list[str], limit: int, language: str
) -> None:
    text = "\n".join(lines)
    (seeds,) = split_seeds([text], [language], _characters, max_tokens=limit)
    bounds = [place for seed in seeds for place in (seed.start, seed.end)]
    assert bounds == sorted(bounds)
    assert "".join("".join(text[s.start : s.end].split()) for s in seeds) == "".join(text.split())
    for seed in seeds:
        assert seed.tokens == len(_shown(text, seed)) <= limit


@pytest.mark.parametrize(
    "text",
    ["(" * 61, "-" * 20_000 + "1", "a" + ".b" * 20_000, "a\0", "1" * 5_000, "def f(:", "x" * 1_000_001],
)
def test_what_no_parser_bears_does_not_parse(text: str) -> None:
    assert parse_python(text) is None
