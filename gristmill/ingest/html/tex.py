"""The TeX of one formula made plain: delimiters, presentation and macro definitions taken off, the rest as it came.

Unknown macros stay as they are. Definitions (\\newcommand, \\def, \\DeclareMathOperator) are no formula: they are
taken
out and handed back apart.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

MAX_TEX_CHARS = 20_000  # no formula of a real page is longer; an alt text of a megabyte is none
_MAX_DEFINITIONS = 200  # per formula

_SPACE = re.compile(r"\s+")
_CDATA_OPEN = re.compile(r"\s*(?:%|//|/\*)?\s*<!\[CDATA\[(?:\s*\*/)?")
_CDATA_CLOSE = re.compile(r"(?:%|//|/\*)?\s*\]\]>(?:\s*\*/)?\s*\Z")
# (opening, closing, display); longest opening first, `$$$` before `$$`.
_DELIMITED = (
    ("$$$$$$", "$$$$$$", True),
    ("$$$", "$$$", False),
    ("$$", "$$", True),
    ("\\[", "\\]", True),
    ("\\(", "\\)", False),
    ("[tex]", "[/tex]", True),
    ("[itex]", "[/itex]", False),
    ("[math]", "[/math]", False),
    ("[latex]", "[/latex]", False),
    ("$`", "`$", False),
    ("$", "$", False),
)
# What codecogs and its like put before a formula to say how large it is drawn.
_PRESENTATION = re.compile(
    r"\s*(?:\\inline\b|\\dpi\s*\{[^{}]*\}|\\(?:tiny|scriptsize|footnotesize|small|normalsize|large|Large|LARGE|"
    r"huge|Huge)\b"
    r"|\\(?:bg|fn|fg)_[a-z0-9]+|\\opaque\b|\\(?:bg|fg)\{[^{}]*\})\s*"
)
_STYLE = re.compile(r"\{\s*\\(?:display|text)style\b")
_DOCUMENT = ("\\begin{document}", "\\end{document}")
_DISPLAY_ENVIRONMENT = re.compile(
    r"\\begin\{(equation\*?|displaymath|math)\}(?:\s*\[[^\]]*\])?(.*)\\end\{\1\}", re.DOTALL
)
_DEFINITION = re.compile(
    r"\\(?:(?:re)?newcommand\*?|providecommand\*?|DeclareMathOperator\*?|gdef|xdef|edef|def|let|"
    r"newenvironment)(?![A-Za-z])"
)
_NAME = re.compile(r"\s*(?:\{\s*(\\[A-Za-z@]+|\\.|[A-Za-z*]+)\s*\}|(\\[A-Za-z@]+|\\.))\s*")
_DEF_PARAMETERS = re.compile(r"(?:#[1-9]|[^{}\\#]){0,80}")
_OPTIONAL = re.compile(r"\s*\[[^\[\]]{0,200}\]")
_LET_VALUE = re.compile(r"\s*=?\s*(\\[A-Za-z@]+|\\.|\S)")
_GENERIC = frozenset(
    {"equation", "formula", "latex", "math", "image", "img", "eq", "tex", "eqn", "x", "mathml"}
)


def clean_tex(raw: str) -> tuple[str, bool | None]:
    """(TeX, display) of what a carrier holds; display is None where no delimiter says it. "" where nothing is left.

    White space is collapsed, comment markers of CDATA, one pair of delimiters, the preamble of a TeX document, and
    commands that only set the size of a picture are taken off.
    """
    if not raw or len(raw) > 2 * MAX_TEX_CHARS:
        return "", None
    tex = _document_body(_CDATA_CLOSE.sub("", _CDATA_OPEN.sub("", raw, count=1)))
    tex = _SPACE.sub(" ", tex).strip()
    tex = tex.removeprefix("<!--").removesuffix("-->").strip()
    tex, display = strip_delimiters(tex)
    while (found := _PRESENTATION.match(tex)) is not None and found.end():
        tex = tex[found.end() :]
    tex = _strip_style(tex)
    environment = _DISPLAY_ENVIRONMENT.fullmatch(tex)
    if environment is not None and f"\\begin{{{environment[1]}}}" not in environment[2]:
        display = environment[1] != "math"
        tex = environment[2].strip()
    return (tex, display) if len(tex) <= MAX_TEX_CHARS else ("", None)


def strip_delimiters(tex: str) -> tuple[str, bool | None]:
    """(body, display) of a text that is one delimited formula; (text, None) of any other."""
    if tex[:1] not in ("$", "\\", "["):
        return tex, None
    for opening, closing, display in _DELIMITED:
        if len(tex) > len(opening) + len(closing) and tex.startswith(opening) and tex.endswith(closing):
            body = tex[len(opening) : -len(closing)]
            if opening not in body and not body.endswith("\\"):
                return body.strip(), display
    return tex, None


def decode_query(tex: str) -> str:
    """The TeX in a URL or in a percent-encoded alt text. A plus sign stays one: TeX needs it more than a space."""
    return unquote(tex, errors="replace") if "%" in tex else tex


def take_definitions(tex: str) -> tuple[str, list[str]]:
    """(TeX without macro definitions, the definitions). A definition that does not end is left where it is."""
    kept: list[str] = []
    definitions: list[str] = []
    done = 0
    for found in _DEFINITION.finditer(tex):
        if found.start() < done:
            continue
        end = _end_of_definition(tex, found)
        if end is None or len(definitions) == _MAX_DEFINITIONS:
            break
        kept.append(tex[done : found.start()])
        definitions.append(tex[found.start() : end].strip())
        done = end
    kept.append(tex[done:])
    return _SPACE.sub(" ", "".join(kept)).strip(), definitions


def is_plausible_tex(tex: str) -> bool:
    """Whether a value that may be TeX (an attribute, an alt text) is: not a URL, a file name, JSON, a stock word."""
    if not tex or len(tex) > MAX_TEX_CHARS or tex.lower().strip(" .:") in _GENERIC - {"x"}:
        return False
    return not re.match(r"(?:https?:)?//|data:|[\w./-]+\.(?:png|gif|jpe?g|svg|webp)\Z|\[?\{\s*\"", tex)


def escape_dollars(tex: str) -> str:
    """The formula with every bare dollar outside of braces escaped; within, as in \\text{if $x$}, it is TeX."""
    if "$" not in tex:
        return tex
    depth = 0

    def escape(found: re.Match[str]) -> str:
        nonlocal depth
        depth += (found[0] == "{") - (found[0] == "}")
        return "\\$" if found[0] == "$" and depth <= 0 else found[0]

    return re.sub(r"\\.|[{}$]", escape, tex, flags=re.DOTALL)


def balanced_end(tex: str, start: int) -> int | None:
    """The index after the group whose `{` is at `start`, or None where it does not end."""
    depth, at = 0, start
    while at < len(tex):
        char = tex[at]
        if char == "\\":
            at += 2
            continue
        depth += (char == "{") - (char == "}")
        at += 1
        if depth == 0:
            return at
    return None


def _document_body(tex: str) -> str:
    """What is between the markers of a whole TeX document, as PMC and publishers ship each formula."""
    start = tex.rfind(_DOCUMENT[0])
    if start < 0:
        return tex
    end = tex.find(_DOCUMENT[1], start)
    return tex[start + len(_DOCUMENT[0]) : end if end >= 0 else len(tex)]


def _strip_style(tex: str) -> str:
    """Without the `{\\displaystyle ...}` that MediaWiki puts around every formula."""
    found = _STYLE.match(tex)
    if found is None or balanced_end(tex, 0) != len(tex):
        return tex
    return tex[found.end() : -1].strip()


def _end_of_definition(tex: str, found: re.Match[str]) -> int | None:
    kind = found[0].rstrip("*")
    named = _NAME.match(tex, found.end())
    if named is None:
        return None
    at = named.end()
    if kind == "\\let":
        value = _LET_VALUE.match(tex, at)
        return value.end() if value else None
    if kind.endswith("def"):
        parameters = _DEF_PARAMETERS.match(tex, at)
        at = parameters.end() if parameters else at
    while (optional := _OPTIONAL.match(tex, at)) is not None:
        at = optional.end()
    for _ in range(2 if kind == "\\newenvironment" else 1):
        while at < len(tex) and tex[at].isspace():
            at += 1
        end = balanced_end(tex, at) if at < len(tex) and tex[at] == "{" else None
        if end is None:
            return None
        at = end
    return at
