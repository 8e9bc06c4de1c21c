"""The formulas of a page as `$...$` and `$$...$$`: every carrier in use on the web, one copy of each.

A formula must survive what picks the main content and what renders it as text, so it is taken out first: every carrier
(carriers.py), and every formula between delimiters in running text (delimiters.py), is replaced in the parsed tree by a
placeholder, and put back into the rendered text. Kinds of carriers follow OpenWebMath (arXiv 2310.06786, section 3)
and go beyond it; its known losses (swapped delimiters, display scripts, prefixed MathML) are not copied.

A page with formulas has its other dollars escaped (`\\$5`), so that in the text a bare dollar is always a delimiter.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from gristmill.ingest.html.asciimath import tex_of_asciimath
from gristmill.ingest.html.carriers import mark_carriers, remove
from gristmill.ingest.html.delimiters import Delimiters, Finder, Match, read_delimiters, read_macros
from gristmill.ingest.html.runs import Run, text_runs
from gristmill.ingest.html.signs import find_signs
from gristmill.ingest.html.tex import clean_tex, escape_dollars, take_definitions
from gristmill.ingest.options import HtmlOptions

# Around the number of a formula; extract_page takes them out of the page first.
OPEN, CLOSE = "\ue000", "\ue001"
MAX_FORMULAS = 8_000  # of a page: about 0.1 ms each, so less than a second; lecture notes have some 2,000
_MAX_MACROS = 200  # definitions kept of a page
_PLACEHOLDER = re.compile(f"{OPEN}([0-9]{{1,9}}){CLOSE}")
_ONLY_PLACEHOLDER = re.compile(f"\\s*{OPEN}[0-9]{{1,9}}{CLOSE}\\s*")
_BARE_DOLLAR = re.compile(r"(?<!\\)\$")


class TooManyFormulasError(Exception):
    """A page has more than MAX_FORMULAS; the number that was reached."""

    def __init__(self, count: int) -> None:
        self.count = count


@dataclass
class Formulas:
    """The formulas of a page, in the order in which they were found; their numbers are in the placeholders."""

    counts: Counter[str] = field(default_factory=Counter)  # by carrier
    failed: Counter[str] = field(default_factory=Counter)  # by carrier: no TeX could be had, the text stays
    macros: list[str] = field(default_factory=list)  # definitions, without repeats
    last_tex: str = ""
    _texts: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many were found in the page, whether or not the block that holds them is kept."""
        return sum(self.counts.values())

    def add(self, tex: str, display: bool, carrier: str) -> str:
        """Keep a formula; the placeholder for it. Macro definitions are no formula, and leave nothing behind."""
        self.last_tex = tex
        tex = escape_dollars(tex)
        if "\\" in tex:
            tex, definitions = take_definitions(tex)
            for definition in definitions:
                self.define(definition)
        if tex:
            self.counts[carrier] += 1
            mark = "$$" if display else "$"
            end = (
                " " if (len(tex) - len(tex.rstrip("\\"))) % 2 else ""
            )  # a last backslash would escape the dollar
            tex = f"{mark}{tex}{end}{mark}"
        self._texts.append(tex)
        self._check_room()
        return f"{OPEN}{len(self._texts) - 1}{CLOSE}"

    def fail(self, carrier: str) -> None:
        """Count a formula whose carrier could not be read."""
        self.failed[carrier] += 1
        self._check_room()

    def _check_room(self) -> None:
        if (reached := len(self._texts) + self.failed.total()) > MAX_FORMULAS:
            raise TooManyFormulasError(reached)

    def define(self, definition: str) -> None:
        """Keep a macro definition, once."""
        if definition not in self.macros and len(self.macros) < _MAX_MACROS:
            self.macros.append(definition)

    def restore(self, text: str) -> str:
        """The text with every formula in the place of its placeholder."""
        parts: list[str] = []
        done = 0
        for found in _PLACEHOLDER.finditer(text):
            number = int(found[1])
            formula = self._texts[number] if number < len(self._texts) else ""
            parts.append(text[done : found.start()])
            if formula and found.start() == done and parts[:-1] and parts[-2].endswith("$"):
                parts.append(" ")  # `$a$$b$` would read as one display
            parts.append(formula)
            done = found.end()
        parts.append(text[done:])
        return "".join(parts)

    def count_in(self, text: str) -> int:
        """How many placeholders of formulas are in a text that is not restored yet."""
        return sum(
            int(found[1]) < len(self._texts) and self._texts[int(found[1])] != ""
            for found in _PLACEHOLDER.finditer(text)
        )

    def meta(self) -> dict[str, Any]:
        """What documents.meta says of the formulas; empty where there are none."""
        found: dict[str, Any] = {}
        if self.counts:
            found["formulas"] = dict(sorted(self.counts.items()))
        if self.failed:
            found["formulas_failed"] = dict(sorted(self.failed.items()))
        if self.macros:
            found["macros"] = list(self.macros)
        return found


def looks_like_maths(html: str) -> bool:
    """Whether a page shows a sign of formulas: something that carries one, a renderer, or TeX in its text.

    The prefilter of OpenWebMath (section 3.1) without its classifier: meant for high recall, before extraction. A page
    that is not taken has no formula for `mark_formulas`. About 0.1 ms for 130 kB.
    """
    return any(find_signs(html)[:3])


def mark_formulas(tree: Any, html: str, options: HtmlOptions) -> Formulas | None:
    """Replace every formula in the tree by a text node with a placeholder; None where the page holds no formula.

    Linear in the page. Text in `pre` and `code` is never a formula, except where the element says that it is one.
    Raises TooManyFormulasError.
    """
    if not options.formulas or tree.body is None:
        return None
    signs = find_signs(html)
    if not any(signs[:3]):
        return None
    formulas = Formulas()
    if signs.carrier:
        mark_carriers(tree, html, formulas)
    delimiters = read_delimiters(html, signs.words)
    _mark_delimited(tree, html, delimiters, formulas)
    for definition in read_macros(html) if delimiters.renderer and formulas.count else ():
        formulas.define(definition)
    return formulas if formulas.count or formulas.failed or formulas.macros else None


def _mark_delimited(tree: Any, html: str, delimiters: Delimiters, formulas: Formulas) -> None:
    if not delimiters.used and not (formulas.count and "$" in html):
        return
    finder = Finder(delimiters)
    runs = text_runs(tree.body, delimiters, finder.openings, one_dollar=formulas.count > 0)
    if (dollars := sum(run.text.count("$") for run in runs)) > 2 * MAX_FORMULAS:
        raise TooManyFormulasError(dollars // 2)
    if delimiters.used:
        finder.observe([run.text for run in runs if not run.ignored])
    found = [finder.find(run.text) if delimiters.used and not run.ignored else [] for run in runs]
    for run, matches in zip(runs, found, strict=True):
        marked = [(match, mark) for match in matches if (mark := _mark(match, run, formulas)) is not None]
        if marked:
            run.replace(tree, marked, remove)
    if formulas.count and "$" in html:
        for run in runs:
            run.escape(_BARE_DOLLAR)


def _mark(match: Match, run: Run, formulas: Formulas) -> str | None:
    """The placeholder for a match; of one that holds another formula and nothing else, that formula's own."""
    if OPEN in match.body:
        return match.body.strip() if _ONLY_PLACEHOLDER.fullmatch(match.body) else None
    if match.kind == "asciimath":
        return formulas.add(tex_of_asciimath(match.body), bool(match.display), "asciimath")
    tex, display = clean_tex(match.body)
    if not tex.strip("$ \\"):
        return None
    if match.kind != "environment":
        display = match.display
    carrier = "environment" if match.kind == "environment" else "delimited"
    return formulas.add(tex, True if display is None else display, carrier)
