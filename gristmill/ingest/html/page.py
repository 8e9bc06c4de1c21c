"""The text of a page and what it says of itself, by one of three engines, behind limits (see `limits`).

The order: limits on the page as it came, parsing, limits on the tree, formulas and images into placeholders, the
engine, placeholders back. A placeholder is a number between private-use characters; the page's own U+E000..U+E002 are
taken out first, so that none can be forged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from gristmill.ingest.html.limits import (
    Refusal,
    is_deeper,
    limit_depth,
    refuse_complex,
    refuse_deep,
    refuse_page,
    survey_page,
)
from gristmill.ingest.options import HtmlOptions

_MAX_TEXT_RATIO = 4  # characters of text for one of the page; items of nested lists are indented
_FREE_CHARS = 10_000
_MARKS = re.compile("[\ue000-\ue002]")
_MARK_REFERENCES = re.compile(r"&#(?:x0*e00[0-2]|0*5734[4-6])(?![0-9a-f]);?", re.IGNORECASE)
_MARK_REFERENCES_UTF8 = re.compile(_MARK_REFERENCES.pattern.encode(), re.IGNORECASE)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{1,8}){0,3}")


@dataclass(frozen=True, slots=True)
class Page:
    """What was taken from a page; `rule` (too_complex | too_deep | no_maths) where it was not taken apart at all.

    Interleaved output: `texts` and `images` are of one length, and at each place one of them is None; both are None
    where it was not asked for. `quality` is the F1 that the classifier expects of its choice, 0..1.
    """

    text: str
    title: str | None = None
    lang: str | None = None
    date: str | None = None
    author: str | None = None
    canonical_url: str | None = None
    formulas: int = 0
    tables: int = 0
    code_blocks: int = 0
    texts: list[str | None] | None = None
    images: list[Any] | None = None
    quality: float | None = None
    from_data: bool = False
    empty: str | None = None  # why there is no text: no_text | no_main_content
    details: dict[str, Any] = field(default_factory=dict)
    rule: str | None = None
    value: float | None = None
    bound: float | None = None
    detail: str | None = None

    def meta(self) -> dict[str, Any]:
        """For documents.meta: title and html_lang always, the rest where there is something to say."""
        found: dict[str, Any] = {"title": self.title, "html_lang": self.lang}
        told = {
            "published": self.date,
            "author": self.author,
            "canonical_url": self.canonical_url,
            "tables": self.tables,
            "code_blocks": self.code_blocks,
            "extraction_quality": None if self.quality is None else round(self.quality, 3),
            "from_data": self.from_data,
            "empty": self.empty,
            "text_list": self.texts,
            "image_list": self.images,
        }
        return (
            found
            | {name: value for name, value in told.items() if value not in (None, 0, False)}
            | self.details
        )


def extract_page(html: str, options: HtmlOptions, *, url: str | None = None) -> Page:
    """Text, structure and facts of a page. Depends on the page alone; a page beyond a limit has no text."""
    from resiliparse.parse.html import HTMLTree

    from gristmill.ingest.html.formulas import (
        MAX_FORMULAS,
        TooManyFormulasError,
        looks_like_maths,
        mark_formulas,
    )

    html, data = _without_marks(html)
    survey = survey_page(data)
    refused = refuse_page(html, survey, options.max_tags)
    if refused is not None:
        return _refused(refused)
    has_maths = (options.formulas or options.maths_only) and looks_like_maths(html)
    if options.maths_only and not has_maths:
        return Page("", rule="no_maths")
    try:
        tree: Any = HTMLTree.parse(html)
    except UnicodeEncodeError:  # a lone surrogate, which UTF-8 cannot hold
        html = html.encode("utf-8", "replace").decode()
        tree = HTMLTree.parse(html)
    depth = limit_depth(survey.tags, options.max_depth)
    # Where the tree is only serialised, how deep it is comes with the blocks, which costs nothing.
    is_walked = has_maths or options.images is not None or options.engine != "gristmill"
    if is_walked and is_deeper(tree, depth):
        return _refused(refuse_deep(depth))
    try:
        formulas = mark_formulas(tree, html, options) if has_maths else None
    except TooManyFormulasError as error:
        return _refused(refuse_complex(error.count, MAX_FORMULAS, "formulas"))
    images = _mark_images(tree, options, url)
    page = (
        _by_gristmill(tree, options, url, depth)
        if options.engine == "gristmill"
        else _by_other(tree, options, url)
    )
    if page.rule is not None:
        return page
    if len(page.text) > _MAX_TEXT_RATIO * len(html) + _FREE_CHARS:
        bound = _MAX_TEXT_RATIO * len(html)
        return _refused(refuse_complex(len(page.text), bound, "characters of text, from indented lists"))
    return _with_placeholders_back(page, formulas, images)


def _refused(refusal: Refusal) -> Page:
    return Page("", rule=refusal.rule, value=refusal.value, bound=refusal.bound, detail=refusal.detail)


def _without_marks(html: str) -> tuple[str, bytes]:
    """The page without the characters that placeholders are made of, and the same in UTF-8."""
    data = html.encode("utf-8", "surrogatepass")  # all searches are many times faster in bytes
    found = False
    if b"\xee" in data and b"\xee\x80" in data:  # one byte is found fifty times faster than two
        html, found = _MARKS.sub("", html), True
    if b"&#" in data and _MARK_REFERENCES_UTF8.search(data):
        html, found = _MARK_REFERENCES.sub("", html), True
    return html, html.encode("utf-8", "surrogatepass") if found else data


def _mark_images(tree: Any, options: HtmlOptions, url: str | None) -> Any:
    if options.images is None:
        return None
    from gristmill.ingest.html.images import mark_images

    return mark_images(tree, options, url)


def _by_gristmill(tree: Any, options: HtmlOptions, url: str | None, depth: int) -> Page:
    from gristmill.ingest.html.main_content import extract_main_content

    found = extract_main_content(
        tree.document.html,
        url=url,
        main_content=options.main_content,
        markdown=options.format == "markdown",
        max_depth=depth,
    )
    if found is None:
        return _refused(refuse_deep(depth))
    text = found.text.strip()
    return Page(
        text,
        title=found.facts.title,
        lang=_language(tree),
        date=found.facts.date,
        author=found.facts.author,
        canonical_url=found.facts.canonical_url,
        tables=found.facts.tables,
        code_blocks=found.code_blocks,
        quality=found.quality,
        from_data=found.from_data,
        empty=None if text else "no_text" if found.quality is None else "no_main_content",
    )


def _by_other(tree: Any, options: HtmlOptions, url: str | None) -> Page:
    from gristmill.ingest.html.engines import extract_by_resiliparse, extract_by_trafilatura

    if options.engine == "trafilatura":
        text = extract_by_trafilatura(tree.document.html, options, url)
    else:
        text = extract_by_resiliparse(tree, options)
    title = " ".join((tree.title or "").split()) or None
    return Page(text, title=title, lang=_language(tree), empty=None if text else "no_text")


def _with_placeholders_back(page: Page, formulas: Any, images: Any) -> Page:
    if formulas is None and images is None:
        return page
    from dataclasses import replace

    texts, taken = None, None
    text, title, count, details = page.text, page.title, 0, page.details
    if images is not None:
        texts, taken = images.interleave(text)
        text = images.without(text)
        details = details | ({"images_dropped": dict(images.dropped)} if images.dropped else {})
    if formulas is not None:
        count = formulas.count_in(text)
        text = formulas.restore(text)
        title = formulas.restore(title) if title else title
        texts = [part if part is None else formulas.restore(part) for part in texts] if texts else texts
        details = details | formulas.meta()
    return replace(page, text=text, title=title, formulas=count, texts=texts, images=taken, details=details)


def _language(tree: Any) -> str | None:
    root = tree.document.query_selector("html")  # the first, without a look at the rest
    value = (root.getattr("lang") or "").strip().lower() if root is not None else ""
    return value if _LANGUAGE.fullmatch(value) else None
