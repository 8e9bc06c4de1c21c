"""Presentation MathML as LaTeX.

Written for this project: mathml-to-latex 1.0.0 wrote invalid TeX (`\\left{`) and ended in RecursionError on nested
input, and mml2tex needs an XSLT 2 processor (SaxonC). Elements are
those of MathML Core and the older ones of MathML 3 that pages still hold (mfenced, menclose; mstack not).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from gristmill.ingest.html.symbols import ACCENTS, COMMANDS, FUNCTIONS, tex_of
from gristmill.ingest.html.tex import MAX_TEX_CHARS, clean_tex

_MAX_DEPTH = 100  # a formula that people read has about 15
_MAX_NODES = 20_000
_TEX_ENCODINGS = ("tex", "latex")  # application/x-tex, application/x-latex, LaTeX, TeX, tex, text/latex ...
_EMPTY = frozenset({"mspace", "none", "mprescripts", "malignmark", "maligngroup"})
_IGNORED = frozenset(
    {"annotation", "annotation-xml", "mphantom", "none", "mprescripts", "malignmark", "maligngroup", "script"}
)
_LIMITS = ("\\sum", "\\prod", "\\coprod", "\\bigcup", "\\bigcap", "\\bigvee", "\\bigwedge", "\\bigoplus", "\\bigotimes",
           "\\int", "\\iint", "\\iiint", "\\oint", "\\bigodot", "\\biguplus", "\\bigsqcup", "\\lim", "\\max",
           "\\min", "\\sup",
           "\\inf", "\\det", "\\gcd", "\\Pr", "\\limsup", "\\liminf", "\\operatorname*")  # fmt: skip
_FENCES = {"(": "(", ")": ")", "[": "[", "]": "]", "{": "\\{", "}": "\\}", "|": "|", "‖": "\\|", "∥": "\\|",
           "⟨": "\\langle",
           "⟩": "\\rangle", "〈": "\\langle", "〉": "\\rangle", "⌈": "\\lceil", "⌉": "\\rceil", "⌊": "\\lfloor",
           "⌋": "\\rfloor", "": ".", "<": "\\langle", ">": "\\rangle", "/": "/", "||": "\\|"}  # fmt: skip
_MATRICES = {
    ("(", ")"): "pmatrix",
    ("[", "]"): "bmatrix",
    ("|", "|"): "vmatrix",
    ("{", "}"): "Bmatrix",
    ("‖", "‖"): "Vmatrix",
}
_VARIANTS = {
    "bold": "\\mathbf", "bold-italic": "\\boldsymbol", "double-struck": "\\mathbb", "script": "\\mathcal",
    "bold-script": "\\mathcal", "fraktur": "\\mathfrak", "bold-fraktur": "\\mathfrak", "sans-serif": "\\mathsf",
    "bold-sans-serif": "\\mathsf", "monospace": "\\mathtt",
}  # fmt: skip
_SPACE = re.compile(r"\s+")
_TIDY = re.compile(r" +(?=[\^_})\],;]|$)")
_NEGATED = "\u0338"


class _UnreadableError(Exception):
    """The formula is nested too deep or too long."""


def tex_of_mathml(math: Any) -> tuple[str | None, str]:
    """(TeX, carrier) of a `math` element: its annotation, else its alttext, else its translation (annotation |
    alttext | mathml); (None, "mathml") where it cannot be translated or is empty.
    """
    annotated = _annotation(math)
    if annotated:
        return annotated, "annotation"
    alttext = clean_tex(attribute(math, "alttext") or attribute(math, "data-latex") or "")[0]
    if alttext and (not _is_speech(alttext)):
        return alttext, "alttext"
    return translate_mathml(math), "mathml"


def translate_mathml(math: Any) -> str | None:
    """The presentation markup of an element as LaTeX, or None where it holds nothing or breaks a limit."""
    try:
        tex = _Translation().row(math, 0)
    except _UnreadableError:
        return None
    tex = _TIDY.sub("", _SPACE.sub(" ", tex)).strip()
    return tex if tex and len(tex) <= MAX_TEX_CHARS else None


def attribute(element: Any, name: str) -> str:
    """The value of an attribute, "" where there is none."""
    return element.getattr(name) or ""


def local_name(element: Any) -> str:
    """Tag without a namespace prefix, in lower case; "" for what is no element."""
    tag = element.tag or ""
    return tag.rpartition(":")[2].lower()


def _annotation(math: Any) -> str | None:
    """The TeX among the annotations, by their encoding; a few names are in use."""
    for element in math.query_selector_all(
        "*|annotation, annotation, mml\\:annotation, m\\:annotation"
    ).values()[:20]:
        encoding = attribute(element, "encoding").lower()
        if any(name in encoding for name in _TEX_ENCODINGS) and (tex := clean_tex(element.text or "")[0]):
            return tex
    return None


def _is_speech(alttext: str) -> bool:
    """Whether an alttext is words for a screen reader, as some publishers write it, and not TeX."""
    words = re.findall(r"(?<![\\A-Za-z{])[A-Za-z]{2,}", alttext)
    return len(words) >= 3 and "\\" not in alttext and "_" not in alttext and "^" not in alttext


class _Translation:
    """One formula on its way to LaTeX."""

    def __init__(self) -> None:
        self._nodes = 0

    def row(self, element: Any, depth: int) -> str:
        """The children of an element one after the other; a table between fences becomes a matrix."""
        return self._join(self._children(element), depth)

    def _join(self, children: list[Any], depth: int) -> str:
        parts: list[str] = []
        at = 0
        while at < len(children):
            if (
                at + 1 < len(children)
                and local_name(children[at + 1]) == "mtable"
                and _is_fence(children[at])
            ):
                fenced = at + 2 < len(children) and _is_fence(children[at + 2])
                closing = _leaf(children[at + 2]) if fenced else ""
                parts.append(self._table_in(children[at + 1], _leaf(children[at]), closing, depth))
                at += 3 if fenced else 2
                continue
            parts.append(self._spaced(self._node(children[at], depth + 1)))
            at += 1
        return "".join(parts)

    def _spaced(self, tex: str) -> str:
        """A command that ends in a letter must not run into the next one."""
        return tex + " " if re.search(r"\\[A-Za-z]+\Z", tex) else tex

    def _table_in(self, table: Any, opening: str, closing: str, depth: int) -> str:
        body = self._rows(table, depth + 1)
        if opening == "{" and not closing:
            return f"\\begin{{cases}} {body} \\end{{cases}}"
        name = _MATRICES.get((opening, closing))
        if name is not None:
            return f"\\begin{{{name}}} {body} \\end{{{name}}}"
        left, right = _fence(opening), _fence(closing)
        return f"\\left{left} \\begin{{matrix}} {body} \\end{{matrix}} \\right{right}"

    def _node(self, element: Any, depth: int) -> str:
        self._nodes += 1
        if depth > _MAX_DEPTH or self._nodes > _MAX_NODES:
            raise _UnreadableError
        name = local_name(element)
        if name in _IGNORED:
            return ""
        method = _ELEMENTS.get(name)
        return method(self, element, depth) if method else self.row(element, depth)

    def _children(self, element: Any) -> list[Any]:
        return list(_elements(element, 0))

    def _argument(self, element: Any, depth: int) -> str:
        return self._node(element, depth + 1).strip()

    # -- leaves --

    def _identifier(self, element: Any, depth: int) -> str:
        text = _leaf(element)
        if not text:
            return self.row(element, depth)
        variant = _VARIANTS.get(attribute(element, "mathvariant").lower())
        if variant:
            return f"{variant}{{{tex_of(text).strip()}}}"
        if text in FUNCTIONS:
            return f"\\{text} "
        if len(text) > 1 and text.isalpha() and text.isascii():
            return f"\\mathrm{{{text}}}" if len(text) <= 3 else f"\\operatorname{{{text}}}"
        return tex_of(text)

    def _number(self, element: Any, depth: int) -> str:
        text = _leaf(element)
        variant = _VARIANTS.get(attribute(element, "mathvariant").lower())
        return f"{variant}{{{tex_of(text)}}}" if variant else tex_of(text)

    def _operator(self, element: Any, depth: int) -> str:
        text = _leaf(element)
        if _NEGATED in text:
            return f"\\not{tex_of(text.replace(_NEGATED, ''))}"
        if text in FUNCTIONS:
            return f"\\{text} "
        if text in ("lim sup", "lim inf"):
            return f"\\{text.replace(' ', '')} "
        if len(text) > 1 and text.isalpha() and text.isascii():
            return f"\\operatorname{{{text}}}"
        if attribute(element, "fence") == "true" and text in ("<", ">"):
            return _FENCES[text] + " "
        tex = tex_of(text)
        return f" {tex} " if tex in ("=", "<", ">", "+", "-", ":=") else tex

    def _text(self, element: Any, depth: int) -> str:
        # An mtext may hold formulas of its own.
        if any(local_name(child) == "math" for child in self._children(element)):
            return self.row(element, depth)
        text = _SPACE.sub(" ", (element.text or "").replace("\u00a0", " "))
        if not text.strip():
            return "\\;" if text else ""
        return "\\text{" + re.sub(r"([#%&_])", r"\\\1", text.replace("\\", "")) + "}"

    def _space(self, element: Any, depth: int) -> str:
        width = attribute(element, "width")
        if attribute(element, "linebreak") == "newline":
            return "\\\\ "
        found = re.match(r"(-?[\d.]+)\s*em", width)
        if not found:
            return " "
        try:
            size = float(found[1])
        except ValueError:
            return " "
        return "\\qquad " if size >= 2 else "\\quad " if size >= 0.9 else "\\," if size > 0.1 else ""

    # -- general layout --

    def _fraction(self, element: Any, depth: int) -> str:
        over = self._arguments(element, 2, depth)
        if re.match(r"0(?:\.0*)?(?:pt|em|px|ex|%)?\Z", attribute(element, "linethickness").strip()):
            return f"\\genfrac{{}}{{}}{{0pt}}{{}}{{{over[0]}}}{{{over[1]}}}"
        return f"\\frac{{{over[0]}}}{{{over[1]}}}"

    def _root(self, element: Any, depth: int) -> str:
        radicand, index = self._arguments(element, 2, depth)
        return f"\\sqrt[{index}]{{{radicand}}}"

    def _square_root(self, element: Any, depth: int) -> str:
        return f"\\sqrt{{{self.row(element, depth).strip()}}}"

    def _fenced(self, element: Any, depth: int) -> str:
        opening = element.getattr("open") if element.hasattr("open") else "("
        closing = element.getattr("close") if element.hasattr("close") else ")"
        opening, closing = (opening or "").strip(), (closing or "").strip()
        children = self._children(element)
        if len(children) == 1 and (table := _only_table(children[0])) is not None:
            return self._table_in(table, opening, closing, depth)
        separators = element.getattr("separators") if element.hasattr("separators") else ","
        marks = "".join((separators or "").split())
        parts: list[str] = []
        for number, child in enumerate(children):
            if number and marks:
                parts.append(tex_of(marks[min(number - 1, len(marks) - 1)]))
            parts.append(self._spaced(self._node(child, depth + 1)))
        return f"\\left{_fence(opening)} {''.join(parts).strip()} \\right{_fence(closing)}"

    def _enclosed(self, element: Any, depth: int) -> str:
        inner = self.row(element, depth).strip()
        notation = attribute(element, "notation").split()
        if "radical" in notation:
            return f"\\sqrt{{{inner}}}"
        if "box" in notation or "roundedbox" in notation:
            return f"\\boxed{{{inner}}}"
        if any(mark.endswith("diagonalstrike") for mark in notation):
            return f"\\cancel{{{inner}}}"
        return f"\\overline{{{inner}}}" if "top" in notation else inner

    def _style(self, element: Any, depth: int) -> str:
        variant = _VARIANTS.get(attribute(element, "mathvariant").lower())
        inner = self.row(element, depth)
        return f"{variant}{{{inner.strip()}}}" if variant else inner

    def _semantics(self, element: Any, depth: int) -> str:
        children = self._children(element)
        return self._node(children[0], depth + 1) if children else ""

    # -- scripts --

    def _sub(self, element: Any, depth: int) -> str:
        base, below = self._arguments(element, 2, depth)
        return f"{_base(base)}_{{{below}}}"

    def _sup(self, element: Any, depth: int) -> str:
        base, above = self._arguments(element, 2, depth)
        return f"{_base(base)}{_superscript(above)}"

    def _subsup(self, element: Any, depth: int) -> str:
        base, below, above = self._arguments(element, 3, depth)
        return f"{_base(base)}_{{{below}}}{_superscript(above)}"

    def _under(self, element: Any, depth: int) -> str:
        children = self._children(element)
        base, below = self._arguments(element, 2, depth)
        accent = _accent(children[1], under=True) if len(children) == 2 else None
        if accent:
            return f"\\{accent}{{{base}}}"
        return f"{base}_{{{below}}}" if _takes_limits(base) else f"\\underset{{{below}}}{{{base}}}"

    def _over(self, element: Any, depth: int) -> str:
        children = self._children(element)
        base, above = self._arguments(element, 2, depth)
        accent = _accent(children[1], under=False) if len(children) == 2 else None
        if accent == "bar" and len(base) > 1 and not base.startswith("\\"):
            accent = "overline"
        if accent:
            return f"\\{accent}{{{base}}}"
        if base.strip() in ("\\rightarrow", "\\leftarrow"):
            return f"\\x{base.strip()[1:]}{{{above}}}"
        return f"{base}^{{{above}}}" if _takes_limits(base) else f"\\overset{{{above}}}{{{base}}}"

    def _underover(self, element: Any, depth: int) -> str:
        base, below, above = self._arguments(element, 3, depth)
        if _takes_limits(base):
            return f"{base}_{{{below}}}^{{{above}}}"
        if base.strip() in ("\\rightarrow", "\\leftarrow"):
            return f"\\x{base.strip()[1:]}[{below}]{{{above}}}"
        return f"\\overset{{{above}}}{{\\underset{{{below}}}{{{base}}}}}"

    def _multiscripts(self, element: Any, depth: int) -> str:
        children = self._children(element)
        if not children:
            return ""
        base = self._argument(children[0], depth)
        names = [local_name(child) for child in children]
        split = names.index("mprescripts") if "mprescripts" in names else len(children)
        after = self._scripts(children[1:split], depth)
        before = self._scripts(children[split + 1 :], depth)
        return ("{}" + before if before else "") + _base(base) + after

    def _scripts(self, children: list[Any], depth: int) -> str:
        below = " ".join(filter(None, (self._argument(child, depth) for child in children[::2])))
        above = " ".join(filter(None, (self._argument(child, depth) for child in children[1::2])))
        return (f"_{{{below}}}" if below else "") + (f"^{{{above}}}" if above else "")

    def _arguments(self, element: Any, count: int, depth: int) -> list[str]:
        """Exactly `count` arguments. Of too few the first is missing: `<m:mrow/>` swallows what follows."""
        given = [self._argument(child, depth) for child in self._children(element)]
        if len(given) > count:
            given = [*given[: count - 1], "".join(map(self._spaced, given[count - 1 :])).strip()]
        return [""] * (count - len(given)) + given

    # -- tables --

    def _table(self, element: Any, depth: int) -> str:
        body = self._rows(element, depth)
        name = "aligned" if re.match(r"\s*right\s+left", attribute(element, "columnalign")) else "matrix"
        return f"\\begin{{{name}}} {body} \\end{{{name}}}"

    def _rows(self, table: Any, depth: int) -> str:
        rows = []
        for row in self._children(table):
            cells = self._children(row)
            if local_name(row) == "mlabeledtr":
                cells = cells[1:]
            rows.append(" & ".join(self._argument(cell, depth + 1) for cell in cells))
        return " \\\\ ".join(rows)


_ELEMENTS: dict[str, Callable[[_Translation, Any, int], str]] = {
    "mi": _Translation._identifier,
    "mn": _Translation._number,
    "mo": _Translation._operator,
    "mtext": _Translation._text,
    "ms": _Translation._text,
    "mspace": _Translation._space,
    "mfrac": _Translation._fraction,
    "mroot": _Translation._root,
    "msqrt": _Translation._square_root,
    "mfenced": _Translation._fenced,
    "menclose": _Translation._enclosed,
    "mstyle": _Translation._style,
    "semantics": _Translation._semantics,
    "msub": _Translation._sub,
    "msup": _Translation._sup,
    "msubsup": _Translation._subsup,
    "munder": _Translation._under,
    "mover": _Translation._over,
    "munderover": _Translation._underover,
    "mmultiscripts": _Translation._multiscripts,
    "mtable": _Translation._table,
}


def _elements(parent: Any, depth: int) -> Iterator[Any]:
    """The element children. What HTML nests in an empty element with a prefix (`<m:mspace/>`) follows it."""
    child = parent.first_element_child
    while child is not None:
        yield child
        if depth < _MAX_DEPTH and local_name(child) in _EMPTY and child.first_element_child is not None:
            yield from _elements(child, depth + 1)
        child = child.next_element_sibling


def _leaf(element: Any) -> str:
    return _SPACE.sub(" ", (element.text or "")).strip()


def _only_table(element: Any) -> Any | None:
    """The table that is all there is in an element."""
    for _ in range(8):
        if local_name(element) == "mtable":
            return element
        children = list(_elements(element, 0))
        if local_name(element) not in ("mrow", "mstyle", "mpadded") or len(children) != 1:
            return None
        element = children[0]
    return None


def _is_fence(element: Any) -> bool:
    return local_name(element) == "mo" and _leaf(element) in _FENCES


def _fence(char: str) -> str:
    return _FENCES.get(char) or COMMANDS.get(char, char).strip() or "."


def _base(tex: str) -> str:
    """A base for scripts: in braces where it has scripts of its own or is more than one sign."""
    if not tex:
        return "{}"
    if re.fullmatch(
        r"[^\\{}^_]|\\[A-Za-z]+|\\[^A-Za-z]|\\(?:math[a-z]+|operatorname|text|boldsymbol)\{[^{}]*\}", tex
    ):
        return tex
    if (
        re.fullmatch(r"\d+(?:\.\d+)?|\\left.*\\right\W|\\(?:begin|frac|sqrt|[a-z]+)\{.*\}", tex)
        and "^" not in tex
    ):
        return tex if "_" not in tex else f"{{{tex}}}"
    return f"{{{tex}}}"


def _superscript(above: str) -> str:
    return above if re.fullmatch(r"'+", above) else f"^{{{above}}}"


def _takes_limits(base: str) -> bool:
    return base.strip().startswith(_LIMITS)


def _accent(element: Any, *, under: bool) -> str | None:
    name = ACCENTS.get(_leaf(element)) if local_name(element) in ("mo", "mtext", "mi") else None
    if name is None:
        return None
    if under:
        return {"bar": "underline", "overline": "underline", "underbrace": "underbrace"}.get(name) or (
            "underline" if name == "underline" else None
        )
    return name if name != "underbrace" else None
