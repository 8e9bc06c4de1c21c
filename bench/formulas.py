"""How many formulas of web pages are kept, by kind of page, and what a page costs.

    python -m bench.formulas --pages DIR --truth FILE [--peers resiliparse,trafilatura] [--json FILE] [--check]

DIR holds ID.html; FILE has a line {"id", "kind", "formulas": [{"latex", "display", "accept"?}]} for each page, in
document order. A page with an empty list is negative: nothing there may be marked as a formula.
kept    a formula is in the output, white space, braces and \\displaystyle apart: the measure that is fair to all
strict  between the right delimiters, in order, and nothing more: a page with more marks than formulas, or with a
        leftover of rendered markup, counts nothing. Peers write no delimiters: they have no strict score, and mark
        no page.
worst kind  the least share that is kept of a kind of pages
--check ends with status 1 where ours keeps less than 95 % of all formulas, or less than 90 % of a kind.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from html import unescape
from pathlib import Path
from typing import Any

from bench.harness import Case, main

PEERS = ["resiliparse==2.0.1", "trafilatura==2.3.1"]
OURS = "gristmill"
_NO_MATTER = re.compile(r"[\s{}]|\\displaystyle")
_MARKED = re.compile(r"(?<!\\)\$\$(.+?)(?<!\\)\$\$|(?<!\\)\$(.+?)(?<!\\)\$", re.DOTALL)
_LEFTOVERS = ("\ue000", "katex", "MathJax", "mjx-", "annotation", "mathml")
_LEAST = 0.95  # of all formulas, for --check
_LOW = 0.90  # a kind below this is named, and fails --check


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pages", type=Path, help="folder of ID.html")
    parser.add_argument("--truth", type=Path, help="JSONL with the formulas of each page")
    parser.add_argument("--check", action="store_true", help="status 1 below 95 % of all or 90 % of a kind")


def cases(options: argparse.Namespace) -> list[Case]:
    if options.pages is None or options.truth is None:
        return []
    paths = {"pages": str(options.pages.resolve()), "truth": str(options.truth.resolve())}
    return [
        Case(
            name,
            "bench.formulas:extract_all",
            {"extractor": name, **paths},
            peer=None if name == OURS else name,
        )
        for name in _EXTRACTORS
    ]


def extract_all(extractor: str, pages: str, truth: str) -> dict[str, float]:
    """Extract every page and score it; the clock runs for the extraction alone."""
    listed, htmls = read_pages(pages, truth)
    extract = _EXTRACTORS[extractor]()
    for html in htmls[:3]:
        extract(html)  # imports and models
    started, cpu = time.perf_counter(), time.process_time()
    texts = [extract(html) for html in htmls]
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    figures = {"wall_seconds": wall, "cpu_seconds": cpu, "ms_per_page": 1000 * cpu / max(1, len(htmls))}
    marks = extractor == OURS
    return figures | summarise(score(listed, htmls, texts, marks=marks), marks=marks)


def read_pages(pages: str | Path, truth: str | Path) -> tuple[list[Any], list[str]]:
    """The listed pages with their formulas, and their HTML."""
    listed = [
        json.loads(line) for line in Path(truth).read_text(encoding="utf-8").splitlines() if line.strip()
    ]
    return listed, [(Path(pages) / f"{page['id']}.html").read_text(encoding="utf-8") for page in listed]


def score(
    listed: Sequence[Any], htmls: Sequence[str], texts: Sequence[str], *, marks: bool
) -> dict[str, dict[str, int]]:
    """By kind of page: pages, complete (all formulas kept), formulas, kept, strict, wrong (negatives marked)."""
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for page, html, text in zip(listed, htmls, texts, strict=True):
        formulas, kind = page["formulas"], found[page["kind"]]
        kept = sum(is_kept(formula, text) for formula in formulas)
        kind["pages"] += 1
        kind["formulas"] += len(formulas)
        kind["kept"] += kept
        kind["complete"] += bool(formulas) and kept == len(formulas)
        kind["strict"] += count_strict(formulas, text) if marks and formulas else 0
        kind["wrong"] += bool(marks and not formulas and _is_marked(html, text))
    return {kind: dict(figures) for kind, figures in sorted(found.items())}


def summarise(by_kind: dict[str, dict[str, int]], *, marks: bool = True) -> dict[str, float]:
    """The figures of all kinds together, with the share of the worst; of what marks nothing, only what it keeps."""
    asked = [kind for kind in by_kind.values() if kind["formulas"]]
    every = max(1, sum(kind["formulas"] for kind in asked))
    figures: dict[str, float] = {
        "formulas": every,
        "kept": sum(kind["kept"] for kind in asked) / every,
        "worst_kind": min((kind["kept"] / kind["formulas"] for kind in asked), default=0),
        "complete_pages": sum(kind["complete"] for kind in asked),
    }
    if marks:
        figures["strict"] = sum(kind["strict"] for kind in asked) / every
        figures["negatives_marked"] = sum(kind["wrong"] for kind in by_kind.values())
    return figures


def shortfalls(by_kind: dict[str, dict[str, int]]) -> list[str]:
    """What misses the shares that are to be kept, in words."""
    missed = [
        f"{kind}: {figures['kept']} of {figures['formulas']} kept, at least {_LOW:.0%} are wanted"
        for kind, figures in by_kind.items()
        if figures["kept"] < _LOW * figures["formulas"]
    ]
    kept = summarise(by_kind)["kept"] if any(figures["formulas"] for figures in by_kind.values()) else 0.0
    return missed if kept >= _LEAST else [*missed, f"all: {kept:.1%} kept, at least {_LEAST:.0%} are wanted"]


def is_kept(formula: Any, text: str) -> bool:
    """Whether one of a formula's accepted forms is in a text."""
    plain = _NO_MATTER.sub("", text)
    return any(_NO_MATTER.sub("", form) in plain for form in (formula["latex"], *formula.get("accept", [])))


def count_strict(formulas: Sequence[Any], text: str) -> int:
    """How many formulas stand in order between the right delimiters; 0 where there is more, or a leftover."""
    marked = [(found[1] or found[2], bool(found[1])) for found in _MARKED.finditer(text)]
    if len(marked) > len(formulas) or any(left in text for left in _LEFTOVERS):
        return 0
    at = right = 0
    for formula in formulas:
        for number in range(at, len(marked)):
            tex, display = marked[number]
            if display == formula["display"] and is_kept(formula, tex):
                right, at = right + 1, number + 1
                break
    return right


def _is_marked(html: str, text: str) -> bool:
    """Whether a text has delimiters that its page does not show as they are."""
    shown = unescape(html)
    return any(found[0] not in shown for found in _MARKED.finditer(text)) or "\ue000" in text


# -- extractors -------------------------------------------------------------------------------------------------


def _gristmill() -> Callable[[str], str]:
    from gristmill.ingest.html import extract_page
    from gristmill.ingest.options import HtmlOptions

    options = HtmlOptions()
    return lambda html: extract_page(html, options).text


def _resiliparse() -> Callable[[str], str]:
    from resiliparse.extract.html2text import extract_plain_text

    return lambda html: extract_plain_text(html, main_content=True, alt_texts=True)


def _trafilatura() -> Callable[[str], str]:
    from trafilatura import extract

    return lambda html: extract(html) or ""


_EXTRACTORS: dict[str, Callable[[], Callable[[str], str]]] = {
    OURS: _gristmill,
    "resiliparse": _resiliparse,
    "trafilatura": _trafilatura,
}


def main_with_kinds(argv: Sequence[str] | None = None) -> dict[str, dict[str, int]]:
    """Measure and print as every bench; then the kinds of pages that ours loses formulas of."""
    main(__doc__, cases, argv, add_options=add_options)
    parser = argparse.ArgumentParser(add_help=False)
    add_options(parser)
    parser.add_argument("--json", type=Path)
    options, _ = parser.parse_known_args(argv)
    if options.pages is None or options.truth is None:
        return {}
    listed, htmls = read_pages(options.pages, options.truth)
    by_kind = score(listed, htmls, list(map(_gristmill(), htmls)), marks=True)
    for kind, figures in by_kind.items():
        lost = figures["formulas"] - min(figures["kept"], figures["strict"])
        if lost or figures["wrong"]:
            low = " (below 90 %)" if lost > (1 - _LOW) * figures["formulas"] else ""
            print(
                f"{kind}: {figures['kept']} of {figures['formulas']} kept, {figures['strict']} strict, "
                f"{figures['wrong']} pages without formulas marked{low}"
            )
    if options.json:
        written = json.loads(options.json.read_text(encoding="utf-8"))
        options.json.write_text(json.dumps(written | {"kinds": by_kind}, indent=1) + "\n", encoding="utf-8")
    missed = shortfalls(by_kind) if options.check else []
    for line in missed:
        print(f"missed: {line}")
    if missed:
        raise SystemExit(1)
    return by_kind


if __name__ == "__main__":
    main_with_kinds()
