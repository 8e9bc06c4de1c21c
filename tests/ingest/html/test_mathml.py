"""Presentation MathML as LaTeX."""

from __future__ import annotations

from typing import Any

import pytest
from resiliparse.parse.html import HTMLTree

from gristmill.ingest.html.mathml import tex_of_mathml, translate_mathml


def translated(inner: str) -> str | None:
    tree: Any = HTMLTree.parse(f"<math>{inner}</math>")
    return translate_mathml(tree.document.query_selector("math"))


ROW = "<mtr><mtd><mi>a</mi></mtd><mtd><mi>b</mi></mtd></mtr><mtr><mtd><mn>0</mn></mtd><mtd><mn>1</mn></mtd></mtr>"


@pytest.mark.parametrize(
    ("mathml", "tex"),
    [
        ("<mfrac><mi>a</mi><mrow><mi>b</mi><mo>+</mo><mi>c</mi></mrow></mfrac>", r"\frac{a}{b + c}"),
        ("<mfrac linethickness=0><mi>n</mi><mi>k</mi></mfrac>", r"\genfrac{}{}{0pt}{}{n}{k}"),
        ("<msqrt><mi>x</mi><mo>+</mo><mn>1</mn></msqrt>", r"\sqrt{x + 1}"),
        ("<mroot><mi>x</mi><mn>3</mn></mroot>", r"\sqrt[3]{x}"),
        ("<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>", "x_{i}^{2}"),
        ("<msup><mi>f</mi><mo>′</mo></msup>", "f'"),
        ("<msup><mrow><mi>a</mi><mi>b</mi></mrow><mn>2</mn></msup>", "{ab}^{2}"),
        ("<msup><msub><mi>x</mi><mn>1</mn></msub><mn>2</mn></msup>", "{x_{1}}^{2}"),
        ("<munderover><mo>∑</mo><mi>i</mi><mi>n</mi></munderover>", r"\sum_{i}^{n}"),
        ("<munder><mi>lim</mi><mrow><mi>x</mi><mo>→</mo><mn>0</mn></mrow></munder>", r"\lim_{x\rightarrow 0}"),
        ("<munder><mi>x</mi><mi>y</mi></munder>", r"\underset{y}{x}"),
        ("<mover><mi>x</mi><mo>¯</mo></mover>", r"\bar{x}"),
        ("<mover><mrow><mi>A</mi><mi>B</mi></mrow><mo>¯</mo></mover>", r"\overline{AB}"),
        ("<mover accent=true><mi>v</mi><mo>→</mo></mover>", r"\vec{v}"),
        ("<mover><mo>→</mo><mi>f</mi></mover>", r"\xrightarrow{f}"),
        ("<munder><mrow><mi>a</mi></mrow><mo>⏟</mo></munder>", r"\underbrace{a}"),
        ("<mmultiscripts><mi>C</mi><mn>6</mn><none></none><mprescripts></mprescripts><none></none><mn>14</mn>"
         "</mmultiscripts>", "{}^{14}C_{6}"),
        ("<mfenced><mi>x</mi><mi>y</mi></mfenced>", r"\left( x,y \right)"),
        ("<mfenced open='|' close='|'><mi>x</mi></mfenced>", r"\left| x \right|"),
        (f"<mo>(</mo><mtable>{ROW}</mtable><mo>)</mo>", r"\begin{pmatrix} a & b \\ 0 & 1 \end{pmatrix}"),
        (f"<mi>A</mi><mo>=</mo><mo>[</mo><mtable>{ROW}</mtable><mo>]</mo>",
         r"A = \begin{bmatrix} a & b \\ 0 & 1 \end{bmatrix}"),
        (f"<mo>{{</mo><mtable>{ROW}</mtable>", r"\begin{cases} a & b \\ 0 & 1 \end{cases}"),
        ("<mi mathvariant=bold>v</mi><mi mathvariant=double-struck>R</mi>", r"\mathbf{v}\mathbb{R}"),
        ("<mi>ℝ</mi><mi>𝐱</mi><mi>𝑎</mi><mi>𝛼</mi>", r"\mathbb{R}\mathbf{x}a\alpha"),
        ("<mi>sin</mi><mi>x</mi>", r"\sin x"),
        ("<mi>α</mi><mo>≤</mo><mi>β</mi>", r"\alpha \leq \beta"),
        ("<mi>f</mi><mo>&#x2061;</mo><mi>x</mi><mo>&#x2062;</mo><mi>y</mi>", "fxy"),
        ("<mn>50</mn><mo>%</mo>", r"50\%"),
        ("<mtext>if 5% of x_1</mtext>", r"\text{if 5\% of x\_1}"),
        ("<mi>x</mi><mspace width='1em'/><mi>y</mi>", r"x\quad y"),
        ("<mo>∉</mo><mo>⊂&#x338;</mo>", r"\notin \not\subset"),
        ("<menclose notation=box><mi>x</mi></menclose>", r"\boxed{x}"),
        ("<semantics><mi>x</mi><annotation encoding='StarMath'>y</annotation></semantics>", "x"),
        ("<mphantom><mi>x</mi></mphantom>", None),
    ],
)  # fmt: skip
def test_elements_become_commands(mathml: str, tex: str | None) -> None:
    assert translated(mathml) == tex


def test_prefixed_empty_elements_swallow_nothing() -> None:
    markup = "<m:math><m:msup><m:mrow/><m:mn>2</m:mn></m:msup><m:mspace width='1em'/><m:mi>x</m:mi></m:math>"
    tree: Any = HTMLTree.parse(markup)
    assert tex_of_mathml(tree.document.query_selector("m\\:math")) == (r"{}^{2}\quad x", "mathml")


@pytest.mark.parametrize(
    "encoding", ["application/x-tex", "LaTeX", "TeX", "application/x-latex", "text/latex"]
)
def test_an_annotation_in_tex_goes_first_whatever_its_name(encoding: str) -> None:
    tree: Any = HTMLTree.parse(
        f"<math alttext=z><mi>x</mi><annotation encoding='{encoding}'>y</annotation></math>"
    )
    assert tex_of_mathml(tree.document.query_selector("math")) == ("y", "annotation")


def test_what_is_nested_too_deep_is_not_translated() -> None:
    assert translated("<mrow>" * 90 + "<mi>x</mi>") == "x"
    assert translated("<mrow>" * 10_000 + "<mi>x</mi>") is None
