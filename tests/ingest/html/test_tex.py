"""The TeX of one formula made plain."""

from __future__ import annotations

import pytest

from gristmill.ingest.html.tex import clean_tex, escape_dollars, is_plausible_tex, take_definitions


@pytest.mark.parametrize(
    ("raw", "tex", "display"),
    [
        (" x \n +  y ", "x + y", None),
        ("$x$", "x", False),
        ("$$x$$", "x", True),
        (r"\(x\)", "x", False),
        (r"\[ x \]", "x", True),
        ("$a$ and $b$", "$a$ and $b$", None),
        ("% <![CDATA[\nx<y %]]>", "x<y", None),
        (r"{\displaystyle x^{2}}", "x^{2}", None),
        (r"{\displaystyle x} + {y}", r"{\displaystyle x} + {y}", None),
        (r"\inline \dpi{150} \large x", "x", None),
        (r"\bg_white x", "x", None),
        (r"\begin{equation}x\end{equation}", "x", True),
        (r"\begin{align}x\end{align}", r"\begin{align}x\end{align}", None),
        (r"\documentclass{a}\begin{document}$x$\end{document}", "x", False),
        (r"\unknown{x}", r"\unknown{x}", None),
        ("x" * 50_000, "", None),
    ],
)
def test_delimiters_and_presentation_are_taken_off(raw: str, tex: str, display: bool | None) -> None:
    assert clean_tex(raw) == (tex, display)


@pytest.mark.parametrize(
    ("tex", "rest", "definitions"),
    [
        (r"\newcommand{\R}{\mathbb{R}} x \in \R", r"x \in \R", [r"\newcommand{\R}{\mathbb{R}}"]),
        (r"\newcommand\v[2][a]{#1_{#2}}x", "x", [r"\newcommand\v[2][a]{#1_{#2}}"]),
        (r"\def\a#1{#1}\let\b=\a", "", [r"\def\a#1{#1}", r"\let\b=\a"]),
        (r"\DeclareMathOperator*{\im}{im}", "", [r"\DeclareMathOperator*{\im}{im}"]),
        (r"\newcommand{\R}{never ends", r"\newcommand{\R}{never ends", []),
        (r"\define x \letter", r"\define x \letter", []),
    ],
)
def test_definitions_are_taken_out(tex: str, rest: str, definitions: list[str]) -> None:
    assert take_definitions(tex) == (rest, definitions)


def test_dollars_are_escaped_outside_of_groups() -> None:
    assert escape_dollars(r"a $ b \$ \text{if $x$}") == r"a \$ b \$ \text{if $x$}"


@pytest.mark.parametrize(
    "value", ["", "equation", "https://a.org/x", "img/a.png", '{"a": 1}', "data:image/png;base64,A"]
)
def test_stock_words_and_addresses_are_no_tex(value: str) -> None:
    assert not is_plausible_tex(value)
