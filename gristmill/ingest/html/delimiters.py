"""Formulas between delimiters in running text: which delimiters a page uses, and where its formulas are.

`\\( \\)`, `\\[ \\]` and environments are what MathJax always looks for. `$` is a delimiter only where the page
declares it
(tex2jax, MathJax 3, KaTeX's auto-render) or where the page loads a renderer and shows formulas in dollars that nothing
else can be; even then the body must read like a formula, so that `$5` stays money.
Finding is linear: a text is cut into tokens once, and a closing delimiter at the same depth of braces is looked up.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from gristmill.ingest.html.tex import MAX_TEX_CHARS

_CONFIG_CHARS = 2_000  # what is read of one list of delimiters
_MAX_CONFIGS = 40  # lists of delimiters read in one page

# What says that a script turns text into formulas.
RENDERERS = (
    "MathJax", "mathjax", "katex", "KaTeX", "renderMathInElement", "tex2jax", "asciimath", "ASCIIMath", "jsMath",
    "mathquill", "mathlive",
)  # fmt: skip
# Commands that say "TeX" wherever they stand: without those that are names of folders too (\log, \bin, \to). The
# first are none without an argument or a bracket.
_WITH_ARGUMENT = [
    "frac", "sqrt", "mathbb", "mathrm", "mathbf", "mathcal", "mathfrak", "text", "operatorname", "overline", "hat",
    "bar", "vec", "tilde", "begin", "dfrac", "tfrac", "binom", "boldsymbol", "widehat", "underline", "mbox", "left",
    "right", "big", "bigl", "Big", "Bigl",
]  # fmt: skip
_ALONE = [
    "sum", "int", "prod", "lim", "infty", "alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "theta",
    "lambda", "sigma", "omega", "varphi", "Omega", "Delta", "Gamma", "Sigma", "partial", "nabla", "cdot", "cdots",
    "ldots", "times", "le", "leq", "ge", "geq", "ne", "neq", "approx", "equiv", "cong", "subset", "subseteq",
    "cup", "cap", "forall", "exists", "rightarrow", "Rightarrow", "mapsto", "langle", "rangle", "otimes", "oplus",
    "ell", "hbar", "qquad",
]  # fmt: skip
COMMAND_NAMES = frozenset([*_WITH_ARGUMENT, *_ALONE])
COMMAND = re.compile(
    rf"\\(?<![A-Za-z]:\\)(?:(?:{'|'.join(_WITH_ARGUMENT)})\s*[{{(\[|\\]|(?:{'|'.join(_ALONE)})(?![A-Za-z]))"
)
ENVIRONMENTS = [
    "equation", "align", "gather", "multline", "eqnarray", "flalign", "alignat", "displaymath", "math",
    "dmath", "subequations", "aligned", "split", "cases", "array", "matrix", "pmatrix", "bmatrix",
    "vmatrix", "Vmatrix", "gathered", "smallmatrix",
]  # fmt: skip
_TAGS = {
    "tex": True,
    "itex": False,
    "math": False,
    "latex": False,
    "imath": False,
    "dmath": True,
    "texx": False,
}
_STRING = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'", re.DOTALL)
_LIST_OPENS = re.compile(r"[\"']?\s*[:=]\s*[\[{]")
_MATHS_LISTS, _LIST = ("inlineMath", "displayMath", "asciimath2jax"), "delimiters"
_KATEX = re.compile(r"\bleft[\"']?\s*:")
_KATEX_PAIR = re.compile(
    r"left[\"']?\s*:\s*(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')\s*,\s*[\"']?right[\"']?\s*:\s*"
    r"(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')\s*(?:,\s*[\"']?display[\"']?\s*:\s*(true|false|!0|!1))?"
)
_MACROS = re.compile(r"\b[Mm]acros[\"']?\s*:\s*\{")
_MACRO = re.compile(
    r"[\"']?\\{0,2}([A-Za-z]{1,30})[\"']?\s*:\s*(?:(\[[^\[\]]{0,300}\])|(\"(?:[^\"\\]|\\.){0,300}\"|'(?:[^'\\]|"
    r"\\.){0,300}'))"
)
_CLASS_LIST = re.compile(
    r"(ignoreClass|ignoreHtmlClass|processClass|processHtmlClass)[\"']?\s*:\s*(\"[^\"]{0,500}\"|'[^']{0,500}')"
)
_CLASSES_LIST = re.compile(r"ignoredClasses[\"']?\s*:\s*\[([^\]]{0,1000})\]")
_CLASS_NAMES = ("ignoreClass", "HtmlClass", "processClass", "ignoredClasses")
_OBSERVED = ("mathjaxEditing", "ipynb", "nbconvert", "jp-RenderedMarkdown", "jp-Notebook")
_ASCII_CONFIG = re.compile(
    r"asciimath2jax|ASCIIMathML\.js|config=[\w,-]*\bAM_|input/asciimath|tex-mml-am|asciimath\s*:"
)
# The same in words alone.
_ASCII_WORDS = re.compile(r"asciimath2jax|ASCIIMathML|\bAM_|tex-mml-am|(?<![\w-])asciimath(?![\w-])")
# A page without any renderer may show the source of a formula; the body must have something of TeX then.
_STRONG = re.compile(r"\\[A-Za-z]|[\^_][{\\A-Za-z0-9(+*-]")
_CERTAIN = re.compile(r"\\[A-Za-z]+|[A-Za-z)][\^_][\w{(]")
_WORDS = re.compile(r"(?<![\\A-Za-z{])[A-Za-z]{3,}(?![A-Za-z])")
_TEXT_GROUPS = re.compile(
    r"\\(?:text|mathrm|textrm|textbf|textit|mbox|hbox|operatorname\*?)\s*\{[^{}]*\}|\\[A-Za-z]+"
)
_MONEY = re.compile(
    r"\d[\d.,]*(?:\s*(?:k|m|bn|million|billion|per|and|or|to|/)\b.*|\s*[-–/+]?\s*)", re.IGNORECASE
)
_NOT_WORDS = frozenset([
    "sin", "cos", "tan", "log", "exp", "lim", "max", "min", "sup", "inf", "det", "dim", "ker", "gcd", "lcm",
    "mod", "arg", "deg", "cot", "sec", "csc", "and", "for", "all", "if",
])  # fmt: skip


@dataclass(frozen=True, slots=True)
class Delimiters:
    """What a page says about its delimiters; pairs are (opening, closing, display)."""

    renderer: bool
    commands: bool  # whether the page has a TeX command; not looked for where there is a renderer
    pairs: tuple[tuple[str, str, bool], ...]
    dollar: bool | None  # True declared, False declared without it, None not declared
    ascii_pairs: tuple[tuple[str, str], ...] = ()
    ignored: frozenset[str] = frozenset()
    processed: frozenset[str] = frozenset()
    ignore_all: bool = False

    @property
    def used(self) -> bool:
        """Whether text between delimiters is looked for at all."""
        return self.renderer or self.commands or bool(self.ascii_pairs)


@dataclass(frozen=True, slots=True)
class Match:
    """A formula in a text: its place with delimiters, its body."""

    start: int
    end: int
    body: str
    display: bool | None
    kind: str


def read_delimiters(html: str, words: str | None = None) -> Delimiters:
    """The delimiters that a page declares in its scripts, and whether it shows formulas at all.

    `words`, if given, has all words of the page with "math" or "tex" in them, which spares most searches in the page.
    """
    seen = html if words is None else words
    renderer = any(name in seen for name in RENDERERS)
    declared: list[tuple[str, str, bool]] = []
    ascii_pairs: list[tuple[str, str]] = []
    inline_declared = False
    if renderer:
        for name, text in _declared_lists(html, [name for name in _MATHS_LISTS if name in seen]):
            pairs = _pairs(text)
            if name == "asciimath2jax" or (name == "delimiters" and not _KATEX.search(text)):
                ascii_pairs += pairs
            elif name == "delimiters":
                declared += _katex_pairs(text)
                inline_declared = True
            else:
                inline_declared |= name == "inlineMath" and "[+]" not in text
                declared += [(opening, closing, name == "displayMath") for opening, closing in pairs]
    told = renderer and not ascii_pairs and (words is None or _ASCII_WORDS.search(words) is not None)
    if told and _ASCII_CONFIG.search(html):
        ascii_pairs.append(("`", "`"))
    dollar = any(opening == "$" for opening, _, _ in declared)
    observed = None if not inline_declared or any(name in html for name in _OBSERVED) else False
    classes = renderer and any(name in html for name in _CLASS_NAMES)
    ignored, processed, ignore_all = _classes(html) if classes else (set(), set(), False)
    return Delimiters(
        renderer=renderer,
        commands=not renderer and COMMAND.search(html) is not None,
        pairs=tuple(dict.fromkeys(declared)),
        dollar=True if dollar else observed,
        ascii_pairs=tuple(dict.fromkeys(ascii_pairs)),
        ignored=frozenset(ignored | {"tex2jax_ignore", "mathjax_ignore", "katex_ignore"}),
        processed=frozenset(processed | {"tex2jax_process", "mathjax_process"}),
        ignore_all=ignore_all,
    )


def read_macros(html: str) -> list[str]:
    """The macros that a page declares in the configuration of MathJax or KaTeX, as \\newcommand."""
    found: list[str] = []
    for number, opened in enumerate(_MACROS.finditer(html)):
        if number == _MAX_CONFIGS:
            break
        for name, listed, text in _MACRO.findall(_bracketed(html, opened.end() - 1)):
            body = _unescape(text[1:-1]) if text else ""
            count = re.search(r",\s*([1-9])", listed)
            if listed and (given := _STRING.search(listed)) is not None:
                body = _unescape(given[1] or given[2] or "")
            if body:
                found.append(f"\\newcommand{{\\{name}}}" + (f"[{count[1]}]" if count else "") + f"{{{body}}}")
    return found


@dataclass
class Finder:
    """Finds the formulas of a page's texts; made once per page."""

    delimiters: Delimiters
    dollar: bool = field(init=False, default=False)  # set by `observe` where the page did not declare it

    def __post_init__(self) -> None:
        known = self.delimiters
        self.dollar = bool(known.dollar)
        self._custom = {
            opening: (closing, display)
            for opening, closing, display in known.pairs
            if opening and closing and opening not in ("$", "$$", "\\(", "\\[") and len(opening) <= 40
        }
        self._ascii = {opening: closing for opening, closing in known.ascii_pairs if opening and closing}
        literals = [*self._custom, *(closing for closing, _ in self._custom.values())]
        literals += [*self._ascii, *self._ascii.values()]
        literals = sorted(set(literals), key=lambda text: (-len(text), text))
        custom = "|".join(re.escape(text) for text in literals if not text.startswith("\\begin"))
        environments = "|".join(ENVIRONMENTS)
        self._token = re.compile(
            (f"({custom})|" if custom else "((?!))|")
            + rf"(\\(?:begin|end)\s*\{{(?:{environments})\*?\}})"
            + r"|(\\[()\[\]])|\\.|(\$+)|([{}])|(\[/?(?:itex|tex|math|latex|imath|dmath|texx)\])",
            re.DOTALL,
        )

    @property
    def openings(self) -> frozenset[str]:
        """Texts without one of which a text holds no formula."""
        return frozenset({"$", "\\", *(f"[{name}]" for name in _TAGS), *self._custom, *self._ascii})

    def observe(self, texts: list[str]) -> None:
        """Decide whether `$` is a delimiter of a page that loads a renderer and does not say."""
        if self.dollar or self.delimiters.dollar is False or not self.delimiters.used:
            return
        for text in texts:
            if text.count("$") < 2:
                continue
            for match in self._matches(text, dollar=True):
                if match.kind == "$" and COMMAND.search(match.body) is not None:
                    self.dollar = True
                    return
                if match.kind == "$" and self.delimiters.renderer and _is_certain(match.body):
                    self.dollar = True
                    return

    def find(self, text: str) -> list[Match]:
        """The formulas of a text of one block, in order, not overlapping."""
        return list(self._matches(text, dollar=self.dollar))

    def _matches(self, text: str, *, dollar: bool) -> Iterator[Match]:
        tokens = _Tokens(self._token, text)
        count, index = len(tokens.kinds), 0
        while index < count:
            found = self._match_at(tokens, index, dollar)
            if found is None:
                index += 1
                continue
            last, match = found
            yield match
            index = last + 1

    def _match_at(self, tokens: _Tokens, index: int, dollar: bool) -> tuple[int, Match] | None:
        """The formula that opens at a token, and the token that closes it."""
        kind = tokens.kinds[index]
        if kind in ("{", "}"):
            return None
        if kind in self._ascii:
            return self._close(tokens, index, self._ascii[kind], None, "asciimath")
        if kind in self._custom:
            closing, display = self._custom[kind]
            return self._close(tokens, index, closing, display, "delimited")
        if kind == "$":
            return self._close(tokens, index, "$", False, "$") if dollar else None
        if kind == "$$":
            return self._close(tokens, index, "$$", True, "$$")
        if kind == "\\(":
            return self._close(tokens, index, "\\)", False, kind)
        if kind == "\\[":
            return self._close(tokens, index, "\\]", True, kind)
        if kind.startswith("\\begin"):
            return self._close_environment(tokens, index)
        if kind.startswith("[") and kind[1:-1] in _TAGS:
            return self._close(tokens, index, f"[/{kind[1:]}", _TAGS[kind[1:-1]], "tag")
        return None

    def _close(
        self, tokens: _Tokens, index: int, closing: str, display: bool | None, kind: str
    ) -> tuple[int, Match] | None:
        last = tokens.closing(index, closing)
        if last is None or (kind not in ("$", "$$", "asciimath") and tokens.opens_again(index, last)):
            return None
        start, end = tokens.starts[index], tokens.ends[last]
        if end - start > MAX_TEX_CHARS:
            return None
        body = tokens.text[tokens.ends[index] : tokens.starts[last]]
        if not self._is_formula(body, kind, tokens.text, start, end):
            return None
        return last, Match(start, end, body, display, kind)

    def _close_environment(self, tokens: _Tokens, index: int) -> tuple[int, Match] | None:
        last = tokens.partner.get(index)
        if last is None or tokens.ends[last] - tokens.starts[index] > MAX_TEX_CHARS:
            return None
        start, end = tokens.starts[index], tokens.ends[last]
        return last, Match(start, end, tokens.text[start:end], True, "environment")

    def _is_formula(self, body: str, kind: str, text: str, start: int, end: int) -> bool:
        if not body.strip():
            return False
        if kind == "asciimath":
            return "\n\n" not in body and len(body) <= 500
        if kind in ("\\(", "\\[", "$$"):
            return self.delimiters.renderer or _STRONG.search(body) is not None
        if kind != "$":
            return True
        return _is_dollar_formula(body, text, start, end, declared=bool(self.delimiters.dollar))


class _Tokens:
    """The tokens of a text with what is needed to find a closing one without searching."""

    def __init__(self, pattern: re.Pattern[str], text: str) -> None:
        self.text = text
        self.kinds: list[str] = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.depths: list[int] = []
        self.partner: dict[int, int] = {}  # of \begin: the token of its \end
        self._at_depth: dict[tuple[str, int], list[int]] = defaultdict(list)
        self._of_kind: dict[str, list[int]] = defaultdict(list)
        depth, begun = 0, []
        for found in pattern.finditer(text):
            group = found.lastindex
            if group is None:
                continue
            token = found[group]
            if token == "}":
                depth -= 1
            index = len(self.kinds)
            self.kinds.append(token)
            self.starts.append(found.start())
            self.ends.append(found.end())
            self.depths.append(depth)
            self._at_depth[token, depth].append(index)
            self._of_kind[token].append(index)
            if token == "{":
                depth += 1
            elif token.startswith("\\begin"):
                begun.append((index, _environment(token)))
            elif token.startswith("\\end"):
                self._end(begun, index, _environment(token))
        self._lower = _next_lower(self.depths)

    def closing(self, index: int, kind: str) -> int | None:
        """The next token of a kind at the same depth of braces as `index`; but for dollars, else the next."""
        depth = self.depths[index]
        last = _after(self._at_depth.get((kind, depth), []), index)
        if last is not None and last < self._lower[index]:
            return last
        return None if kind in ("$", "$$") else _after(self._of_kind.get(kind, []), index)

    def opens_again(self, index: int, last: int) -> bool:
        """Whether another token of the same kind as `index` lies before `last`: then the first one opens nothing."""
        again = _after(self._of_kind[self.kinds[index]], index)
        return again is not None and again < last

    def _end(self, begun: list[tuple[int, str]], index: int, name: str) -> None:
        # Only a few are looked at, so that many that are never closed cost no more than their number.
        for back in range(1, min(len(begun), 8) + 1):
            if begun[-back][1] == name:
                self.partner[begun[-back][0]] = index
                del begun[-back:]
                return


def _environment(token: str) -> str:
    return token[token.index("{") + 1 : -1]


def _after(indices: list[int], index: int) -> int | None:
    at = bisect_right(indices, index)
    return indices[at] if at < len(indices) else None


def _next_lower(depths: list[int]) -> list[int]:
    """For each position the next one with a smaller depth, or the length."""
    result = [len(depths)] * len(depths)
    open_: list[int] = []
    for at, depth in enumerate(depths):
        while open_ and depths[open_[-1]] > depth:
            result[open_.pop()] = at
        open_.append(at)
    return result


def _is_dollar_formula(body: str, text: str, start: int, end: int, *, declared: bool) -> bool:
    """Whether what is between two dollars reads like a formula and not like a price."""
    if body[0].isspace() or body[-1].isspace():
        # Written as `$ x $`; only what no price has.
        return declared and body[0].isspace() == body[-1].isspace() and _STRONG.search(body) is not None
    strong = _STRONG.search(body) is not None
    words = [word for word in _WORDS.findall(_TEXT_GROUPS.sub(" ", body)) if word.lower() not in _NOT_WORDS]
    if strong:
        return len(words) <= 3 or ("\\" in body and len(words) <= 8)
    before = text[start - 1] if start else " "
    after = text[end] if end < len(text) else " "
    if after.isdigit() or (before.isalnum() and after.isalnum()):
        return False
    if _MONEY.fullmatch(body) and not (declared and body.replace(",", "").replace(".", "").isdigit()):
        return False
    if any(len(word) > 3 for word in words) and body[0].isdigit():
        return False
    return len(words) <= 1


def _is_certain(body: str) -> bool:
    """Whether a short body can be nothing but TeX: it has a command, a power or an index, and no words."""
    return len(body) <= 200 and not _WORDS.search(body) and _CERTAIN.search(body) is not None


# -- what a page declares ---------------------------------------------------------------------------------------


def _declared_lists(html: str, maths_names: list[str]) -> list[tuple[str, str]]:
    """(name, text from its bracket on) of the lists of delimiters, in order; of the names those that are there."""
    found: list[tuple[int, str, str]] = []
    for name in (*maths_names, _LIST):
        at, left = html.find(name), _MAX_CONFIGS
        while at >= 0 and left:
            opened = _LIST_OPENS.match(html, at + len(name))
            if opened is not None:
                found.append((at, name, _bracketed(html, opened.end() - 1)))
                left -= 1
            at = html.find(name, at + len(name))
    return [(name, text) for _, name, text in sorted(found)[:_MAX_CONFIGS]]


def _bracketed(html: str, start: int) -> str:
    """The text of a JavaScript list or object from its opening bracket on, up to the closing one."""
    depth, at, end = 0, start, min(len(html), start + _CONFIG_CHARS)
    while at < end:
        char = html[at]
        if char in "\"'":
            found = _STRING.match(html, at, end)
            at = found.end() if found else at + 1
            continue
        depth += (char in "[{") - (char in "]}")
        at += 1
        if depth == 0:
            break
    return html[start:at]


def _pairs(text: str) -> list[tuple[str, str]]:
    found = [_unescape(a or b) for a, b in _STRING.findall(text)]
    values = [value for value in found if value and value != "[+]" and not value.isspace()]
    return [
        (a, b) for a, b in zip(values[::2], values[1::2], strict=False) if not a.isalnum() or a == "amath"
    ]


def _katex_pairs(text: str) -> list[tuple[str, str, bool]]:
    return [
        (_unescape(left[1:-1]), _unescape(right[1:-1]), display in ("true", "!0"))
        for left, right, display in _KATEX_PAIR.findall(text)
    ]


def _unescape(string: str) -> str:
    return re.sub(r"\\(.)", r"\1", string.replace("\\u0024", "$"), flags=re.DOTALL)


def _classes(html: str) -> tuple[set[str], set[str], bool]:
    """(ignored, processed, whether all is ignored that is not processed), as declared for MathJax and KaTeX."""
    ignored: set[str] = set()
    processed: set[str] = set()
    ignore_all = False
    for name, quoted in _CLASS_LIST.findall(html)[:_MAX_CONFIGS]:
        tokens = {token.strip() for token in quoted[1:-1].split("|")}
        if name.startswith("ignore"):
            ignore_all |= ".*" in tokens
            ignored |= tokens - {".*", ""}
        else:
            processed |= tokens - {""}
    for listed in _CLASSES_LIST.findall(html)[:_MAX_CONFIGS]:
        ignored |= {a or b for a, b in _STRING.findall(listed)}
    return ignored, processed, ignore_all
