"""AsciiMath as LaTeX: the grammar of asciimath.org by recursive descent.

Written for this project: the one package that does it has had no release since 2020. Here nothing raises: an unknown
word stays a word.
"""

from __future__ import annotations

import re

MAX_ASCIIMATH_CHARS = 500
_MAX_DEPTH = 40

_SAME = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi rho sigma tau "
    "upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega sum prod int oint partial "
    "cdot times div circ oplus otimes wedge vee cap cup setminus star ast lim sin cos tan sec csc cot arcsin "
    "arccos arctan "
    "sinh cosh tanh log ln exp det dim mod gcd lcm min max sup inf in notin subset supset subseteq supseteq equiv "
    "cong "
    "approx propto neg implies iff forall exists perp infty aleph nabla quad qquad cdots vdots ddots leq geq prec "
    "succ "
    "rightarrow leftarrow leftrightarrow Rightarrow Leftarrow Leftrightarrow uparrow downarrow emptyset diamond "
    "square "
    "models vdash top bot pm therefore because langle rangle lfloor rfloor lceil rceil ldots triangle angle frown"
)
_SYMBOLS = {
    **{name: f"\\{name}" for name in _SAME.split()},
    "**": "\\ast", "***": "\\star", "//": "/", "\\\\": "\\backslash", "xx": "\\times", "-:": "\\div", "@": "\\circ",
    "o+": "\\oplus", "ox": "\\otimes", "o.": "\\odot", "^^": "\\wedge", "^^^": "\\bigwedge", "vv": "\\vee",
    "vvv": "\\bigvee", "nn": "\\cap", "nnn": "\\bigcap", "uu": "\\cup", "uuu": "\\bigcup", "!=": "\\neq",
    "ne": "\\neq",
    "<=": "\\leq", "le": "\\leq", ">=": "\\geq", "ge": "\\geq", "lt": "<", "gt": ">", "-<": "\\prec", ">-": "\\succ",
    "!in": "\\notin", "sub": "\\subset", "sup": "\\supset", "sube": "\\subseteq", "supe": "\\supseteq",
    "-=": "\\equiv",
    "~=": "\\cong", "~~": "\\approx", "~": "\\sim", "prop": "\\propto", "and": "\\text{ and }", "or": "\\text{ or }",
    "not": "\\neg", "=>": "\\Rightarrow", "if": "\\text{if }", "<=>": "\\Leftrightarrow", "AA": "\\forall",
    "EE": "\\exists", "_|_": "\\perp", "TT": "\\top", "|--": "\\vdash", "|==": "\\models", "grad": "\\nabla",
    "del": "\\partial", "+-": "\\pm", "O/": "\\emptyset", "oo": "\\infty", "...": "\\ldots", "CC": "\\mathbb{C}",
    "NN": "\\mathbb{N}", "QQ": "\\mathbb{Q}", "RR": "\\mathbb{R}", "ZZ": "\\mathbb{Z}", "->": "\\to", "to": "\\to",
    "|->": "\\mapsto", "larr": "\\leftarrow", "rarr": "\\rightarrow", "harr": "\\leftrightarrow", "uarr": "\\uparrow",
    "darr": "\\downarrow", "rArr": "\\Rightarrow", "lArr": "\\Leftarrow", "hArr": "\\Leftrightarrow",
    ":.": "\\therefore",
    "dx": "dx", "dy": "dy", "dz": "dz", "dt": "dt", "%": "\\%", "&": "\\&", "#": "\\#", "$": "\\$",
}  # fmt: skip
_FUNCTIONS = frozenset([
    "sin", "cos", "tan", "sec", "csc", "cot", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "log",
    "ln", "exp", "det", "dim", "gcd", "lcm", "min", "max", "f", "g",
])  # fmt: skip
_UNARY = {
    "sqrt": "\\sqrt{%s}", "text": "\\text{%s}", "mbox": "\\text{%s}", "bb": "\\mathbf{%s}", "bbb": "\\mathbb{%s}",
    "cc": "\\mathcal{%s}", "tt": "\\mathtt{%s}", "fr": "\\mathfrak{%s}", "sf": "\\mathsf{%s}", "hat": "\\hat{%s}",
    "bar": "\\overline{%s}", "ul": "\\underline{%s}", "vec": "\\vec{%s}", "tilde": "\\tilde{%s}", "dot": "\\dot{%s}",
    "ddot": "\\ddot{%s}", "abs": "\\left|%s\\right|", "norm": "\\left\\|%s\\right\\|", "cancel": "\\cancel{%s}",
    "floor": "\\left\\lfloor %s\\right\\rfloor", "ceil": "\\left\\lceil %s\\right\\rceil",
    "ubrace": "\\underbrace{%s}",
    "obrace": "\\overbrace{%s}",
}  # fmt: skip
_BINARY = {
    "frac": "\\frac{%s}{%s}", "root": "\\sqrt[%s]{%s}", "stackrel": "\\stackrel{%s}{%s}",
    "overset": "\\overset{%s}{%s}",
    "underset": "\\underset{%s}{%s}", "color": "\\color{%s}{%s}",
}  # fmt: skip
_OPEN = {"(": "(", "[": "[", "{": "\\{", "(:": "\\langle ", "<<": "\\langle ", "{:": "."}
_CLOSE = {")": ")", "]": "]", "}": "\\}", ":)": "\\rangle ", ">>": "\\rangle ", ":}": "."}
_TALL = ("\\frac", "\\sum", "\\int", "\\begin", "\\prod", "\\sqrt")
_NAMES = sorted({*_SYMBOLS, *_UNARY, *_BINARY, *_OPEN, *_CLOSE}, key=lambda name: (-len(name), name))
_TOKEN = re.compile(
    r'\s*("[^"]*"|' + "|".join(map(re.escape, _NAMES)) + r"|\d+(?:\.\d+)?|[A-Za-z]|\\?.)", re.DOTALL
)


def tex_of_asciimath(source: str) -> str:
    """AsciiMath as LaTeX. Linear; of a source longer than MAX_ASCIIMATH_CHARS the source itself."""
    source = " ".join(source.split())
    if len(source) > MAX_ASCIIMATH_CHARS:
        return source
    reader = _Reader(_TOKEN.findall(source))
    parts = []
    while reader.token:
        parts.append(reader.expression(0) or _symbol(reader.take()))
    return " ".join(part for part in parts if part).strip()


class _Reader:
    """The tokens of a formula, read from the left."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def token(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def take(self) -> str:
        token = self.token
        self._at += 1
        return token

    def expression(self, depth: int) -> str:
        """Terms up to a closing bracket; `a/b` is a fraction."""
        parts: list[str] = []
        while self.token and self.token not in _CLOSE:
            term = self._term(depth)
            if self.token == "/":
                self.take()
                below = _unbracket(self._term(depth)) if self.token and self.token not in _CLOSE else ""
                term = f"\\frac{{{_unbracket(term)}}}{{{below}}}"
            parts.append(term)
        return _join(parts)

    def _term(self, depth: int) -> str:
        """One thing with its index and exponent; a function with its argument in brackets."""
        function = self.token in _FUNCTIONS
        base = self._simple(depth)
        for mark in ("_", "^"):
            if self.token == mark:
                self.take()
                script = _unbracket(self._simple(depth)) if self.token else ""
                base += f"{mark}{{{script}}}"
        return (
            base + self._term(depth + 1) if function and self.token in _OPEN and depth < _MAX_DEPTH else base
        )

    def _simple(self, depth: int) -> str:
        token = self.take()
        if depth > _MAX_DEPTH or not token:
            return _symbol(token)
        if token.startswith('"'):
            return f"\\text{{{token[1:-1]}}}"
        if token in _UNARY:
            if token in ("text", "mbox") and self.token in _OPEN:
                return _UNARY[token] % self._verbatim()
            return _UNARY[token] % _unbracket(self._simple(depth + 1))
        if token in _BINARY:
            first = _unbracket(self._simple(depth + 1))
            return _BINARY[token] % (first, _unbracket(self._simple(depth + 1)))
        if token in _OPEN:
            inner = self.expression(depth + 1)
            closing = _CLOSE.get(self.take() if self.token in _CLOSE else "", ".")
            return _bracketed(_OPEN[token], inner, closing)
        return _symbol(token)

    def _verbatim(self) -> str:
        self.take()
        words = []
        while self.token and self.token not in _CLOSE:
            words.append(self.take())
        self.take()
        return " ".join(words) if any(len(word) > 1 for word in words) else "".join(words)


def _symbol(token: str) -> str:
    return _SYMBOLS.get(token, token)


def _join(parts: list[str]) -> str:
    joined = ""
    for part in parts:
        gap = " " if re.search(r"\\[A-Za-z]+\Z", joined) or (part.startswith("\\") and joined) else ""
        joined += gap + part
    return joined


def _bracketed(opening: str, inner: str, closing: str) -> str:
    matrix = _matrix(inner)
    if matrix is not None:
        name = {"(": "pmatrix", "[": "bmatrix", "\\{": "cases"}.get(opening, "matrix")
        return f"\\begin{{{name}}} {matrix} \\end{{{name}}}"
    if "." in (opening, closing) or any(tall in inner for tall in _TALL):
        return f"\\left{opening}{inner}\\right{closing}"
    return f"{opening}{inner}{closing}"


def _matrix(inner: str) -> str | None:
    """The rows of `[[a,b],[c,d]]` without the outer brackets; two rows at least."""
    if not re.match(r"[\[(]", inner) or len(re.findall(r"[\])]\s*,\s*[\[(]", inner)) < 1:
        return None
    rows = re.split(r"[\])]\s*,\s*[\[(]", inner[1:-1])
    if any(re.search(r"[\[\]]", row) for row in rows) or len({row.count(",") for row in rows}) != 1:
        return None
    return " \\\\ ".join(" & ".join(cell.strip() for cell in row.split(",")) for row in rows)


def _unbracket(tex: str) -> str:
    """Without the brackets that only group, as around the argument of a root or the numerator of a fraction."""
    for opening, closing in (
        ("\\left(", "\\right)"),
        ("(", ")"),
        ("\\left[", "\\right]"),
        ("[", "]"),
        ("\\{", "\\}"),
    ):
        if tex.startswith(opening) and tex.endswith(closing) and _encloses(tex, opening, closing):
            return tex[len(opening) : -len(closing)].strip()
    return tex


def _encloses(tex: str, opening: str, closing: str) -> bool:
    depth, at = 0, 0
    while at < len(tex):
        if tex.startswith(opening, at):
            depth += 1
            at += len(opening)
        elif tex.startswith(closing, at):
            depth -= 1
            at += len(closing)
            if depth == 0 and at < len(tex):
                return False
        else:
            at += 1
    return depth == 0
