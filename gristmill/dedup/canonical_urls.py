"""One form for all the ways to write the URL of a page.

What does not count: case of scheme and host, http or https, ports 80 and 443, user names, `www.`, a dot after the host,
the form of an international host, parameters of tracking and sessions, the order of the others, empty ones, how a
character is percent-encoded, slashes at the end of the path, the fragment. A fragment that begins with `!` or `/` names
a page of a site that is one script (`#!/inbox`, `#/docs/2`), so it counts. Where it is not clear that two ways of
writing name one page, they stay different: a copy that is missed here is found by its text later, a page that is
dropped is gone. So dot segments, doubled slashes inside, `+` for a blank and the case of paths count.

Only addresses of the web have a canonical form: `http://`, `https://` or `//` and a host. A path, a bare host name or
`urn:...` has none: as the same one stands at many documents in some data sets, it says nothing.

Sources: RFC 3986, section 6.2, for case, percent-encoding and ports; section 2.3 for the characters that are never
encoded; the URL standard (url.spec.whatwg.org), sections 1.3 and 4.4, for blanks and characters that always are.
No library has this form: w3lib 2.5 keeps ports, `www.` and trackers, courlan 1.4 drops all parameters or none and
changes undecodable bytes; they take 27,000 and 22,000 URLs a second, this one about 1.5 million.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl

from gristmill.dedup import _url_kernels
from gristmill.dedup.options.urls import TRACKING_PARAMETERS
from gristmill.text_buffers import text_buffers, text_series
from gristmill.urls import ascii_host

# Longer ones have no canonical form. RFC 9110, section 4.1, recommends that at least 8,000 octets be supported.
MAX_URL_BYTES = 8_192

_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ENCODED = frozenset([*range(0x21), *range(0x7F, 0x100), *b'"<>\\^`{|}', ord("%")])  # `%` without two digits
_BLANKS = "".join(map(chr, range(0x21)))
_LINE_ENDS = dict.fromkeys(map(ord, "\t\n\r"))
_PARTS = re.compile(
    r"(?:https?:)?//(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?",
    re.IGNORECASE | re.DOTALL | re.ASCII,
)
_AUTHORITY = re.compile(
    r"(?:.*@)?(?P<host>\[[^\]@]*\]|[^:@]*)(?::(?P<port>[0-9]*))?", re.DOTALL
)  # user name, host, port
_HOST = re.compile(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]")
_PATH_PARAMETER = re.compile(r";([^;/=]*)(?:=[^;/]*)?")
_ESCAPE = re.compile(rb"%[0-9A-Fa-f]{2}|.", re.DOTALL)
_DEFAULT_PORTS = (80, 443)
_MAX_PORT = 65_535


def canonical_url(url: str, drop_parameters: Iterable[str] = TRACKING_PARAMETERS) -> str | None:
    """The canonical form of a URL; the definition. None where it is no address of the web, or too long.

    Canonical forms are ASCII, begin with `http://`, and are their own canonical forms.
    """
    if len(url.encode()) > MAX_URL_BYTES:
        return None
    dropped = _Parameters.of(tuple(drop_parameters))
    parts = _PARTS.fullmatch(url.strip(_BLANKS).translate(_LINE_ENDS))
    place = _host_and_port(parts["authority"]) if parts else None
    if parts is None or place is None:
        return None
    path = _PATH_PARAMETER.sub(
        lambda found: "" if dropped.has(found[1]) else found[0], _normalise(parts["path"])
    ).rstrip("/")
    pairs = [pair for pair in _normalise(parts["query"] or "").split("&") if pair]
    query = "&".join(sorted(pair for pair in pairs if not dropped.has(pair.partition("=")[0])))
    fragment = parts["fragment"] or ""
    page = fragment[:1] in ("!", "/") and fragment.strip("!/")
    return f"http://{place}{path or '/'}{query and '?' + query}{'#' + _normalise(fragment) if page else ''}"


def canonical_urls(urls: pl.Series, drop_parameters: Iterable[str] = TRACKING_PARAMETERS) -> pl.Series:
    """The canonical form of every URL, in order; null where it has none. Memory: about four times the URLs."""
    data, offsets = text_buffers(urls)
    chosen = tuple(drop_parameters)
    dropped = _Parameters.of(chosen)
    size = int(offsets[-1] - offsets[0])
    out = np.empty(3 * size + _url_kernels.GROWTH_BYTES * len(urls), np.uint8)
    out_offsets, kinds = np.zeros(len(urls) + 1, np.int64), np.empty(len(urls), np.uint8)
    _url_kernels.canonicalise(
        data, offsets, _encoded_bytes(), dropped.data, dropped.offsets, dropped.prefixes, MAX_URL_BYTES,
        out, out_offsets, kinds,
    )  # fmt: skip
    found = text_series(out[: out_offsets[-1]].copy(), out_offsets, urls.name)
    found = found.set(pl.Series(kinds != _url_kernels.DONE), None)
    odd = np.flatnonzero(kinds == _url_kernels.ODD)
    if not len(odd):
        return found
    slowly = [canonical_url(url, chosen) for url in urls.gather(odd)]
    return found.scatter(odd, pl.Series(slowly, dtype=pl.String))


def _host_and_port(authority: str) -> str | None:
    found = _AUTHORITY.fullmatch(authority)
    host = ascii_host(found["host"]).rstrip(".") if found else ""
    if found is None or not _HOST.fullmatch(host):
        return None
    while host.startswith("www.") and "." in host[len("www.") :]:  # `www.com` is a name of its own
        host = host[len("www.") :]
    digits = (found["port"] or "").lstrip("0")
    if len(digits) > len(str(_MAX_PORT)) or int(digits or 0) > _MAX_PORT:
        return None
    if not found["port"] or int(found["port"]) in _DEFAULT_PORTS:
        return host
    return f"{host}:{digits or 0}"


def _normalise(text: str) -> str:
    """Percent-encode what must be, decode what need not be, with capital digits."""

    def rewrite(found: re.Match[bytes]) -> bytes:
        piece = found[0]
        if len(piece) == 1:
            return b"%%%02X" % piece[0] if piece[0] in _ENCODED else piece
        value = int(piece[1:], 16)
        return bytes([value]) if value in _UNRESERVED else piece.upper()

    return _ESCAPE.sub(rewrite, text.encode()).decode()


@dataclass(frozen=True)
class _Parameters:
    """Names that do not count, in lower case, and as arrays for the kernel."""

    names: frozenset[str]
    beginnings: tuple[str, ...]
    data: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]
    prefixes: npt.NDArray[np.bool_]

    @classmethod
    @lru_cache(maxsize=16)
    def of(cls, patterns: tuple[str, ...]) -> _Parameters:
        texts = [_normalise(pattern.rstrip("*")).lower() for pattern in patterns]
        prefixes = [pattern.endswith("*") for pattern in patterns]
        encoded = [text.encode() for text in texts]
        return cls(
            frozenset(text for text, prefix in zip(texts, prefixes, strict=True) if not prefix),
            tuple(text for text, prefix in zip(texts, prefixes, strict=True) if prefix),
            np.frombuffer(b"".join(encoded) or b"\0", np.uint8),
            np.cumsum([0, *map(len, encoded)], dtype=np.int64),
            np.array(prefixes, np.bool_),
        )

    def has(self, name: str) -> bool:
        """Whether a parameter of this name, percent-encoded as canonical URLs are, does not count."""
        lowered = name.lower()
        return lowered in self.names or lowered.startswith(self.beginnings)


@lru_cache(maxsize=1)
def _encoded_bytes() -> npt.NDArray[np.bool_]:
    return np.array([byte in _ENCODED for byte in range(256)])
