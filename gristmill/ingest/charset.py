"""Bytes to text: which character set, decided as browsers do, with a second look where the label is wrong.

A byte order mark wins, then the label from outside (HTTP), then the one inside (meta), then detection by uchardet
(through Resiliparse). Labels mean what the WHATWG Encoding Standard says: `iso-8859-1` is windows-1252. A label that
the bytes contradict is passed over. No label and valid UTF-8 is UTF-8.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CODECS = {"gbk": "gb18030", "gb2312": "gb18030"}  # the WHATWG decoder of both is that of the larger set
_META_BYTES = 1024  # the HTML standard looks for a label here and no further
_META = re.compile(rb"""<meta[^>]{0,512}?charset\s*=\s*["']?\s*([A-Za-z0-9_.:-]{2,40})""", re.IGNORECASE)
_MOSTLY_UTF8 = 4  # as many good characters of several bytes for a bad one, and it is UTF-8 with faults
_FEW_BAD = 0.01  # share of characters that a label may fail on
_DETECTOR_BYTES = 64 << 10
_TEXT_CONTROLS = b"\t\n\r\f\x1b\0"  # ESC is ISO-2022's; a few NULs are a known fault of pages
_CONTROLS = bytes(byte for byte in range(32) if byte not in _TEXT_CONTROLS)
_BINARY_SHARE = 0.02  # of control bytes in the first bytes of what is no text
_NUL_SHARE = 0.1  # more NULs than this are no fault but another kind of data
_BINARY_BYTES = 4096


def decode_text(data: bytes, label: str | None = None, *, html: bool = False) -> tuple[str, str]:
    """Text and the name of its character set (Python's); what cannot be decoded becomes U+FFFD."""
    for mark, charset in _MARKS:
        if data.startswith(mark):
            return _without_nul(data[len(mark) :].decode(charset, "replace"), data), charset
    for given in (label, _meta_label(data) if html else None):
        named = _known(given)
        if named is not None:
            text = _fits(data, named)
            if text is not None:
                return _without_nul(text, data), named
    text = _fits(data, "utf-8")
    if text is not None:
        return _without_nul(text, data), "utf-8"
    charset = _detect(data)
    return _without_nul(data.decode(charset, "replace"), data), charset


def clean_text(text: str) -> str:
    """The text without NUL, and with lone surrogates (from JSON escapes) joined or replaced: always valid UTF-8."""
    if "\0" in text:
        text = text.replace("\0", "")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _without_nul(text: str, data: bytes) -> str:
    """What has been decoded from bytes holds no surrogates, so that is all there is to clean.

    The bytes are looked at first: they are searched several times as fast as text beyond Latin-1.
    """
    return text.replace("\0", "") if b"\0" in data else text


def is_binary(data: bytes) -> bool:
    """Whether the first bytes hold more control characters than any text does; UTF-16 needs its mark to be text."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return False
    head = data[:_BINARY_BYTES]
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return controls > _BINARY_SHARE * len(head) or head.count(0) > _NUL_SHARE * len(head)


def _meta_label(data: bytes) -> str | None:
    found = _META.search(data, 0, _META_BYTES)
    if found is None:
        return None
    label = found[1].decode("ascii").lower()
    return "utf-8" if label.startswith("utf-16") else label  # it was read as ASCII, so it is not UTF-16


@lru_cache(maxsize=1024)  # the same few labels on every page
def _known(label: str | None) -> str | None:
    from resiliparse.parse.encoding import map_encoding_to_html5

    if not label:
        return None
    named = map_encoding_to_html5(label.strip("\"' ").lower(), fallback_utf8=False)
    try:
        return codecs.lookup(named).name if named else None
    except LookupError:
        return None


def _fits(data: bytes, charset: str) -> str | None:
    """The decoded text, or None where the bytes contradict the character set."""
    codec = _CODECS.get(charset, charset)
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        text = data.decode(codec, "replace")
    bad = text.count("\ufffd")
    if charset == "utf-8":
        good = len(text) - len(text.encode("ascii", "ignore")) - bad
        return text if good > bad * _MOSTLY_UTF8 else None
    return text if bad <= _FEW_BAD * len(text) else None


def _detect(data: bytes) -> str:
    from resiliparse.parse.encoding import detect_encoding

    named = detect_encoding(data, max_len=_DETECTOR_BYTES)
    try:
        return codecs.lookup(named or "utf-8").name
    except LookupError:
        return "utf-8"
