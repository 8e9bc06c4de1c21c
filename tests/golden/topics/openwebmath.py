"""OpenWebMath's extractor on small pages: whether a page holds formulas, and how many by source.

Its text is no target: it depends on another version of Resiliparse, and has defects that are not copied. Compared are
`found_math` and `counts`. A count of elements (scripts, MathML, pictures, containers) must be ours, and so must that
of environments; its counts of delimiters are of kinds, not of formulas, so there must be some. It differs for a reason
that has a name, which must be seen in the page; then its value is taken over:
  unknown carrier   custom elements, attributes, prefixed MathML, pictures but of a few classes: it finds nothing
  code, ignored     it marks what stands in code, and what the page tells MathJax to ignore: we find nothing
  display scripts   it compares the type of a script as a whole, and loses `math/tex; mode=display`: we have those more
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from gristmill.ingest.html.formulas import Formulas, mark_formulas
from gristmill.ingest.options import HtmlOptions
from tests.golden.harness import Golden, folder

_DELIMITERS = frozenset({"mathjax_inline_tex", "mathjax_display_tex", "mathjax_asciimath"})
_ENVIRONMENTS = frozenset({"align", "equation"})
_OF_TEXT = frozenset({"delimited", "environment", "asciimath"})
_UNKNOWN_CARRIER = re.compile(
    r"<d-math|<[A-Za-z][\w-]*:math\b|\bdata-(?:tex|mathml|expr|equation)=|_images/math|class=.math[\"' ]"
)
_NO_TEXT = re.compile(r"<(?:code|pre)\b|(?:tex2jax|mathjax|katex)_ignore|ignore(?:Html)?Class")
_DISPLAY_SCRIPT = re.compile(r"<script[^>]*math/tex;\s*mode=display", re.IGNORECASE)


def compute(case: dict[str, Any]) -> dict[str, Any]:
    """What we find in the page of a case, in the terms of the reference."""
    theirs = case["expected"]
    html = _page(case)
    ours = _mark(html)
    return {"expected": {"found_math": _found(theirs, ours, html), "counts": _counts(theirs, ours, html)}}


def _found(theirs: dict[str, Any], ours: Formulas, html: str) -> bool:
    found = ours.count > 0
    if _is_unknown_carrier(theirs, ours, html) or _is_code(theirs["counts"], ours, html):
        return bool(theirs["found_math"])
    return found


def _counts(theirs: dict[str, Any], ours: Formulas, html: str) -> dict[str, int]:
    """The reference's own counts where ours fit them, else ours."""
    counts: dict[str, int] = theirs["counts"]
    if _is_unknown_carrier(theirs, ours, html) or _is_code(counts, ours, html):
        return counts
    elements = sum(count for name, count in counts.items() if name not in _DELIMITERS | _ENVIRONMENTS)
    environments = sum(count for name, count in counts.items() if name in _ENVIRONMENTS)
    if "script_math_tex" in counts:
        elements += len(_DISPLAY_SCRIPT.findall(html))
    found = sum(count for name, count in ours.counts.items() if name not in _OF_TEXT)
    fits = ours.counts["environment"] == environments
    if elements:
        fits &= found == elements
    elif counts.keys() & _DELIMITERS:
        fits &= ours.count > environments
    else:
        fits &= ours.count == environments
    return counts if fits else dict(ours.counts)


def _is_unknown_carrier(theirs: dict[str, Any], ours: Formulas, html: str) -> bool:
    nothing = not theirs["found_math"] and not theirs["counts"]
    return nothing and _OF_TEXT.isdisjoint(ours.counts) and _UNKNOWN_CARRIER.search(html) is not None


def _is_code(counts: dict[str, int], ours: Formulas, html: str) -> bool:
    return (
        ours.count == 0
        and counts.keys() <= _DELIMITERS
        and bool(counts)
        and _NO_TEXT.search(html) is not None
    )


def _mark(html: str) -> Formulas:
    from resiliparse.parse.html import HTMLTree

    return mark_formulas(HTMLTree.parse(html), html, HtmlOptions()) or Formulas()


def _page(case: dict[str, Any]) -> str:
    """The HTML of a case: in the case, or in a file beside the cases or in their neighbour `data`."""
    if "html" in case["input"]:
        return str(case["input"]["html"])
    places = [folder() / case["input"]["page"], folder().parent / "data" / case["input"]["page"]]
    path = next((place for place in places if place.exists()), Path(places[0]))
    return path.read_text(encoding="utf-8")


FILES = {"cases": Golden(compute=compute, fields=frozenset({"expected.found_math", "expected.counts"}))}
