"""The images of a page in document order: a placeholder for each in the tree, and lists of text and images after.

Pictures of formulas are not images (formulas.py has taken them out before). Which images are kept follows
InfiMM-WebMath-40B (arXiv 2409.12568): see ImageOptions. Every image that is dropped is counted by its reason.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from gristmill.ingest.html.mathml import attribute, local_name
from gristmill.ingest.options import HtmlOptions
from gristmill.ingest.options.images import ImageOptions

OPEN, CLOSE = (
    "\ue002",
    "\ue001",
)  # around the number of an image; extract_page takes them out of the page first
MAX_IMAGES = 2_000  # of a page, with those that are dropped; the rest is not looked at
_MAX_CANDIDATES = 50  # sources of a picture
_MAX_SRCSET_CHARS = 20_000
_MAX_ALT_CHARS = 2_000
_PLACEHOLDER = re.compile(f"{OPEN}([0-9]{{1,9}}){CLOSE}")
# Where lazy loading keeps the address; `src` is a blank picture then.
_LAZY = ("data-src", "data-lazy-src", "data-original", "data-actualsrc", "data-original-src", "data-lazy", "data-url",
         "data-hi-res-src", "data-full-src", "data-img-src", "data-orig-file")  # fmt: skip
_SRCSETS = ("data-srcset", "data-lazy-srcset", "srcset")
_DESCRIPTOR = re.compile(r"(\d{0,6}(?:\.\d{1,6})?)[wxh](?:,(.*))?", re.DOTALL)
_PIXELS = re.compile(r"\s*(\d{1,6})(?:\.\d+)?\s*(?:px)?\s*\Z", re.IGNORECASE)
_STYLE_SIDE = re.compile(r"(?:^|;)\s*(width|height)\s*:\s*(\d{1,6})(?:\.\d+)?px", re.IGNORECASE)
_BLANK = re.compile(
    r"(?:^|/)(?:blank|transparent|pixel|spacer|placeholder|loading|lazy|1x1|empty|clear|dot)[\w.-]*\.(?:gif|png|svg)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Image:
    """An image that a page shows; width and height are those declared, in pixels."""

    url: str
    alt: str | None = None
    title: str | None = None
    width: int | None = None
    height: int | None = None

    def record(self) -> dict[str, Any]:
        """As it is written to `image_list`."""
        return {
            "url": self.url,
            "alt": self.alt,
            "title": self.title,
            "width": self.width,
            "height": self.height,
        }


@dataclass
class Images:
    """The images of a page; their numbers are in the placeholders. `dropped` counts the others by reason."""

    options: ImageOptions
    dropped: Counter[str] = field(default_factory=Counter)
    _images: list[Image] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many have a placeholder, whether or not the block that holds them is kept."""
        return len(self._images)

    def add(self, image: Image) -> str:
        """Keep an image; the placeholder for it."""
        self._images.append(image)
        return f"{OPEN}{len(self._images) - 1}{CLOSE}"

    def interleave(self, text: str) -> tuple[list[str | None], list[dict[str, Any] | None]]:
        """(text_list, image_list): of equal length, in document order, exactly one of each pair is None.

        An image is there once (repeated), and only so many are (too_many): what was in a part of the page that is not
        kept does not count. Call it once per page, for it counts what it drops.
        """
        texts: list[str | None] = []
        images: list[dict[str, Any] | None] = []
        seen: set[str] = set()
        piece, done = "", 0
        for found in _PLACEHOLDER.finditer(text):
            piece += text[done : found.start()]
            done = found.end()
            image = self._at(found)
            reason = self._drop_in_text(image, seen)
            if image is None or reason is not None:
                self.dropped.update([reason] if reason else [])
                continue
            seen.add(image.url)
            if piece.strip():
                texts.append(_tidy(piece))
                images.append(None)
            piece = ""
            texts.append(None)
            images.append(image.record())
        piece += text[done:]
        if piece.strip():
            texts.append(_tidy(piece))
            images.append(None)
        return texts, images

    def without(self, text: str) -> str:
        """The text without the placeholders and the empty lines that they leave."""
        return re.sub(r"\n{3,}", "\n\n", re.sub(f"[ \t]*{_PLACEHOLDER.pattern}", "", text)).strip()

    def meta(self, text: str) -> dict[str, Any]:
        """What documents.meta says of the images of a rendered text; empty where there is none."""
        texts, images = self.interleave(text)
        found: dict[str, Any] = {}
        if any(image is not None for image in images):
            found |= {"text_list": texts, "image_list": images}
        if self.dropped:
            found["images_dropped"] = dict(sorted(self.dropped.items()))
        return found

    def _at(self, found: re.Match[str]) -> Image | None:
        number = int(found[1])
        return self._images[number] if number < len(self._images) else None

    def _drop_in_text(self, image: Image | None, seen: set[str]) -> str | None:
        if image is None:
            return None
        if image.url in seen:
            return "repeated"
        return "too_many" if len(seen) >= self.options.max_per_document else None


def mark_images(tree: Any, options: HtmlOptions, url: str | None = None) -> Images | None:
    """Replace every `img` that is kept by a text node with a placeholder; None where images are not asked for.

    `url` is the page's own, for relative addresses; <base href> goes before it. An image in <noscript> stands for the
    blank one before it. Reasons in `dropped`: no_url, data_uri, not_http, long_url, small, svg, path_word, too_many.
    """
    if options.images is None:
        return None
    images = Images(options.images)
    base = _base(tree, url)
    words = frozenset(word.lower() for word in options.images.drop_words)
    blank: Any = None  # a picture without an address of its own, which the next <noscript> may tell
    for number, element in enumerate(tree.document.query_selector_all("img").values()):
        if number == MAX_IMAGES:
            images.dropped["too_many"] += 1
            break
        noscript = _noscript(element)
        if noscript is not None and blank is None and _follows_image(noscript):
            continue  # the same picture again
        found = _address(element, base)
        if (
            isinstance(found, str)
            and noscript is None
            and found in ("data_uri", "no_url")
            and _has_copy(element)
        ):
            blank = element
            continue
        place = noscript if noscript is not None else element
        if noscript is not None and blank is not None:
            place, blank = blank, None
        reason = found if isinstance(found, str) else _drop(element, found.url, options.images, words)
        if reason is not None:
            images.dropped[reason] += 1
            continue
        if isinstance(found, Image) and place.parent is not None:
            placeholder = images.add(_described(element, found.url))
            place.parent.replace_child(tree.create_text_node(f" {placeholder} "), place)
    return images


# -- one image --------------------------------------------------------------------------------------------------


def _address(element: Any, base: str) -> Image | str:
    """The address of an image, as an Image that has nothing else yet; or why it has none."""
    names = set(element.attrs)
    given = [attribute(element, name).strip() for name in _LAZY if name in names]
    given += [_largest(attribute(element, name)) for name in _SRCSETS if name in names]
    parent = element.parent_element
    if parent is not None and local_name(parent) == "picture":
        given += _sources(parent)
    given.append(attribute(element, "src").strip())
    usable = [value for value in given if value and not value.lower().startswith("data:")]
    value = next((value for value in usable if not _BLANK.search(value)), usable[0] if usable else "")
    if not value:
        return "data_uri" if any(given) else "no_url"
    try:
        url = urljoin(base, value) if base else value
        parts = urlsplit(url)
    except ValueError:
        return "no_url"
    url = re.sub(r"\s", "%20", url.partition("#")[0].strip())
    if base and parts.scheme not in ("http", "https"):
        return "not_http"
    return Image(url)


def _drop(element: Any, url: str, options: ImageOptions, words: frozenset[str]) -> str | None:
    if len(url) > options.max_url_chars:
        return "long_url"
    sides = _sides(element)
    if options.min_side_px is not None and any(
        side is not None and side < options.min_side_px for side in sides
    ):
        return "small"
    if sides == (0, 0) or sides == (1, 1):
        return "small"
    path = unquote(urlsplit(url).path)
    if options.drop_svg and path.lower().endswith((".svg", ".svgz")):
        return "svg"
    if not words.isdisjoint(_path_words(path)):
        return "path_word"
    return None


def _path_words(path: str) -> set[str]:
    """The words of a path in lower case; `siteLogo` is two."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", path)}


def _described(element: Any, url: str) -> Image:
    width, height = _sides(element)
    return Image(url, _text(element, "alt"), _text(element, "title"), width, height)


def _text(element: Any, name: str) -> str | None:
    return " ".join(attribute(element, name)[:_MAX_ALT_CHARS].split()) or None


def _sides(element: Any) -> tuple[int | None, int | None]:
    """(width, height) as the attributes say, else the style."""
    declared = _STYLE_SIDE.finditer(attribute(element, "style")[:1_000])
    style = {found[1].lower(): found[2] for found in declared}
    sides = []
    for name in ("width", "height"):
        found = _PIXELS.match(attribute(element, name))
        value = found[1] if found else style.get(name)
        sides.append(int(value) if value is not None else None)
    return sides[0], sides[1]


def _largest(srcset: str) -> str:
    """The candidate with the greatest width or density; of equal ones the first. A URL may hold commas."""
    best, size = "", -1.0
    current, weight = "", 1.0
    for word in [*srcset[:_MAX_SRCSET_CHARS].split(), ""]:
        described = _DESCRIPTOR.fullmatch(word) if current else None
        if described is not None:
            weight = float(described[1] or 1)
            if described[2] is None:
                continue
            word = described[2]  # the comma that ends the candidate had no space after it
        if weight > size and current and not current.lower().startswith("data:"):
            best, size = current, weight
        current, weight = word.strip(","), 1.0
    return best


def _sources(picture: Any) -> list[str]:
    """The largest candidates of a <picture>'s sources, in order."""
    found = []
    for source in picture.query_selector_all("source").values()[:_MAX_CANDIDATES]:
        if "svg" not in attribute(source, "type"):
            found += [_largest(attribute(source, name)) for name in _SRCSETS if source.hasattr(name)]
    return found


def _base(tree: Any, url: str | None) -> str:
    element = tree.document.query_selector("base[href]")
    href = attribute(element, "href").strip() if element is not None else ""
    try:
        return urljoin(url or "", href) if href else (url or "")
    except ValueError:
        return url or ""


def _noscript(element: Any) -> Any | None:
    """The <noscript> that holds an image, a few elements up at most."""
    current = element.parent_element
    for _ in range(3):
        if current is None:
            return None
        if local_name(current) == "noscript":
            return current
        current = current.parent_element
    return None


def _has_copy(element: Any) -> bool:
    """Whether a <noscript> with an image follows an image, or the element that it is alone in."""
    for place in (element, element.parent_element):
        following = place.next_element_sibling if place is not None else None
        if following is not None and local_name(following) == "noscript":
            return following.query_selector("img") is not None
    return False


def _follows_image(noscript: Any) -> bool:
    """Whether what is before a <noscript> is an image that was marked or dropped."""
    before = noscript.previous_sibling
    while before is not None and local_name(before) == "#text" and not (before.value or "").strip():
        before = before.previous_sibling
    if before is None:
        return False
    if local_name(before) == "#text":
        return CLOSE in (before.value or "")[-4:]
    return local_name(before) in ("img", "picture") or before.query_selector("img") is not None


def _tidy(piece: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+\n", "\n", piece)).strip()
