"""Pictures of formulas: the TeX is in the URL that drew them, or in the alt text."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from gristmill.ingest.html.mathml import attribute
from gristmill.ingest.html.places import nearest
from gristmill.ingest.html.tex import (
    MAX_TEX_CHARS,
    clean_tex,
    decode_query,
    is_plausible_tex,
    strip_delimiters,
)

SOURCES = ("data-src", "data-lazy-src", "data-original", "data-actualsrc", "data-lazy", "src")
_SOURCE_ATTRIBUTES = (
    "data-latex",
    "data-tex",
    "data-equation-content",
    "data-formula",
    "data-math",
    "data-expr",
)
_MAX_URL_CHARS = 3 * MAX_TEX_CHARS
# class -> displayed or not, None where the class does not say.
_CLASSES: dict[str, bool | None] = {
    "latex": None, "tex": None, "latexcenter": True, "latexdisplay": True, "latexblock": True,
    "latexblockcenter": True,
    "math": None, "mwe-math-fallback-image-inline": None, "mwe-math-fallback-image-display": True,
    "mwe-math-fallback-image-block": True, "mwe-math-fallback-png-inline": None,
    "mwe-math-fallback-source-inline": None,
    "x-ck12-math": False, "x-ck12-inline-math": False, "x-ck12-block-math": True, "x-ck12-hwp-math": None,
    "texrender": None, "equation_image": None, "wirisformula": None, "formulainl": False, "formuladsp": True,
    "ql-img-inline-formula": False, "ql-img-displayed-equation": True, "quicklatex-auto-format": None,
    "math-tex": None,
    "latex_img": None, "latex-image": None, "teximage": None, "tex-image": None, "mathimage": None, "equation": None,
    "latexrender": None, "latex-inline": False, "latex-block": True, "mimetex": None, "inlinemath": False,
    "displaymath": True, "math-inline": False, "math-display": True, "ee_img": None, "eqimg": None, "texfont": None,
    "tex-formula": None, "wp-latex": None,
}  # fmt: skip
# Where the query of a URL is the TeX itself, and where it is one of its values.
_QUERY_IS_TEX = re.compile(
    r"codecogs\.[a-z]+/(?:[a-z]+\.(?:latex|image|download)|eq\.latex)|(?:mime|math)tex\.(?:cgi|exe|php)|"
    r"/cgi-bin/(?:mime|math|)tex\b"
    r"|/(?:gif|png|svg|pdf)\.(?:latex|image)$|numberempire\.com/",
    re.IGNORECASE,
)
_CODECOGS_NAMES = {"space": " ", "plus": "+", "hash": "#"}  # its own names for what a URL cannot hold
_CODECOGS = re.compile(r"&(space|plus|hash);")
_QUERY_KEYS = (
    "latex",
    "tex",
    "chl",
    "math",
    "formula",
    "equation",
    "eq",
    "from",
    "inline",
    "display",
    "formdata",
    "f",
)
_DRAWS_TEX = re.compile(
    r"latex|mathtex|mimetex|/equation\b|render/math|math\.now\.sh|math\.vercel|/tex\b|texrender|/chart|chart\.|"
    r"codecogs|"
    r"math2img|/math\b|mathurl|quicklatex|texify|eqn",
    re.IGNORECASE,
)
_PATH_IS_TEX = re.compile(
    r"(?:i\.upmath\.me|tex\.s2cms\.(?:ru|com))/(?:svg|png)/(.+)|/flx/math/(?:inline|block|display)/(.+)|"
    r"latex\.codecogs\.com/(?:gif|png|svg)\.latex/(.+)"
)
_ALT_IS_TEX = re.compile(
    r"/media/math/render/|/images?/math/|/math/[0-9a-f]/|/imgmath|_images/math/|filter/tex/pix\.php|/wiris/|"
    r"/latexrender/|latex\.php|"
    r"mathtex|mimetex|artofproblemsolving|quicklatex|codecogs|equation_images/|/latex/|/mathimg/|texclip|render/math",
    re.IGNORECASE,
)
_AROUND = frozenset({"math", "formula", "displaymath", "inline-equation", "texrender"})
# What a picture of a formula has, for find_signs: a class of its own or around it, an attribute, an address.
IMAGE_WORDS = frozenset(_CLASSES.keys() | _AROUND)
IMAGE_ATTRIBUTES = frozenset({*_SOURCE_ATTRIBUTES, "eeimg", "data-eeimg", "data-mathml"})
ADDRESS_SIGNS = re.compile(
    "|".join(
        [
            _PATH_IS_TEX.pattern,
            _ALT_IS_TEX.pattern,
            _DRAWS_TEX.pattern,
            _QUERY_IS_TEX.pattern.replace("$", r"\b"),
        ]
    ),
    re.IGNORECASE,
)
_GENERIC_ALT = re.compile(
    r"(?:equation|eqn?|formula|latex|math|image|img|picture)[\s\d:._-]*\Z", re.IGNORECASE
)
_ALT_PREFIX = re.compile(r"\A\s*(?:LaTeX|TeX|Equation|Math input error)\s*:\s*", re.IGNORECASE)
_DELIMITED_ALT = re.compile(
    r"\s*(?:\$.+\$|\\\(.+\\\)|\\\[.+\\\]|\\begin\{.+\\end\{[A-Za-z]+\*?\}(?:\$\$)?)\s*\Z", re.DOTALL
)
_PERCENT = re.compile(r"%(?:5[CcEeFf]|7[Bb-d]|20|3[Dd]|2[Bb])")
_STRONG = re.compile(r"\\[A-Za-z]|[\^_][{\\\w(]")


def read_image(image: Any, classes: set[str]) -> tuple[str, bool | None] | None:
    """(TeX, displayed or None where nothing says) of an `img` that shows a formula; None of any other picture."""
    marked = [name for name in sorted(name.lower() for name in classes) if name in _CLASSES]
    display = next((_CLASSES[name] for name in marked if _CLASSES[name] is not None), None)
    eeimg = attribute(image, "eeimg") or attribute(image, "data-eeimg")
    if eeimg:
        display = eeimg == "2"
    names = set(image.attrs)
    for name in filter(names.__contains__, _SOURCE_ATTRIBUTES):
        tex, delimited = clean_tex(decode_query(attribute(image, name)))
        if is_plausible_tex(tex):
            return tex, delimited if display is None else display
    url = next((found for name in SOURCES if name in names and _draws(found := attribute(image, name))), "")
    drawn = _tex_of_url(url)
    if drawn:
        cleaned, delimited = clean_tex(drawn)
        if is_plausible_tex(cleaned):
            if display is None and re.match(r"\s*\\inline\b", drawn):
                display = False
            return cleaned, delimited if display is None else display
    if "alt" not in names and "title" not in names:
        return None
    if not (marked or eeimg or _ALT_IS_TEX.search(url) or nearest(image, _is_around_formula) is not None):
        return _delimited_alt(image)
    return _tex_of_alt(image, display, sure=bool(marked or eeimg))


def _is_around_formula(tag: str, names: str) -> bool:
    return bool(names) and not _AROUND.isdisjoint(names.split())


def _draws(url: str) -> bool:
    return bool(url) and len(url) <= _MAX_URL_CHARS and not url.startswith("data:")


def _tex_of_url(url: str) -> str | None:
    """The TeX in the URL of a service that draws it."""
    if "?" not in url and "%5" not in url and "\\" not in url:
        return None
    place, _, query = _CODECOGS.sub(
        lambda found: _CODECOGS_NAMES[found[1]], url.replace("&#038;", "&")
    ).partition("?")
    path = _PATH_IS_TEX.search(url if not query else place)
    if path:
        return unquote(next(filter(None, path.groups())))
    if not query:
        return None
    if _QUERY_IS_TEX.search(place):
        # mathtex and mimetex may be given `formdata=`; codecogs takes the query as it is, `&` of a matrix included.
        return unquote(re.sub(r"\A(?:formdata|tex|latex|f)=", "", query))
    if not _DRAWS_TEX.search(place):
        return None
    values = _values(query)
    if "/chart" in place or "chart." in place:
        return values.get("chl", "").replace("+", " ") if values.get("cht") == "tx" else None
    return next((values[key] for key in _QUERY_KEYS if values.get(key)), None)


def _values(query: str) -> dict[str, str]:
    """The values of a query. A plus sign is a space where the value is encoded as a form is."""
    found: dict[str, str] = {}
    for part in query.split("&")[:50]:
        key, equals, value = part.partition("=")
        if equals:
            if "%20" not in value and "%" in value:
                value = value.replace("+", " ")
            found.setdefault(key.lower().removeprefix("amp;"), unquote(value, errors="replace"))
    return found


def _tex_of_alt(image: Any, display: bool | None, *, sure: bool) -> tuple[str, bool | None] | None:
    for name in ("alt", "title", "data-alt"):
        raw = attribute(image, name)
        if not raw or len(raw) > MAX_TEX_CHARS:
            continue
        raw = _ALT_PREFIX.sub("", unquote(raw) if _PERCENT.search(raw) and " " not in raw else raw)
        tex, delimited = clean_tex(raw)
        if not is_plausible_tex(tex) or _GENERIC_ALT.match(tex) or (not sure and _is_prose(tex)):
            continue
        return tex, delimited if display is None else display
    return None


def _delimited_alt(image: Any) -> tuple[str, bool | None] | None:
    """The alt text of a picture that nothing marks, where it is a delimited formula: LaTeX2HTML and Doxygen."""
    alt = attribute(image, "alt")
    if (
        len(alt) < 3
        or len(alt) > MAX_TEX_CHARS
        or alt.lstrip()[:1] not in ("$", "\\")
        or not _DELIMITED_ALT.match(alt)
    ):
        return None
    body, delimited = strip_delimiters(" ".join(alt.split()))
    if not (_STRONG.search(body) or len(body) <= 12 or "=" in body) or re.fullmatch(r"[\d.,\s-]+", body):
        return None
    tex, cleaned = clean_tex(alt)
    return (tex, cleaned if delimited is None else delimited) if is_plausible_tex(tex) else None


def _is_prose(tex: str) -> bool:
    return not _STRONG.search(tex) and len(re.findall(r"[A-Za-z]{3,}", tex)) > 1
