"""The HTML of posts as text."""

from __future__ import annotations

import html
import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.ingest.stackexchange import clean_html


def clean(body: str, **options: bool) -> str:
    return str(clean_html(pl.Series([body]), **options)[0])


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("", ""),
        ("<p>one</p>\n\n<p>two</p>\n", "one\ntwo"),
        ("<P>one<BR/>two<br>three", "one\ntwo\nthree"),
        (
            "<ul>\n<li>one</li>\n<li>two <b>x</b></li>\n</ul>\n<blockquote>\n<p>said</p>\n</blockquote>",
            "one\ntwo x\nsaid",
        ),
        ("<h1>a</h1>b<hr>c<table><tr>d</tr><tr>e</tr></table>f<div>g</div>", "a\nb\nc\nd\ne\nf\ng"),
        ("<p>a   b\n c\t<em>d</em>e</p>", "a b c de"),
        ("<p>a <b> </b> </p>b", "a\nb"),
        ("a&nbsp;b &nbsp;", "a\xa0b \xa0"),
        ("<a href='x'>link</a> <img src='a' alt='b>c'> end", "link end"),
        ("<kbd>Ctrl</kbd>+<kbd>C</kbd>", "Ctrl+C"),
        ("a<script>x < y</script>b<style>p</style>c", "abc"),
        ("<p><br></p>", ""),
        ("<td>x</td><td>y</td>", "xy"),
    ],
)
def test_blocks_end_lines_and_the_rest_vanishes(body: str, text: str) -> None:
    assert clean(body) == text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("&lt;b&gt; &amp;lt;b&amp;gt;", "<b> &lt;b&gt;"),
        ("&notit; &copy &copyx &bogus; & &; &#; &#x;", "¬it; © ©x &bogus; & &; &#; &#x;"),
        ("&#65;&#x42;&#67 &#128; &#0; &#1114112; &#xD800;", "ABC € � � �"),
        ("x&#1;y&#x1F;z", "xyz"),
        ("&CounterClockwiseContourIntegral;&nGt;&hearts;", "∳≫⃒♥"),
        ("a&#32;&#32;&#10;b&Tab;c", "a b c"),
        ("1 < 2 <3 a<", "1 < 2 <3 a<"),
        ("a<!-- <p>x</p> -->b<!doctype x>c<?php ?>d</1>e", "abcde"),
        ("a <b never closed", "a <b never closed"),
        ("a <!-- never closed", "a <!-- never closed"),
        ("Größe 🚀 中文", "Größe 🚀 中文"),
    ],
)
def test_entities_are_resolved_once_and_nothing_written_is_lost(body: str, text: str) -> None:
    assert clean(body) == text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<pre><code>if a &lt; b:\n    x\n\n\ty  z\n</code></pre>", "if a < b:\n    x\n\n\ty  z"),
        ("a<pre>\n\n  b\n\n</pre>c", "a\n  b\nc"),
        ("a<pre>\n\n</pre>b", "a\nb"),
        ("<pre>a\r\nb\rc</pre>", "a\nb\nc"),
        ("<pre>a<br>b<b>c</b>&nbsp;</pre>", "a\nbc\xa0"),
        ("<pre>a<pre>b</pre> c</pre> d", "ab c\nd"),
        ("a<pre> b", "a\n b"),
    ],
)
def test_code_stays_as_it_is(body: str, text: str) -> None:
    assert clean(body) == text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("use <code>x</code> and <code>a`b</code> and <code>`</code>", "use `x` and ``a`b`` and `` ` ``"),
        ("<pre class='lang-py x'><code>a\n</code></pre>b", "```py\na\n```\nb"),
        ("<pre><code class='language-c++'>a</code></pre>", "```c++\na\n```"),
        ("<pre>a ``` b</pre>", "````\na ``` b\n````"),
        ("<pre>\n</pre>", ""),
        ("<tr><th>a</th><th>b</th></tr>\n<tr>\n<td>1</td>\n<td>2</td>\n</tr>", "a | b\n1 | 2"),
    ],
)
def test_markdown_keeps_back_ticks_fences_and_cells(body: str, text: str) -> None:
    assert clean(body, markdown=True) == text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            "see <a href=\"https://a.b/?x=1&amp;y=2&copy=3\" rel='n'>this</a>.",
            "see this (https://a.b/?x=1&y=2&copy=3).",
        ),
        ("<a rel=n href=/q/1>one</a>, <a name=x>two</a>", "one (/q/1), two"),
        ("<a href='/x'><img src='y'></a>", "(/x)"),
    ],
)
def test_links_keep_their_address_on_request(body: str, text: str) -> None:
    assert clean(body, keep_links=True) == text


def test_a_null_is_an_empty_text_and_a_column_keeps_its_order() -> None:
    column = pl.Series(["<p>a</p>", None, "b"])[1:]
    assert clean_html(column).to_list() == ["", "b"]
    assert clean_html(pl.Series([], dtype=pl.String)).to_list() == []


_PIECES = st.lists(
    st.sampled_from(
        [
            "a",
            " b",
            "`",
            "``",
            "&lt;",
            "&amp;",
            "&nGt;",
            "<p>",
            "</p>",
            "<pre>",
            "</pre>",
            "<code>",
            "</code>",
            "<a href='&nGt;'>",
            "</a>",
            "<a href=>",
            "<td>",
            "<br>",
            "\n",
            "\r",
            "<!--",
            "-->",
            "<script>",
            "</script>",
            "<",
            ">",
            "é",
            "&#x1F680;",
        ]
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_PIECES, max_size=4), st.booleans(), st.booleans())
def test_any_html_gives_text_and_neighbours_do_not_matter(
    bodies: list[list[str]], markdown: bool, keep_links: bool
) -> None:
    column = pl.Series(["".join(pieces) for pieces in bodies], dtype=pl.String)
    texts = clean_html(column, markdown=markdown, keep_links=keep_links).to_list()
    assert texts == [clean(body, markdown=markdown, keep_links=keep_links) for body in column]
    if not markdown:
        assert all("\n\n" not in text or "<pre>" in body for text, body in zip(texts, column, strict=True))


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=60))
def test_escaped_text_comes_back(text: str) -> None:
    assert clean(f"<pre>{html.escape(text)}</pre>") == text.strip("\n")
    line = re.sub(r"[ \t\n\f]+", " ", text).strip(" ")
    assert clean(f"<p>{html.escape(text)}</p>") == line
