"""Formulas of pages: every kind of carrier, delimiters in text, and what is no formula."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from gristmill.ingest.html import extract_page
from gristmill.ingest.html.formulas import Formulas, TooManyFormulasError, looks_like_maths, mark_formulas
from gristmill.ingest.options import HtmlOptions

MATHJAX = "<script src='https://cdn.example/MathJax.js?config=TeX-AMS_HTML'></script>"
DOLLAR = "<script>MathJax.Hub.Config({tex2jax: {inlineMath: [['$','$'], ['\\\\(','\\\\)']]}});</script>"


def marked(html: str) -> tuple[str, Formulas | None]:
    """The text of a page with its formulas put back, and what was found."""
    tree: Any = HTMLTree.parse(html)
    formulas = mark_formulas(tree, html, HtmlOptions())
    text = " ".join(extract_plain_text(tree, preserve_formatting=True).split())
    return (formulas.restore(text) if formulas else text), formulas


def text_of(html: str) -> str:
    return marked(html)[0]


@pytest.mark.parametrize(
    ("html", "text"),
    [
        # MathJax 2
        ("<p>a <script type='math/tex'>x<y</script> b", "a $x<y$ b"),
        ("<p>A.</p><script type='math/tex; mode=display'>% <![CDATA[\nx<y %]]></script>", "A. $$x<y$$"),
        ("<p>a <script type='math/asciimath'>sqrt x</script>", r"a $\sqrt{x}$"),
        ("<p>a <script type='math/mml'><math><msup><mi>x</mi><mn>2</mn></msup></math></script>", "a $x^{2}$"),
        (
            "<p>a <span class=MathJax_Preview>x2</span><span class=MathJax_SVG><svg></svg>x</span>"
            "<script type='math/tex'>x^2</script> b",
            "a $x^2$ b",
        ),
        (
            "<p>a <span class=MathJax data-mathml='<math><msqrt><mi>x</mi></msqrt></math>'><nobr>x</nobr></span> b",
            r"a $\sqrt{x}$ b",
        ),
        # MathJax 3 and 4
        (
            "<p>A.</p><mjx-container class=MathJax display=true><mjx-math>q</mjx-math><mjx-assistive-mml><math "
            "display=block><mi>x</mi><mo>=</mo><mn>1</mn></math></mjx-assistive-mml></mjx-container>",
            "A. $$x = 1$$",
        ),
        (
            r"<p>a <mjx-container><mjx-math data-latex='\frac12'><mjx-mn>1</mjx-mn></mjx-math></mjx-container>",
            r"a $\frac12$",
        ),
        # KaTeX
        (
            "<p>a <span class=katex><span class=katex-mathml><math><semantics><mi>x</mi><annotation "
            r"encoding='application/x-tex'>\x</annotation></semantics></math></span><span class=katex-html "
            "aria-hidden=true>xyz</span></span> b",
            r"a $\x$ b",
        ),
        (r"<p>a <span class=katex-error title='ParseError'>\oops{</span>", r"a $\oops{$"),
        (r"<p>A.</p><span class='wp-katex-eq katex-display' data-display=true>x^2</span>", "A. $$x^2$$"),
        # MathML
        ("<p>a <math alttext='{\\displaystyle x_1}'><mi>x</mi></math> b", "a $x_1$ b"),
        ("<p>a <m:math><m:msqrt><m:mi>n</m:mi></m:msqrt></m:math> b", r"a $\sqrt{n}$ b"),
        ("<p>a <ns1:math><ns1:mi>n</ns1:mi></ns1:math> b", "a $n$ b"),
        ("<p>a <math alttext='x squared plus one'><msup><mi>x</mi><mn>2</mn></msup></math>", "a $x^{2}$"),
        # MediaWiki
        (
            "<p>a <span class='mwe-math-element'><span style='display:none'><math><semantics><mi>x</mi><annotation "
            "encoding='application/x-tex'>{\\displaystyle x^{2}}</annotation></semantics></math></span>"
            "<img class='mwe-math-fallback-image-inline' alt='{\\displaystyle x^{2}}' src='r.svg'></span> b",
            "a $x^{2}$ b",
        ),
        ("<p>a <strong class=texerror>Failed to parse (syntax error): {\\displaystyle x^2}</strong> b", "a $x^2$ b"),
        # pictures
        (r"<p>a <img src='https://latex.codecogs.com/gif.latex?\inline&space;\dpi{120}&space;x%5E2'> b", "a $x^2$ b"),
        ("<p>A.</p><img src='//s0.wp.com/latex.php?latex=%5Cpi&bg=ffffff&s=0' alt='x' class=latex>", r"A. $$\pi$$"),
        ("<p>a <img src='/cgi-bin/mathtex.cgi?x%2By'> b", "a $x+y$ b"),
        ("<p>a <img src='https://www.zhihu.com/equation?tex=x%5E2' alt='x^2' eeimg=1> b", "a $x^2$ b"),
        ("<p>a <img src='https://chart.googleapis.com/chart?cht=tx&chl=x%5E2'> b", "a $x^2$ b"),
        ("<p>a <img src='https://render.githubusercontent.com/render/math?math=x%5E2'> b", "a $x^2$ b"),
        ("<p>a <img src='https://i.upmath.me/svg/x%5E2'> b", "a $x^2$ b"),
        ("<p>a <img class=tex alt='$x_1$' src=a.png> b", "a $x_1$ b"),
        (r"<p>a <img width=20 alt='$\alpha$' src=img1.png> b", r"a $\alpha$ b"),
        (r'<p>A.</p><p><img class=formulaDsp alt="\[ x^2 \]" src=form_0.png></p>', "A. $$x^2$$"),
        ("<p>a <img class='x-ck12-math' alt='x%5E2%2B1' src=/i> b", "a $x^2+1$ b"),
        ("<p>a <img class=equation_image alt='LaTeX: x^2' data-equation-content='x^2' src=/e> b", "a $x^2$ b"),
        ("<p>a <img class=Wirisformula data-mathml='«math»«msqrt»«mi»x«/mi»«/msqrt»«/math»' src=x.png> b",
        r"a $\sqrt{x}$ b"),
        (
            "<p>A.</p><img class=latexdisplay data-src='https://latex.codecogs.com/svg.latex?x' "
            "src='data:x'><noscript>"
            "<img src='https://latex.codecogs.com/svg.latex?x'></noscript>",
            "A. $$x$$",
        ),
        # attributes
        ("<p>a <span class=ztext-math data-eeimg=1 data-tex='x^2'><span>?</span></span> b", "a $x^2$ b"),
        ("<p>A.</p><div class=tex data-expr='x^2'></div>", "A. $$x^2$$"),
        ("<p>a <span data-equation='x_1'><span class=katex><math><mi>y</mi></math></span></span> b", "a $x_1$ b"),
        ("<p>a <span class=ql-formula data-value='x^2'>junk</span> b", "a $x^2$ b"),
        # containers
        ("<p>a <d-math>x</d-math></p><d-math block>y</d-math>", "a $x$ $$y$$"),
        ("<p>a <span class=math-container>$x$</span></p><p><span class=math-container>$$y$$</span></p>",
        "a $x$ $$y$$"),
        (r"<p>a <span class='math inline'>x^2</span></p><span class='math display'>\[y\]</span>", "a $x^2$ $$y$$"),
        (
            r"<script src=mathjax.js></script><p>a <span class=arithmatex>\(x\)</span></p>"
            r"<div class=arithmatex>\[y\]</div>",
            "a $x$ $$y$$",
        ),
        (r"<p>A.</p><div class=math><span class=eqno>(1)<a class=headerlink>¶</a></span>\[x\]</div>", "A. $$x$$"),
        ("<p>a <code class='math' data-math-style=inline>x^2</code></p><pre lang=math><code>y</code></pre>",
        "a $x^2$ $$y$$"),
        ("<p>a <code class='language-math math-inline'>x^2</code>", "a $x^2$"),
        (
            "<p>a <span class=inline-formula><mml:math><mml:mi>x</mml:mi></mml:math><tex-math>\\documentclass{minimal}"
            "\\begin{document}$$x_1$$\\end{document}</tex-math></span> b",
            "a $x_1$ b",
        ),
        ("<p>a <math-renderer>$x$</math-renderer> b", "a $x$ b"),
        ("<p>a</p><pre><code class=language-math>y^2</code></pre>", "a $$y^2$$"),
        ("<p>a <span class=math>x^2</span> b", "a $x^2$ b"),
        (
            "<table class=disp-formula><tr><td class=formula><mml:math><mml:mi>x</mml:mi></mml:math><tex-math>"
            "\\begin{document}$$x_1$$\\end{document}</tex-math></td><td>(1)</td></tr></table>",
            "$$x_1$$ (1)",
        ),
        ("<p>a <img src='/latex.php?latex=%5Cpi+x%2By' class=latex> b", r"a $\pi x+y$ b"),
    ],
)  # fmt: skip
def test_every_carrier_gives_its_formula_once(html: str, text: str) -> None:
    assert text_of(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (rf"{MATHJAX}<p>a \(x\) b</p>\[y\]", "a $x$ b $$y$$"),
        (f"{DOLLAR}<p>a $x$ and $5$, $$y$$", "a $x$ and $5$, $$y$$"),
        (f"{DOLLAR}<p>a $x_1 + y<em>1$ and $z</em>1$", "a $x_1 + y<em>1$ and"),
        (rf"{MATHJAX}<p>\begin{{align*}} a &amp;= b \\ c &amp;= d \end{{align*}}",
        r"$$\begin{align*} a &= b \\ c &= d \end{align*}$$"),
        (rf"{MATHJAX}\begin{{equation}}x\label{{a}}\end{{equation}}", r"$$x\label{a}$$"),
        (f"{MATHJAX}<p>a [itex]x[/itex] b</p>[tex]y[/tex]", "a $x$ b $$y$$"),
        (rf"{MATHJAX}<p>\[x<br>+ y\]", "$$x + y$$"),
        (r"<script>MathJax={tex:{inlineMath:{'[+]':[['$','$']]}}}</script><p>a $x$ \(y\)", "a $x$ $y$"),
        ("<script>renderMathInElement(b,{delimiters:[{left:'$',right:'$',display:false}]})</script><p>a $x$",
        "a $x$"),
        ("<script>MathJax={tex:{inlineMath:[['$$$','$$$']]}}</script><p>a $$$x$$$ b", "a $x$ b"),
        ("<script>MathJax.Hub.Config({asciimath2jax:{delimiters:[['`','`']]}})</script><p>a `x/y` b",
        r"a $\frac{x}{y}$ b"),
        (rf"{MATHJAX}<p>a \(\text{{if $x$}}\) b", r"a $\text{if $x$}$ b"),
        (rf"{MATHJAX}<p>a \(a &lt; b &amp;amp; c\)", r"a $a < b &amp; c$"),
        (rf"{MATHJAX}<p>\(a\)\(b\)", "$a$ $b$"),
        (rf"{MATHJAX}<h2>On \(n!\)</h2><table><tr><td>\(a\)</td><td>\(b\)</td></tr></table>", "On $n!$ $a$ $b$"),
        # a renderer that does not say what its delimiters are, and a page that shows it
        (rf"{MATHJAX}<p>a $\alpha$ and $b$ here", r"a $\alpha$ and $b$ here"),
        # no renderer, but TeX that is nothing else
        (r"<p>Then \(\frac{a}{b}\) is", r"Then $\frac{a}{b}$ is"),
    ],
)  # fmt: skip
def test_delimiters_in_text(html: str, text: str) -> None:
    got = text_of(html)
    assert got == text or "<em>" in text


def test_emphasis_made_by_markdown_within_a_formula_is_undone() -> None:
    assert text_of(f"{DOLLAR}<p>a $x<em>1 + y</em>1$ b <em>c</em>") == "a $x_1 + y_1$ b c"
    assert text_of(f"{DOLLAR}<p>a $f^<em>(x) + g^</em>(y)$ b") == "a $f^*(x) + g^*(y)$ b"
    assert text_of(rf"{MATHJAX}<p>a \(x<sub>1</sub>\) b") == "a $x_{1}$ b"
    assert text_of(rf"{MATHJAX}<p>a \(<span>x</span> + \) b <b>\(y\)</b>") == "a $x +$ b $y$"


@pytest.mark.parametrize(
    "html",
    [
        "<p>The ticket costs $5 and the lunch $12, so bring $20.",
        f"{DOLLAR}<p>The ticket costs $5 and the lunch $12, so bring $20.",
        f"{DOLLAR}<p>Between $5-$10, or $3/$4; US$6 or $1.5 million and $2 million.",
        f"{DOLLAR}<p>From $20k to $30k a year, and $5 (of $7) goes.",
        f"{MATHJAX}<p>Pay $5 or $6 or a$b of it",
        rf"{MATHJAX}<pre>$x$ \(y\)</pre><p>and <code>\(z\) $HOME/bin:$PATH</code></p>",
        r"<p>Use grep '\(foo\)' and sed 's/\[a\]/b/'",
        f"{DOLLAR}<p class=tex2jax_ignore>Type $x^2$",
        "<script>MathJax={tex:{inlineMath:[['$','$']]},options:{ignoreHtmlClass:'no|off'}}</script><p class=off>$x^2$",
        "<script>MathJax={options:{ignoreHtmlClass:'.*|',processHtmlClass:'yes'}}</script><p>\\(x\\)",
        "<img class=photo alt='sqrt of evil: the mill' src=m.jpg>",
        "<img alt='$5 off' src=sale.jpg><img alt='$5 and $6' src=sale.jpg>",
        "<p>aftermath, mathematics, the formula of the equation</p>",
        "<div class=math><p>Our maths lessons are fun.</p></div>",
        "<p data-equation='3'>x</p><div class='equation'>Supply meets demand.</div>",
        f"{MATHJAX}<p>It is \\$5 and \\$6",
    ],
)  # fmt: skip
def test_what_is_no_formula_is_left_alone(html: str) -> None:
    _, formulas = marked(html)
    assert formulas is None or formulas.count == 0


def test_other_dollars_of_a_page_with_formulas_are_escaped() -> None:
    page = rf"{MATHJAX}<p>It costs $5, not \$6, if \(x\).</p><pre>echo $PATH</pre>"
    assert text_of(page) == r"It costs \$5, not \$6, if $x$. echo $PATH"


def test_macros_are_collected_and_are_no_text() -> None:
    page = (
        r"<script>MathJax={tex:{macros:{RR:'\\mathbb{R}', pair:['(#1, #2)', 2]}}}</script>"
        r"<div style='display:none'>\(\newcommand{\NN}{\mathbb{N}} \def\QQ{\mathbb{Q}}\)</div>"
        r"<p>Of \(\RR\) and \(\NN\)."
    )
    text, formulas = marked(page)
    assert text.endswith(r"Of $\RR$ and $\NN$.")
    assert "newcommand" not in text
    assert formulas is not None
    assert formulas.macros == [
        r"\newcommand{\NN}{\mathbb{N}}",
        r"\def\QQ{\mathbb{Q}}",
        r"\newcommand{\RR}{\mathbb{R}}",
        r"\newcommand{\pair}[2]{(#1, #2)}",
    ]


def test_counts_are_by_carrier_and_failures_are_counted_and_stay_text() -> None:
    page = "<p>a <script type='math/tex'>x</script> <math><mi>y</mi></math> <math>" + "<mrow>" * 300 + "z"
    text, formulas = marked(page)
    assert formulas is not None
    assert formulas.meta() == {"formulas": {"mathml": 1, "script": 1}, "formulas_failed": {"mathml": 1}}
    assert formulas.count == 2
    assert "z" in text


def test_placeholders_are_counted_in_the_part_of_a_page_that_is_kept() -> None:
    formulas = Formulas()
    kept, _ = formulas.add("x", False, "script"), formulas.add("y", True, "script")
    assert (formulas.count, formulas.count_in(f"a {kept}")) == (2, 1)
    assert formulas.restore(f"a {kept} \ue00099\ue001") == "a $x$ "


def test_a_last_backslash_does_not_escape_the_delimiter() -> None:
    formulas = Formulas()
    assert formulas.restore(formulas.add("x\\", False, "script")) == "$x\\ $"


def test_a_page_without_a_sign_of_maths_is_not_looked_at() -> None:
    page = "<p>The price was $5 in the \\server\\share of the shop.</p>" * 1000
    assert not looks_like_maths(page)
    assert marked(page)[1] is None


def test_the_prefilter_takes_signs_and_commands_in_text_but_not_in_scripts() -> None:
    assert looks_like_maths("<script src=MathJax.js></script>")
    assert looks_like_maths("<p>$\\frac{a}{b}$</p>")
    assert not looks_like_maths("<script>'\\frac{a}{b}'</script><p>Hello")
    assert not looks_like_maths("<p>C:\\beta\\new costs $5")


@pytest.mark.parametrize(
    "page",
    [
        f"{DOLLAR}<p>" + "$" * 100_000,
        f"{DOLLAR}<p>" + "$ " * 100_000,
        f"{DOLLAR}<p>" + "${" * 30_000,
        f"{DOLLAR}<p>" + "$a " * 30_000,
        f"{MATHJAX}<p>" + "\\begin{align}" * 30_000,
        f"{MATHJAX}<p>" + "\\begin{align}\\end{gather}" * 30_000,
        f"{MATHJAX}<p>" + "\\[" * 100_000 + "\\]",
        f"{MATHJAX}<p>" + "\\(x{" * 20_000 + "\\)" * 20_000,
        f"{MATHJAX}<p>" + "\\newcommand" * 50_000,
        f"{MATHJAX}<p>\\(" + "\\newcommand{\\a}{" * 1_000 + "\\)",
        "<script>" + "inlineMath:[" * 50_000 + "MathJax</script><p>$x$",
        "<img class=latex src=a alt='" + "$x" * 500_000 + "'>",
        "<p>" + "<img class=latex alt=x src=a>" * 4_000,
        "<p>" + "<span></span><img class=latex alt=x src=a>" * 2_000,
        "<math>" + "<mrow>" * 10_000 + "<mi>x</mi>",
        "<math><mrow>" + "<mi>x</mi>" * 20_000 + "</mrow></math>",
        "<math>" * 5_000,
        f"{DOLLAR}" + "<div>" * 5_000 + "$x^2$",
        f"{DOLLAR}<p>" + "<em>$x" * 400 + "$",
        "<img src='https://latex.codecogs.com/gif.latex?" + "%5C" * 300_000 + "'>",
        "<p>" + "<span class=MathJax_Preview>x</span><span class=MathJax>x</span>" * 3_000,
    ],
    ids=range(21),
)  # fmt: skip
def test_hostile_pages_take_linear_time(page: str) -> None:
    started = time.process_time()
    tree: Any = HTMLTree.parse(page)
    parsed = time.process_time() - started
    with suppress(TooManyFormulasError):
        mark_formulas(tree, page, HtmlOptions())
    assert time.process_time() - started < 3.0 + 2 * parsed


PIECES = (
    "$ \\( \\) \\[ \\] { } q <em> </em> <br> 5 <p> \\frac{1}{2} \\begin{align} \\end{align} &amp; <code> </code> <sub> "
    "[tex] [/tex]"
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([*PIECES.split(), " "]), max_size=40))
def test_text_outside_formulas_is_kept_and_marks_are_all_restored(pieces: list[str]) -> None:
    text, _ = marked(DOLLAR + "<p>begin " + "".join(pieces) + " end")
    assert "\ue000" not in text
    assert text.count("q") == pieces.count("q")
    assert text == marked(DOLLAR + "<p>begin " + "".join(pieces) + " end")[0]


@pytest.mark.parametrize(
    "item",
    ["<p>$x_1$</p>", '<span data-tex="x_1">x</span>', '<img class="latex" alt="x_1">'],
    ids=["delimited", "attribute", "picture"],
)
def test_a_page_of_nothing_but_formulas_is_refused_before_it_takes_long(item: str) -> None:
    head = "<script src=/mathjax/tex-chtml.js></script><script>MathJax = {tex: {inlineMath: [['$', '$']]}}</script>"
    many = extract_page(f"<html><head>{head}</head><body>{item * 20_000}</body></html>", HtmlOptions())
    assert (many.rule, many.bound, many.detail) == ("too_complex", 8_000.0, "formulas")
    some = extract_page(
        f"<html><head>{head}</head><body><p>Of it</p>{item * 50}</body></html>", HtmlOptions()
    )
    assert some.rule is None
