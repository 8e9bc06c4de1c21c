"""AsciiMath as LaTeX."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.ingest.html.asciimath import tex_of_asciimath


@pytest.mark.parametrize(
    ("source", "tex"),
    [
        ("x^2-1", "x^{2}-1"),
        ("sum_(i=1)^n i", r"\sum_{i=1}^{n}i"),
        ("(a+b)/(c+d)", r"\frac{a+b}{c+d}"),
        ("sqrt(x+1)/2", r"\frac{\sqrt{x+1}}{2}"),
        ("sin(x)/x", r"\frac{\sin(x)}{x}"),
        ("root(3)(x)", r"\sqrt[3]{x}"),
        ("lim_(x->oo) f(x)", r"\lim_{x \to \infty}f(x)"),
        ("AA x in RR, x != 0", r"\forall x \in \mathbb{R},x \neq 0"),
        ("[[a,b],[c,d]]", r"\begin{bmatrix} a & b \\ c & d \end{bmatrix}"),
        ("hat x + bar(xy)", r"\hat{x}+ \overline{xy}"),
        ('"area" = pi r^2', r"\text{area}= \pi r^{2}"),
        ("abs(x)", r"\left|x\right|"),
        ("((n(n+1))/2)^2", r"\left(\frac{n(n+1)}{2}\right)^{2}"),
        ("", ""),
    ],
)
def test_source_becomes_tex(source: str, tex: str) -> None:
    assert tex_of_asciimath(source) == tex


@settings(max_examples=80, deadline=None)
@given(st.text(alphabet='ab()[]{}/^_"+ sqrtumo12\\:', max_size=60))
def test_no_source_raises(source: str) -> None:
    assert isinstance(tex_of_asciimath(source), str)


@pytest.mark.parametrize("source", ["(" * 500, "sqrt" * 120, "a/" * 240, "_" * 500, "x" * 100_000])
def test_hostile_sources_end(source: str) -> None:
    assert tex_of_asciimath(source)
