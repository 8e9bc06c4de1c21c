"""Elements that carry a formula: scripts, MathML, rendered markup, attributes, containers, pictures.

Each is a row of `_HANDLERS`: which elements, and how the TeX is had from one. All are found by one selector, in
document order, so an outer carrier is taken before what it holds (a Notion equation before its KaTeX, KaTeX before
its
MathML), and what it holds goes with it: one formula, no leftovers. Rendered markup without any source stays text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from gristmill.ingest.html.asciimath import tex_of_asciimath
from gristmill.ingest.html.formula_images import read_image
from gristmill.ingest.html.mathml import attribute, local_name, tex_of_mathml
from gristmill.ingest.html.places import display_of, is_alone, nearest
from gristmill.ingest.html.tex import clean_tex, is_plausible_tex, strip_delimiters

_CODE = frozenset({"pre", "code", "textarea"})
_TWINS = frozenset({"math", "graphic", "inline-graphic"})  # the same formula beside a `tex-math`
_MAX_TWINS = 3
_MAX_DRAWN = 4  # elements that MathJax puts before the script of one formula
_MAX_PREFIXES = 8
_PREFIXED_MATH = re.compile(r"<([A-Za-z][\w-]{0,20}):math\b", re.IGNORECASE)
_MATHJAX = (
    "MathJax", "MathJax_Display", "MathJax_SVG", "MathJax_SVG_Display", "MathJax_CHTML", "MathJax_MathML",
    "MathJax_Preview", "MJXc-display", "mjx-chtml", "MathJax_Processed", "MathJax_Error", "MJXp-math",
    "MathJax_PlainSource",
)  # fmt: skip
_MATHJAX_CLASSES = frozenset(_MATHJAX)
_ATTRIBUTES = ("data-equation", "data-tex", "data-latex", "data-expr", "data-formula", "data-katex", "data-math",
               "data-equation-content", "data-tex-source", "data-latex-source", "data-math-tex")  # fmt: skip
_SOURCE_TAGS = ("d-math", "math-renderer", "tex-math", "math-inline", "math-block", "math-display", "inline-math",
                "la-tex",
                "katex-inline", "katex-block", "display-math", "tex-inline", "tex-block", "mjx-tex")  # fmt: skip
_SOURCE_CLASSES = ("math-container", "mathjax-tex", "math", "arithmatex", "filter_mathjaxloader_equation",
                   "wp-katex-eq",
                   "texerror", "math-tex", "mathjax-inline", "mathjax-block", "mathjax", "math-inline",
                   "math-display",
                   "math-block", "inline-math", "display-math", "block-math", "katex-eq", "js-render-math",
                   "language-math", "language-latex-math", "tex2jax_process", "mathjax_process", "asciimath", "latex",
                   "katex-inline", "katex-block", "katex-display-source", "tex-math", "MathTeX",
                   "ztext-math")  # fmt: skip
# Of these the text is TeX also where no delimiter is around it.
_BARE_CLASSES = frozenset([
    "math-container", "wp-katex-eq", "math-tex", "katex-eq", "js-render-math", "language-math",
    "math-inline", "math-display", "math-block", "inline-math", "display-math", "block-math",
    "katex-inline", "katex-block", "tex-math", "mathjax-tex",
])  # fmt: skip
_CODE_OF_MATHS = frozenset({"math", "js-render-math", "language-math", "math-inline", "math-display"})
_RENDERED = (
    "script[type^='math/'], math, mml\\:math, m\\:math, .katex, .MathJax, mjx-container, .mjx-chtml, "
    ".MathJax_SVG"
)
_STRONG_TEX = re.compile(r"\\[A-Za-z]|[\^_={}]")
_TEX_WORDS = re.compile(r"tex|math|equation|formula|katex", re.IGNORECASE)
_FAILED_TO_PARSE = re.compile(r"(?:Failed to parse|Fehler beim Parsen)[^{]*(\{.*\})\s*\Z", re.DOTALL)
_WIRIS = str.maketrans({"«": "<", "»": ">", "¨": '"', "§": "&", "`": "'"})


class Found(NamedTuple):
    """A formula that an element carries, by which kind of carrier, and the element that it takes the place of."""

    tex: str
    display: bool
    carrier: str
    element: Any


class Marker(Protocol):
    """What keeps the formulas of a page; see formulas.Formulas."""

    last_tex: str

    def add(self, tex: str, display: bool, carrier: str) -> str:
        """Keep a formula; the placeholder for it."""

    def fail(self, carrier: str) -> None:
        """Count a formula whose carrier could not be read."""


def mark_carriers(tree: Any, html: str, marker: Marker) -> None:
    """Put a placeholder in the place of every element that carries a formula; code is left alone."""
    prefixes = sorted({prefix.lower() for prefix in _PREFIXED_MATH.findall(html)})[:_MAX_PREFIXES]
    selector = ", ".join([_SELECTOR, *(f"{prefix}\\:math" for prefix in prefixes)])
    blocked: Any = None  # what was taken out, is code, or failed last: what it holds follows it in the query
    for element in tree.document.query_selector_all(selector).values():
        if blocked is not None and blocked.contains(element):
            continue
        if element.parent is None:
            blocked = element
            continue
        tag = local_name(element)
        classes = set(attribute(element, "class").split())
        handler = next((handler for fits, handler in _HANDLERS if fits(tag, element, classes)), None)
        found = handler(element, classes, marker) if handler else None
        if found is not None and found.tex:
            blocked = _replace(tree, found, marker)
        elif tag in _CODE or tag == "math" or element.parent is None:
            blocked = element


def remove(element: Any) -> None:
    """Take an element out of the document."""
    parent = element.parent
    if parent is not None:
        parent.remove_child(element)


def _replace(tree: Any, found: Found, marker: Marker) -> Any:
    """Put the placeholder in the place of the carrier; the element that is gone."""
    element = found.element
    noscript = (
        nearest(element, lambda tag, names: tag == "noscript") if local_name(element) == "img" else None
    )
    if noscript is not None:
        # The copy of a lazy picture for readers without scripts; the extractor drops what it is in.
        if marker.last_tex == found.tex:
            remove(element)
            return element
        element = noscript
    placeholder = tree.create_text_node(marker.add(found.tex, found.display, found.carrier))
    element.parent.replace_child(placeholder, element)
    return element


# -- handlers: (element, classes, marker) -> Found or None --------------------------------------------------------


def _script(element: Any, classes: set[str], marker: Marker) -> Found | None:
    kind = attribute(element, "type").lower()
    display = re.search(r"mode\s*=\s*display", kind) is not None
    source = element.text or ""
    if kind.startswith("math/asciimath"):
        return Found(tex_of_asciimath(source), display, "asciimath", element)
    if kind.startswith("math/mml"):
        return _from_markup(source, element, display, marker)
    if not kind.startswith(("math/tex", "math/latex", "math/katex")):
        return None
    tex, delimited = clean_tex(source)
    return Found(tex, display or bool(delimited), "script", element)


def _mathjax(element: Any, classes: set[str], marker: Marker) -> Found | None:
    """What MathJax has drawn: the script inside or after it holds the source; else its assistive MathML does."""
    script = element.query_selector("script[type^='math/']")
    if script is not None:
        found = _script(script, set(), marker)
        return found._replace(element=element) if found else None
    following = element.next_element_sibling
    for _ in range(_MAX_DRAWN):
        if following is None or not _is_rendered(following):
            break
        following = following.next_element_sibling
    if (
        following is not None
        and local_name(following) == "script"
        and "math/" in attribute(following, "type")
    ):
        remove(element)
        return None
    if "MathJax_Preview" in classes:
        drawn = element.next_element_sibling
        if drawn is not None and _is_rendered(drawn):
            remove(element)
        return None
    display = any("isplay" in name for name in classes) or attribute(element, "display") in ("true", "block")
    display = (
        display
        or element.query_selector(".MathJax_Display, .MJXc-display, math[display='block']") is not None
    )
    markup = attribute(element, "data-mathml") or _attribute_below(element, "data-mathml")
    if markup:
        return _from_markup(markup, element, display, marker)
    math = element.query_selector("math")
    tex = tex_of_mathml(math)[0] if math is not None else _attribute_below(element, "data-latex")
    if tex:
        return Found(clean_tex(tex)[0], display, "mathjax", element)
    if (element.text or "").strip():
        marker.fail("mathjax")
    return None


def _katex(element: Any, classes: set[str], marker: Marker) -> Found | None:
    math = element.query_selector("math")
    display = (
        "katex-display" in classes
        or nearest(element, lambda tag, names: "katex-display" in names or "katex-block" in names) is not None
    )
    if math is not None:
        tex, _ = tex_of_mathml(math)
        display = display or attribute(math, "display") == "block"
        if tex:
            return Found(tex, display, "katex", element)
    elif "katex-error" in classes:
        tex, delimited = clean_tex(element.text or "")
        return Found(tex, display or bool(delimited), "katex", element)
    elif element.query_selector("annotation") is not None:
        tex, _ = clean_tex(element.query_selector("annotation").text or "")
        return Found(tex, display, "katex", element)
    elif element.query_selector(".katex-html") is None:
        return _source_text(element, classes, marker)  # not rendered yet
    if element.query_selector(".katex-html") is not None:
        marker.fail("katex")
    return None


def _math(element: Any, classes: set[str], marker: Marker) -> Found | None:
    if _has_twin(element):
        remove(element)  # the same formula twice, as in PMC's `alternatives`; the TeX is taken
        return None
    tex, carrier = tex_of_mathml(element)
    if tex is None:
        if (element.text or "").strip():
            marker.fail("mathml")
        return None
    return Found(tex, display_of(element), carrier, element)


def _wikipedia(element: Any, classes: set[str], marker: Marker) -> Found | None:
    """MediaWiki's element with hidden MathML and a picture of the same."""
    math = element.query_selector("math")
    image = element.query_selector("img")
    tex = tex_of_mathml(math)[0] if math is not None else None
    if tex is None and image is not None:
        tex = clean_tex(attribute(image, "alt"))[0]
    if not tex:
        return None
    marks = attribute(element, "class") + " " + (attribute(image, "class") if image is not None else "")
    block = math is not None and attribute(math, "display") == "block"
    display = block or "-block" in marks or "-display" in marks or _in_definition(element)
    return Found(tex, display, "mediawiki", element)


def _image(element: Any, classes: set[str], marker: Marker) -> Found | None:
    markup = attribute(element, "data-mathml")
    if markup:
        return _from_markup(markup.translate(_WIRIS), element, is_alone(element), marker)
    image = read_image(element, classes)
    if image is None:
        return None
    tex, display = image
    return Found(tex, is_alone(element) if display is None else display, "image", element)


def _source_attribute(element: Any, classes: set[str], marker: Marker) -> Found | None:
    name = next((name for name in (*_ATTRIBUTES, "data-value") if element.hasattr(name)), "")
    tex, delimited = clean_tex(attribute(element, name))
    marked = _TEX_WORDS.search(" ".join(classes)) is not None
    if not is_plausible_tex(tex) or not (marked or _STRONG_TEX.search(tex)):
        return None
    if element.query_selector("p, article, section, h1, h2, li") is not None:
        return None  # a part of the page with data about maths, not a formula
    display = display_of(element) if delimited is None else delimited
    return Found(tex, display, "attribute", element)


def _source_text(element: Any, classes: set[str], marker: Marker) -> Found | None:
    """A container whose text is TeX, with or without delimiters; a rendered one is left to its parts."""
    tag = local_name(element)
    if tag in _CODE and not _is_code_of_maths(tag, element, classes):
        return None
    if element.query_selector(_RENDERED) is not None and tag != "tex-math":
        return None
    for number in element.query_selector_all(".eqno, .headerlink").values():
        remove(number)
    raw = element.text or ""
    if "texerror" in classes:
        failed = _FAILED_TO_PARSE.search(raw[:20_000])
        tex = clean_tex(failed[1])[0] if failed else ""
        return Found(tex, is_alone(element), "container", element)
    delimited_tex, delimited = strip_delimiters(" ".join(raw.split()) if len(raw) < 40_000 else "")
    bare = (
        tag in _SOURCE_TAGS
        or bool(classes & _BARE_CLASSES)
        or tag in _CODE
        or (
            "math" in classes
            and _is_plain(element)
            and (bool(classes & {"inline", "display"}) or _is_bare_tex(raw))
        )
    )
    environment = delimited_tex.startswith("\\begin{") and delimited_tex.endswith("}")
    if delimited is None and not bare and not environment:
        return None
    if delimited is None and bare and "\\(" in raw and not raw.strip().startswith("\\"):
        return None  # several formulas and words; the delimiters tell
    tex, by_delimiter = clean_tex(raw)
    if not is_plausible_tex(tex):
        return None
    display = by_delimiter if by_delimiter is not None else environment or display_of(element)
    if tag == "tex-math" and by_delimiter is not None:
        display = display_of(element) or (by_delimiter and is_alone(element))
    found = Found(tex, display, "container", element)
    if tag == "tex-math":
        _remove_twins(element)
    return found


# -- helpers ----------------------------------------------------------------------------------------------------


def _from_markup(markup: str, element: Any, display: bool, marker: Marker) -> Found | None:
    """A formula whose MathML is text: in an attribute or a script."""
    from resiliparse.parse.html import HTMLTree

    if len(markup) > 200_000:
        return None
    tree: Any = HTMLTree.parse(markup)
    prefixes = sorted({prefix.lower() for prefix in _PREFIXED_MATH.findall(markup)})[:_MAX_PREFIXES]
    math = tree.document.query_selector(", ".join(["math", *(f"{prefix}\\:math" for prefix in prefixes)]))
    tex = tex_of_mathml(math)[0] if math is not None else None
    if not tex:
        marker.fail("mathml")
        return None
    return Found(tex, display or attribute(math, "display") == "block", "mathml", element)


def _attribute_below(element: Any, name: str) -> str:
    below = element.query_selector(f"[{name}]")
    return attribute(below, name) if below is not None else ""


def _is_rendered(element: Any) -> bool:
    names = attribute(element, "class").split()
    return local_name(element) == "mjx-container" or not _MATHJAX_CLASSES.isdisjoint(names)


def _is_code_of_maths(tag: str, element: Any, classes: set[str]) -> bool:
    """Whether a `code` or `pre` says that it holds a formula: GitLab, GitHub, remark-math."""
    inner = element.first_element_child if tag == "pre" else None
    if inner is not None and local_name(inner) == "code":
        classes = classes | set(attribute(inner, "class").split())
    return (
        not _CODE_OF_MATHS.isdisjoint(classes)
        or attribute(element, "lang") == "math"
        or element.hasattr("data-math-style")
    )


def _is_bare_tex(raw: str) -> bool:
    """Whether a text can be nothing but TeX: it has its signs and hardly a word."""
    return (
        bool(_STRONG_TEX.search(raw)) and len(re.findall(r"(?<![\\A-Za-z{])[A-Za-z]{3,}", raw[:2_000])) <= 2
    )


def _is_plain(element: Any) -> bool:
    """Whether a container holds text alone: pandoc also writes formulas as HTML with <em> and <sup>."""
    return element.first_element_child is None


def _in_definition(element: Any) -> bool:
    """Whether an element is alone in a <dd>: MediaWiki's indented line, the old way to set a formula apart."""
    parent = element.parent_element
    return parent is not None and local_name(parent) == "dd" and is_alone(element)


def _has_twin(math: Any) -> bool:
    """Whether a `tex-math` stands beside a MathML element: a few siblings on each side are looked at."""
    for name in ("next_element_sibling", "previous_element_sibling"):
        sibling = getattr(math, name)
        for _ in range(_MAX_TWINS):
            if sibling is None:
                break
            if local_name(sibling) == "tex-math":
                return True
            sibling = getattr(sibling, name) if local_name(sibling) in _TWINS else None
    return False


def _remove_twins(element: Any) -> None:
    """Take out the MathML and the picture beside a `tex-math`."""
    for name in ("next_element_sibling", "previous_element_sibling"):
        for _ in range(_MAX_TWINS):
            sibling = getattr(element, name)
            if sibling is None or local_name(sibling) not in _TWINS:
                break
            remove(sibling)


_Handler = Callable[[Any, set[str], Marker], Found | None]
_Fits = Callable[[str, Any, set[str]], bool]


def _has_source_attribute(tag: str, element: Any, classes: set[str]) -> bool:
    if "ql-formula" in classes and element.hasattr("data-value"):
        return True
    return any(element.hasattr(name) for name in _ATTRIBUTES)


_HANDLERS: tuple[tuple[_Fits, _Handler], ...] = (
    (lambda tag, element, classes: tag == "script", _script),
    (lambda tag, element, classes: tag == "img", _image),
    (lambda tag, element, classes: tag == "math", _math),
    (_has_source_attribute, _source_attribute),
    (lambda tag, element, classes: bool(classes & {"katex", "katex-display", "katex-error"}), _katex),
    (lambda tag, element, classes: "mwe-math-element" in classes, _wikipedia),
    (
        lambda tag, element, classes: tag == "mjx-container" or not _MATHJAX_CLASSES.isdisjoint(classes),
        _mathjax,
    ),
    (lambda tag, element, classes: True, _source_text),
)
_OTHER_CLASSES = ("katex", "katex-display", "katex-error", "mwe-math-element", "ql-formula")
_SELECTOR = ", ".join(
    [
        "script[type^='math/']", "img", *sorted(_CODE), "math", "mjx-container",
        *(f".{name}" for name in dict.fromkeys((*_OTHER_CLASSES, *_MATHJAX, *_SOURCE_CLASSES))),
        *(f"[{name}]" for name in _ATTRIBUTES),
        *_SOURCE_TAGS,
    ]
)  # fmt: skip
# A page without any of these, as a tag, a class, or in a type, nor of the attributes, has no carrier but pictures.
CARRIER_WORDS = frozenset(
    name.lower()
    for name in (
        "math", "mjx-container", *_OTHER_CLASSES, *_MATHJAX, *_SOURCE_CLASSES, *_SOURCE_TAGS, *_CODE_OF_MATHS,
    )
)  # fmt: skip
CARRIER_ATTRIBUTES = frozenset({*_ATTRIBUTES, "data-math-style"})
