"""The text of a page, and the limits that keep one page from stopping the mill."""

from __future__ import annotations

import time

import pytest

from gristmill.ingest.html import Page, extract_page
from gristmill.ingest.options import HtmlOptions


def extracted(html: str, main_content: bool = True, max_tags: int = 200_000, max_depth: int = 512) -> Page:
    return extract_page(html, HtmlOptions(main_content=main_content, max_tags=max_tags, max_depth=max_depth))


def test_the_main_content_is_taken_and_the_menu_is_not() -> None:
    html = (
        "<html lang='EN-gb'><head><title> The \n mill </title></head><body><nav><a href=/>Home</a></nav>"
        "<main><h1>The mill</h1><p>It stands at the river.</p></main><footer>Imprint</footer></body></html>"
    )
    page = extracted(html)
    assert (page.text, page.title, page.lang) == ("The mill\n\nIt stands at the river.", "The mill", "en-gb")
    assert "Imprint" in extracted(html, main_content=False).text


def test_where_no_main_content_is_found_all_text_is_taken() -> None:
    assert extracted("<body><nav>Home</nav></body>").text == "Home"


def test_scripts_styles_and_noscript_are_no_text() -> None:
    assert extracted("<body><script>x()</script><style>p{}</style><noscript>On</noscript>").text == ""


@pytest.mark.parametrize("html", ["", " ", "<", "<html>", "<!---", "plain words", "</p></p>", "\ufffd<p"])
def test_odd_pages_do_not_raise(html: str) -> None:
    assert extracted(html).rule is None


@pytest.mark.parametrize("engine", ["gristmill", "resiliparse"])
def test_pages_without_a_sign_of_maths_can_be_dropped(engine: str) -> None:
    options = HtmlOptions.model_validate({"engine": engine, "maths_only": True, "main_content": False})
    dropped = extract_page("<title>Maths</title><p>The formula for a good maths test costs $5.", options)
    assert (dropped.text, dropped.title, dropped.rule) == ("", None, "no_maths")
    taken = extract_page("<p>So <script type='math/tex'>x^2</script> is it.", options)
    assert (taken.text, taken.formulas, taken.rule) == ("So $x^2$ is it.", 1, None)
    assert extract_page("<b>" * 700, options).rule == "no_maths"  # before what takes longer


def test_too_many_tags_are_refused() -> None:
    page = extracted("<p>x</p>" * 60, max_tags=100)
    assert (page.rule, page.value, page.bound) == ("too_complex", 120, 100)


def test_deep_nesting_is_refused_and_shallow_is_not() -> None:
    assert extracted("<div>" * 100 + "x", max_depth=102).rule is None
    assert extracted("<div>" * 101 + "x", max_depth=102).rule == "too_deep"


def test_many_attributes_in_one_tag_are_refused_and_long_values_are_not() -> None:
    assert extracted(f"<p {' '.join(f'a{n}=1' for n in range(60_000))}>x").rule == "too_complex"
    assert extracted(f"<p title='{'many words ' * 9_000}'>x</p>").rule is None


def test_long_text_without_tags_is_no_tag_with_many_attributes() -> None:
    assert extracted(f"<pre>{'many words ' * 9_000}</pre>").rule is None
    attributes = " ".join(f"a{n}" for n in range(60_000))
    assert extracted(f"<p title='>' {attributes} alt='<b'>x").rule == "too_complex"


def test_signs_and_quotes_do_not_hide_attributes() -> None:
    attributes = " ".join(f"a{n}" for n in range(60_000))
    assert extracted(f"<p {attributes} <b>x").rule == "too_complex"
    assert extracted("<p " + " ".join(f"a{n}='>'" for n in range(60_000)) + ">x").rule == "too_complex"


def test_depth_is_limited_alike_with_and_without_formulas() -> None:
    for before in ("", "<script type='math/tex'>x</script>"):
        assert extracted(before + "<div>" * 100 + "x", max_depth=102).rule is None
        assert extracted(before + "<div>" * 101 + "x", max_depth=102).rule == "too_deep"


def test_formatting_that_is_left_open_is_refused_and_what_is_closed_or_equal_is_not() -> None:
    assert extracted("".join(f"<p><font size={n}>x" for n in range(2_000))).rule == "too_complex"
    assert extracted("".join(f"<p><font size={n}>x</font>" for n in range(2_000))).rule is None
    assert extracted("<p><font size=1>x" * 400).rule is None


@pytest.mark.parametrize(
    "opened", ["".join(f"<font size={n}>" for n in range(100)), "<b><i><u><s><tt><em>" * 9]
)
def test_a_few_that_are_opened_again_in_every_block_are_refused(opened: str) -> None:
    assert extracted(f"<p>{opened}</p>" + "<p>x</p>" * 20_000).rule == "too_complex"
    assert extracted("<p><b><i>x</i></b></p>" * 20_000).rule is None


def test_deep_lists_do_not_make_text_much_longer_than_the_page() -> None:
    html = "<ul><li>" * 240 + "<li>x" * 5_000
    assert len(extracted(html).text) < 4 * len(html)
    page = extract_page(html, HtmlOptions(engine="resiliparse"))
    assert (page.rule, page.text) == ("too_complex", "")


def test_closing_tags_in_comments_do_not_count() -> None:
    html = "".join(f"<p><font size={n}>x<!-- </font> -->" for n in range(2_000))
    assert extracted(html).rule == "too_complex"


@pytest.mark.parametrize(
    "html",
    [
        "<div>x " * 6_000,
        "<a><div>" * 5_000,
        "<b>x" * 20_000,
        "".join(f"<p><font size={n}>x" for n in range(20_000)),
        "<div " + " ".join(f"a{n}=1" for n in range(60_000)) + ">x",
        "<" * 150_000,
        "<table><tr><td>" * 10_000,
        "<div>" * 400 + "<p>x</p>" * 18_000,
        "<div>" * 500 + "<p>x</p>" * 90_000,
        "<!--" * 20_000,
        "<b x>" * 2_000 + "<!--" * 50_000,
        "<b x>" * 2_000 + "<style>" * 50_000,
        "<script>" * 5_000,
        "<a y=" * 100_000,
        "<p>a b" * 190_000,
    ],
    ids=lambda html: html[:12],
)
def test_no_page_takes_long(html: str) -> None:
    started = time.process_time()
    extracted(html)
    assert time.process_time() - started < 3
