"""The main content of pages, by our own engine: what is kept, what is dropped, and how it is written."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.ingest.html import Page, extract_page
from gristmill.ingest.html._features import FEATURES, N_CONTEXT, N_FEATURES
from gristmill.ingest.html._rules import agree_on_paths
from gristmill.ingest.html._scan import CONTAINER, N_BLOCK
from gristmill.ingest.options import HtmlOptions
from tests.ingest.html.pages import ASIDE, SENTENCES, article, forum

_PARTS = (
    "<p>",
    "<div>",
    "</div>",
    "</p>",
    "<b>",
    "</b>",
    "<table>",
    "<tr>",
    "<td>",
    "</table>",
    "<ul>",
    "<li>",
    "<pre>",
    "</pre>",
    "<br>",
    "<svg>",
    "</svg>",
    "<code>",
    "<h1>",
    "<!--",
    "-->",
    "<script>",
    "</script>",
    "<xmp>",
    "<plaintext>",
    "<noscript>",
    "<a/href=x>",
    "</a>",
    "<select>",
    "<template>",
    "<math>",
    "&",
    "&amp;",
    "&#0;",
    "<",
    "<x",
    "<title>",
    "</title>",
    "<dialog>",
    "<img>",
    "<p/class=/id='",
    "hidden>",
)


def extracted(html: str, **options: object) -> Page:
    return extract_page(
        html,
        HtmlOptions.model_validate({"formulas": False, **options}),
        url="https://mill.example/2024/a-day",
    )


def test_an_article_is_kept_without_what_is_around_it() -> None:
    page = extracted(article())
    assert all(sentence in page.text for sentence in SENTENCES)
    assert not any(word in page.text for word in ("Imprint", "Prices", "Related", "rights reserved"))
    assert page.quality is not None
    assert page.quality > 0.5


def test_all_that_is_shown_is_taken_where_the_main_content_is_not_asked_for() -> None:
    text = extracted(article(), main_content=False).text
    assert all(part in text for part in ("Imprint", "Prices", "Related articles", SENTENCES[0]))


def test_posts_of_a_forum_are_kept_without_their_buttons() -> None:
    text = extracted(forum()).text
    assert all(f"In answer {n} I would add" in text for n in range(6))
    assert "Report" not in text


def test_a_formula_on_its_own_stays_with_the_text_beside_it() -> None:
    html = article().replace("</p>", "</p><div><script type='math/tex; mode=display'>x^2</script></div>", 1)
    page = extract_page(html, HtmlOptions())
    assert "$$x^2$$" in page.text
    assert page.formulas == 1


def test_blocks_of_one_path_are_judged_alike_but_not_on_articles() -> None:
    features = np.zeros((N_FEATURES + N_CONTEXT, 4), np.float32)
    paths, blocks = np.ones((2, 2), np.uint64), np.zeros((4, N_BLOCK), np.int32)
    blocks[3, CONTAINER], paths[1] = 1, 3
    chance = np.array([0.9, 0.9, 0.1, 0.1])
    agree_on_paths(features, paths, blocks, chance)
    assert chance[2] > 0.3
    assert chance[0] < 0.9
    assert chance[3] == pytest.approx(0.1)
    features[FEATURES.index("type.article")] = 1
    chance = np.array([0.9, 0.9, 0.1, 0.1])
    agree_on_paths(features, paths, blocks, chance)
    assert chance.tolist() == [0.9, 0.9, 0.1, 0.1]


def test_comments_below_an_article_are_left_out_where_the_page_says_it_is_one() -> None:
    comments = "<section class='comments'>" + "".join(
        f"<div class='comment'><p>Comment {n}: my uncle had such a mill, and it never stopped.</p></div>"
        for n in range(4)
    )
    html = article(head="<meta property='og:type' content='article'>", after=comments + "</section>")
    assert "my uncle had" not in extracted(html).text


@pytest.mark.parametrize(
    "hidden",
    [
        "<p hidden>{}</p>",
        "<p style='color:red; Display : none'>{}</p>",
        "<p aria-hidden=true>{}</p>",
        "<div style='visibility:hidden'><p>{}</p></div>",
        "<template><p>{}</p></template>",
        "<script>{}</script>",
        "<style>{}</style>",
        "<svg><title>{}</title></svg>",
        "<iframe>{}</iframe>",
        "<noscript><p>{}</p></noscript>",
        "<textarea>{}</textarea>",
        "<select><option>{}</select>",
        "<dialog><p>{}</p></dialog>",
        "<!-- {} -->",
        "<ruby>水<rt>{}</rt></ruby>",
    ],
)
def test_what_is_not_shown_is_no_text(hidden: str) -> None:
    body = "".join(f"<p>{sentence}</p>" for sentence in SENTENCES)
    for main_content in (True, False):
        assert (
            "unseen secret"
            not in extracted(article(body + hidden.format("unseen secret")), main_content=main_content).text
        )


def test_a_page_that_shows_nothing_without_scripts_is_read_from_its_noscript() -> None:
    posts = "".join(f"<div class=post><p>{sentence}</p></div>" for sentence in SENTENCES * 2)
    html = f"<html><body><div id=app></div><noscript><h1>Stones</h1>{posts}</noscript></body></html>"
    assert SENTENCES[0] in extracted(html).text


def test_a_page_that_its_scripts_fill_in_is_read_from_its_data() -> None:
    body = " ".join(SENTENCES)
    data = f'{{"@type": "NewsArticle", "headline": "Mills", "articleBody": "{body}"}}'
    page = extracted(
        f"<html><body><div id=app>Loading</div><script type='application/ld+json'>{data}</script></body></html>"
    )
    assert page.text == body
    assert page.from_data


def test_a_product_has_its_description_from_the_data_where_it_is_not_shown() -> None:
    said = "Stone-ground rye flour, milled slowly at low heat so that the germ keeps its oil and the bread its taste."
    data = f'<script type="application/ld+json">{{"@type": "Product", "name": "Rye", "description": "{said}"}}</script>'
    shown = f"<main><h1>Rye flour</h1><p>{SENTENCES[0]}</p><p>{SENTENCES[1]}</p></main>"
    assert extracted(data + shown).text.endswith(said)
    assert extracted(data + shown + f"<p>{said}</p>").text.count("the germ keeps its oil") == 1


def test_facts_are_read_from_the_head() -> None:
    head = (
        "<link rel=canonical href='/a-day?x=1&amp;y=2'><meta name=author content='A. Miller'>"
        "<meta property='article:published_time' content='2024-05-06T07:08:09Z'>"
    )
    page = extracted(article(head=head))
    assert (page.title, page.lang, page.author) == ("A day at the mill", "en", "A. Miller")
    assert page.canonical_url == "https://mill.example/a-day?x=1&y=2"
    assert page.date == "2024-05-06T07:08:09Z"
    assert page.meta()["canonical_url"] == page.canonical_url


def test_lists_are_written_with_their_marks_and_nested() -> None:
    html = "<ul><li>Rye</li><li>Oats<ol><li>whole</li><li>rolled</li></ol></li></ul>"
    assert extracted(html, main_content=False).text == "- Rye\n- Oats\n  1. whole\n  2. rolled"


def test_rows_of_a_table_are_lines() -> None:
    head = "<tr><th>Grain</th><th>Price</th></tr>"
    html = f"<table>{head}<tr><td>Rye</td><td>a|b</td></tr><tr><td></td><td>5</td></tr></table>"
    assert extracted(html, main_content=False).text == "Grain | Price\nRye | a|b\n5"
    assert extracted(html, main_content=False, format="markdown").text == (
        "| Grain | Price |\n| --- | --- |\n| Rye | a\\|b |\n|  | 5 |"
    )


def test_markdown_marks_headings_code_and_quotes() -> None:
    html = (
        "<h2>Grinding  <b>stones</b></h2><p>Call <code>mill(x)</code> twice.</p><pre>for x in y:\n    mill(x)\n</pre>"
        "<blockquote><p>Bread first.</p></blockquote>"
    )
    page = extracted(html, main_content=False, format="markdown")
    assert page.text == (
        "## Grinding stones\n\nCall `mill(x)` twice.\n\n```\nfor x in y:\n    mill(x)\n```\n\n> Bread first."
    )
    assert page.code_blocks == 1
    assert "for x in y:\n    mill(x)" in extracted(html, main_content=False).text


def test_white_space_and_entities_are_those_of_a_browser() -> None:
    html = "<p>a&nbsp;b   c\n d&amp;amp; &lt;i&gt; &quot;e&quot;<br>f<br><br>g <span>h</span>i</p><p>j</p>"
    assert extracted(html, main_content=False).text == 'a b c d&amp; <i> "e"\nf\n\ng hi\n\nj'


def test_placeholders_cannot_be_forged() -> None:
    page = extracted("<p>x\ue0000\ue001y &#xE000;1&#57345; &#xe0002;z</p>", main_content=False)
    assert not any("\ue000" <= character <= "\ue002" for character in page.text)


def test_lone_surrogates_do_not_raise() -> None:
    assert extracted("<p>a\ud800b</p>", main_content=False).text == "a?b"


def test_the_text_does_not_depend_on_the_pages_before() -> None:
    pages = [article(), forum(), "<p>short", article(ASIDE), forum(2)]
    alone = [extracted(html) for html in pages]
    order = list(range(len(pages))) * 2
    random.Random(1).shuffle(order)
    assert [extracted(pages[n]) for n in order] == [alone[n] for n in order]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(_PARTS),
            st.text(max_size=12),
        ),
        max_size=40,
    ),
    st.sampled_from(["text", "markdown"]),
    st.booleans(),
)
def test_any_page_is_read(parts: list[str], form: str, main_content: bool) -> None:
    page = extracted("".join(parts), format=form, main_content=main_content)
    assert page.rule in (None, "too_complex", "too_deep")
    assert page == extracted("".join(parts), format=form, main_content=main_content)
