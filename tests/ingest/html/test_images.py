"""The images of a page: which are kept, their addresses, and the lists of text and images."""

from __future__ import annotations

import json
import time
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from gristmill.ingest.html.formulas import mark_formulas
from gristmill.ingest.html.images import Image, Images, mark_images
from gristmill.ingest.html.site_images import without_site_images
from gristmill.ingest.options import HtmlOptions
from gristmill.ingest.options.images import ImageOptions

URL = "https://example.org/blog/post.html"


def marked(html: str, **options: Any) -> tuple[str, Images]:
    """The rendered text of a page with its placeholders, and its images."""
    tree: Any = HTMLTree.parse(html)
    images = mark_images(tree, HtmlOptions(images=ImageOptions(**options)), URL)
    assert images is not None
    return extract_plain_text(tree, preserve_formatting=True), images


def kept(html: str, **options: Any) -> list[dict[str, Any]]:
    text, images = marked(html, **options)
    return [image for image in images.interleave(text)[1] if image is not None]


def urls(html: str, **options: Any) -> list[str]:
    return [image["url"] for image in kept(html, **options)]


def dropped(html: str, **options: Any) -> dict[str, int]:
    text, images = marked(html, **options)
    images.interleave(text)
    return dict(images.dropped)


def test_nothing_is_marked_where_images_are_not_asked_for() -> None:
    tree: Any = HTMLTree.parse("<img src=a.png>")
    assert mark_images(tree, HtmlOptions(), URL) is None
    assert tree.document.query_selector("img") is not None


def test_text_and_images_alternate_in_document_order() -> None:
    text, images = marked(
        "<p>One</p><img src=a.jpg alt=' A  b ' title=T width=300 height=200px><p>Two</p><p>Three</p><img src=/b.jpg>"
    )
    texts, pictures = images.interleave(text)
    assert texts == ["One", None, "Two\n\nThree", None]
    assert [picture and picture["url"] for picture in pictures] == [
        None, "https://example.org/blog/a.jpg", None, "https://example.org/b.jpg",
    ]  # fmt: skip
    assert pictures[1] == {
        "url": "https://example.org/blog/a.jpg",
        "alt": "A b",
        "title": "T",
        "width": 300,
        "height": 200,
    }
    assert images.without(text) == "One\n\nTwo\n\nThree"


@pytest.mark.parametrize(
    ("html", "url"),
    [
        ("<base href='//cdn.example/x/'><img src=a.jpg>", "https://cdn.example/x/a.jpg"),
        ("<img src='data:image/gif;base64,R0' data-src=b.jpg>", "https://example.org/blog/b.jpg"),
        ("<img src=loading.gif data-lazy-src=/c.jpg>", "https://example.org/c.jpg"),
        ("<img src=s.jpg srcset='m.jpg 400w, l.jpg 1200w, x.jpg 800w'>", "https://example.org/blog/l.jpg"),
        ("<img srcset='a.jpg, b.jpg 2x'>", "https://example.org/blog/b.jpg"),
        ("<img srcset='a.jpg 1x,b.jpg 2x,'>", "https://example.org/blog/b.jpg"),
        ("<img srcset='https://c.example/w_1,h_1/a.jpg 1x, https://c.example/w_2,h_2/a.jpg 2x'>",
        "https://c.example/w_2,h_2/a.jpg"),
        ("<picture><source srcset='a.webp 100w, b.webp 900w'><img src=c.jpg></picture>",
        "https://example.org/blog/b.webp"),
        ("<img src='data:x'><noscript><img src=n.jpg></noscript>", "https://example.org/blog/n.jpg"),
        ("<noscript><img src=n.jpg></noscript>", "https://example.org/blog/n.jpg"),
        ("<img data-src=n.jpg><noscript><img src=n.jpg></noscript>", "https://example.org/blog/n.jpg"),
        ("<img src='a b.jpg#top'>", "https://example.org/blog/a%20b.jpg"),
    ],
)  # fmt: skip
def test_the_address_is_the_real_one_and_absolute(html: str, url: str) -> None:
    assert urls(f"<p>x</p>{html}<p>y</p>") == [url]


@pytest.mark.parametrize(
    ("html", "reason"),
    [
        ("<img src='data:image/png;base64,AA'>", "data_uri"),
        ("<img alt=x>", "no_url"),
        ("<img src='ftp://example.org/a.jpg'>", "not_http"),
        ("<img src='http://[bad/a.jpg'>", "no_url"),
        ("<img src=a.jpg width=1 height=1>", "small"),
        ("<img src=a.jpg width=300 height=49>", "small"),
        ("<img src=a.jpg style='width: 20px'>", "small"),
        ("<img src=/img/siteLogo.png>", "path_word"),
        ("<img src=/ads/a.jpg>", "path_word"),
        ("<img src=/user-avatar_12.jpg>", "path_word"),
        ("<img src=arrow.svg?v=1>", "svg"),
        (f"<img src=/{'a' * 2_001}.jpg>", "long_url"),
        ("<img src=a.jpg><img src=a.jpg>", "repeated"),
    ],
)
def test_what_is_dropped_is_counted_by_reason(html: str, reason: str) -> None:
    assert dropped(f"<p>x</p>{html}") == {reason: 1}


def test_words_end_where_letters_end() -> None:
    assert (
        len(
            urls(
                "<img src=/uploads/a.jpg><img src=/iconic/shadow/logos2/x.jpg><img src=/road/adsorption.jpg>"
            )
        )
        == 2
    )


def test_the_number_is_limited_and_what_is_not_kept_of_the_page_does_not_count() -> None:
    page = "<p>x</p>" + "".join(f"<img src={n}.jpg>" for n in range(5))
    assert len(urls(page, max_per_document=3)) == 3
    assert dropped(page, max_per_document=3) == {"too_many": 2}
    _, images = marked(page, max_per_document=3)
    assert len(images.interleave("only \ue0024\ue001 is kept")[1]) == 3


def test_rules_can_be_switched_off() -> None:
    page = "<img src=a.svg width=20><img src=/logo/b.svg width=20>"
    assert len(urls(page, min_side_px=None, drop_svg=False, drop_words=())) == 2


def test_a_picture_of_a_formula_is_no_image() -> None:
    html = "<p>a <img src='https://latex.codecogs.com/gif.latex?x%5E2'> b <img src=plot.png></p>"
    tree: Any = HTMLTree.parse(html)
    formulas = mark_formulas(tree, html, HtmlOptions())
    images = mark_images(tree, HtmlOptions(images=ImageOptions()), URL)
    assert formulas is not None
    assert images is not None
    text = formulas.restore(extract_plain_text(tree))
    assert images.interleave(text)[0] == ["a $x^2$ b", None]


def test_images_of_the_whole_site_are_dropped_over_a_shard() -> None:
    def meta(*names: str) -> str:
        images = Images(ImageOptions())
        return json.dumps(images.meta("A" + "".join(f" {images.add(Image(name))} B" for name in names)))

    rows = [
        ("https://a.org/1", meta("wide", "own")),
        ("https://a.org/2", meta("wide")),
        ("https://a.org/3", meta("wide")),
    ]
    rows += [("https://b.org/1", meta("wide")), ("https://b.org/2", "{}"), (None, None)]
    table = pl.DataFrame(rows, schema={"url": pl.String, "meta": pl.String}, orient="row")
    decisions = pl.DataFrame({"id": range(6)})

    def kept(most: int, size: int) -> pl.DataFrame:
        batches = ((table[i : i + size], decisions[i : i + size]) for i in range(0, 6, size))
        documents, decided = zip(*without_site_images(batches, most), strict=True)
        assert pl.concat(decided).equals(decisions)
        return pl.concat(documents)

    out = [json.loads(meta or "{}") for meta in kept(2, 4)["meta"].to_list()]
    assert out[0]["text_list"] == ["A\n\nB", None, "B"]
    assert out[0]["image_list"][1]["url"] == "own"
    assert out[1] == {"images_dropped": {"site_wide": 1}}
    assert out[3]["image_list"][1]["url"] == "wide"
    assert kept(2, 1).equals(kept(2, 6))
    assert kept(3, 2).equals(table)


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ab \n\ue002\ue0010123", max_size=60), st.integers(0, 4))
def test_the_lists_are_parallel_whatever_the_text(text: str, count: int) -> None:
    images = Images(ImageOptions(max_per_document=2))
    for number in range(count):
        images.add(Image(f"u{number % 3}"))
    texts, pictures = images.interleave(text)
    assert len(texts) == len(pictures)
    assert all((left is None) != (right is None) for left, right in zip(texts, pictures, strict=True))
    assert sum(picture is not None for picture in pictures) <= 2


@pytest.mark.parametrize(
    "page",
    ["<img src=a.jpg>" * 20_000, "<img srcset='" + "a, " * 200_000 + "'>", "<img srcset='" + "," * 500_000 + "'>",
     "<noscript>" * 2_000 + "<img src=a>", "<img src=a alt='" + "x " * 500_000 + "'>",
     "<picture>" + "<source srcset='a 1w'>" * 5_000 + "<img src=a></picture>"],
    ids=range(6),
)  # fmt: skip
def test_hostile_pages_take_linear_time(page: str) -> None:
    started = time.process_time()
    marked(page)
    assert time.process_time() - started < 3.0
