"""The signs of formulas in a page: none is missed, and few are seen where there is none."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from resiliparse.parse.html import HTMLTree

from gristmill.ingest.html import formulas
from gristmill.ingest.html.carriers import CARRIER_ATTRIBUTES, CARRIER_WORDS
from gristmill.ingest.html.delimiters import COMMAND_NAMES
from gristmill.ingest.html.formula_images import IMAGE_ATTRIBUTES, IMAGE_WORDS
from gristmill.ingest.html.signs import Signs, find_signs
from gristmill.ingest.options import HtmlOptions

ANY = Signs(True, True, True)


@pytest.mark.parametrize(
    "page",
    [
        "<p>a <b class='{}'>",
        '<p>a <b class="{}">',
        "<p>a <b class={}>",
        '<p>a <b id=1 class = "a\n{} b">',
        "<p>a <{}>",
        "<p>a <ns1:{} a=b>",
        '<p title="a > b" class="{}">',
        "<p title=\"a='b\" CLASS='{}'>",
    ],
)
def test_every_carrier_is_seen_as_a_class_and_as_a_tag_in_any_alphabet(page: str) -> None:
    for word in sorted(CARRIER_WORDS | IMAGE_WORDS):
        for before in ("", "é", "Ж", "\U0001f600"):
            assert find_signs(before + page.format(word)).carrier, word
            assert find_signs(before + page.format(word.upper())).carrier, word


@pytest.mark.parametrize("name", sorted(CARRIER_ATTRIBUTES | IMAGE_ATTRIBUTES))
def test_every_attribute_with_a_formula_is_seen(name: str) -> None:
    assert find_signs(f'<p>a <img src=a.png {name}="x">').carrier
    assert find_signs(f"<p>a <b {name.upper()} = x>").carrier


@pytest.mark.parametrize(
    "address",
    [
        "https://latex.codecogs.com/svg.image?x",
        "http://www.codecogs.com/gif.download?x",
        "/cgi-bin/mimetex.cgi?x",
        "/cgi-bin/mathtex.exe?x",
        "//s0.wp.com/latex.php?latex=x",
        "https://www.zhihu.com/equation?tex=x",
        "https://chart.googleapis.com/chart?cht=tx&chl=x",
        "https://render.githubusercontent.com/render/math?math=x",
        "https://i.upmath.me/svg/x",
        "//tex.s2cms.ru/png/x",
        "https://www.ck12.org/flx/math/inline/x",
        "https://math.now.sh?from=x",
        "http://texify.com/img/x.gif?x",
        "https://wikimedia.org/api/rest_v1/media/math/render/svg/0a",
        "/mediawiki/images/math/0/a/b/0ab.png",
        "_images/math/0ab.png",
        "/pluginfile.php/filter/tex/pix.php/0ab.png",
        "/pluginwiris_engine/wiris/0ab.png",
        "/equation_images/x",
        "/svg.image?x",
        "/eqn?eq=x",
        "https://numberempire.com/cgi-bin/render2.cgi?x",
    ],
)
def test_every_address_of_a_picture_of_a_formula_is_seen(address: str) -> None:
    assert find_signs(f'<p>a <img alt="x" src="{address}">').carrier
    assert find_signs(f"<p>a <img data-src={address} alt=x>").carrier


@pytest.mark.parametrize("alt", ["$x$", " $x$ ", r"\(x\)", r"\[ x \]", r"\begin{align}x\end{align}", "$$x$$"])
def test_an_alt_text_that_is_a_delimited_formula_is_seen(alt: str) -> None:
    assert find_signs(f"<img alt='{alt}' src=1.png>").carrier
    assert find_signs(f'<img ALT = "{alt}" src=1.png>').carrier


def test_every_command_is_seen_in_text_and_not_in_a_script() -> None:
    for name in COMMAND_NAMES:
        assert find_signs(f"<script>x</SCRIPT><p>so \\{name}\\{{x}}").command, name
        assert not any(find_signs(f"<script>a='\\{name}\\{{x}}'</script><p>so")[:3]), name


@pytest.mark.parametrize(
    "name", ["MathJax.js", "katex.min.js", "jsMath/load.js", "ASCIIMathML.js", "mathquill.js"]
)
def test_a_renderer_is_seen_and_so_is_its_configuration(name: str) -> None:
    assert find_signs(f"<script src='/js/{name}'></script>").renderer
    assert find_signs("<script>renderMathInElement(document.body)</script><script src=katex.js>").renderer


@pytest.mark.parametrize(
    "page",
    [
        "<p>My math test, a formula for success, the equation, a latex mattress, TeX.",
        "<p>Say \"math, or 'formula' and 'latex'.",
        "<a href='https://math.stackexchange.com/q/1' title='math'>math</a><a href=/latex/>",
        "<i class='favicon favicon-math'></i><i class='rank-math aftermath mathematics contextual'></i>",
        '<script>Math.floor(2*Math.random()); var a = {\'math\': 1, "latex": 2}; b="equation"</script>',
        "<script src='/js/math.js'></script><link href='/latex.css' rel=stylesheet><style>.math{}</style>",
        "<img src='/vortexcannon/texas.png' alt='Texas formula'><img src='data:image/png;base64,aTEx/TExa='>",
        "<img alt='$5 off' src=a><img alt='${user.name}' src=b><img alt='C:\\beta\\new' src=c>",
        "<p>C:\\beta\\new \\server\\share and \\u003c <script>'\\new \\text{x}'</script>",
    ],
)
def test_the_words_alone_are_no_sign(page: str) -> None:
    assert not any(find_signs(page)[:3])


def test_a_page_with_too_many_places_to_look_at_is_taken_to_have_formulas() -> None:
    assert find_signs("<p>math " * 255) == Signs(False, False, False, " ".join(["math"] * 255))
    assert find_signs("<p>math " * 256) == ANY


PIECES = (
    "<p> <b </b> <img > class= class=' alt=' src=' ' \" math latex tex katex <math> $x$ \\(x\\) \\frac12 \\alpha "
    "data-tex='x_1' <script> </script> MathJax src='/latex.php?latex=x_1' type='math/tex' <!-- --> é 中"
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([*PIECES.split(), " ", ">"]), max_size=12))
def test_a_page_without_a_sign_has_no_formula(pieces: list[str]) -> None:
    page = "".join(pieces)
    tree: Any = HTMLTree.parse(page)
    if not any(find_signs(page)[:3]):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(formulas, "find_signs", lambda html: ANY)
            found = formulas.mark_formulas(tree, page, HtmlOptions())
        assert found is None or found.count == 0


@pytest.mark.parametrize(
    "page",
    ["math" * 500_000, "=" * 2_000_000, "alt=" + " " * 2_000_000 + "$", "alt='$" * 300_000, "\\new " * 400_000,
     "<script>" + "\\alpha " * 300_000, "<b title='" + "a=" * 500 + " math' " * 2_000, "<img src=" + "tex/" * 500_000],
    ids=range(8),
)  # fmt: skip
def test_hostile_pages_are_looked_through_in_linear_time(page: str) -> None:
    started = time.process_time()
    find_signs(page)
    assert time.process_time() - started < 0.5
