"""ARC, the archive format before WARC: one line of header a record, versions 1 and 2.

  version 1: URL IP-address Archive-date Content-type Archive-length
  version 2: URL IP-address Archive-date Content-type Result-code Checksum Location Offset Filename Archive-length
A record is given the headers that it would have in a WARC file, so that nothing after framing knows of ARC.
Source: Internet Archive, "ARC File Format" (Burner and Kahle, 1996).
"""

from __future__ import annotations

import re

_URL = rb"(?:filedesc|https?|dns|ftp|gopher|nntp|news|whois)://?[^\r\n]{1,8192}|dns:[^\r\n ]{1,1024}"
_ADDRESS = rb"[0-9a-fA-F.:]{3,45}|-"
# Dates of 12 and of 17 digits are there too in early files.
ARC_LINE = re.compile(rb"(?:%b) (?:%b) \d{8,17} [^\r\n]{0,4096} ?\d{1,18}\r?(?:\n|\Z)" % (_URL, _ADDRESS))
ARC_LINE_BYTES = 13 << 10  # the longest line that is known as one
_FIELDS = re.compile(rb"(.+) (%b) (\d{8,17}) (.*)" % _ADDRESS, re.DOTALL)
_FIELDS_OF_VERSION_2 = 6  # after the content type; version 1 has one there


def parse_arc_line(line: bytes) -> dict[str, str]:
    """The headers of the record in the words of WARC: type, record id, target, date, address, type and length."""
    fields = _FIELDS.fullmatch(line.strip())
    if fields is None:
        return {}
    url, address, date, rest = (_text(part) for part in fields.groups())
    *words, length = rest.split(" ")
    if len(words) >= _FIELDS_OF_VERSION_2:
        words = words[: 1 - _FIELDS_OF_VERSION_2]
    scheme = url.partition(":")[0].lower()
    http = scheme in ("http", "https")
    return {
        "warc-type": "warcinfo" if scheme == "filedesc" else "response",
        "warc-record-id": f"arc:{date}:{url}",  # ARC names no record; one capture is a page at a time
        "warc-target-uri": url,
        "warc-ip-address": address,
        "warc-date": _written(date),
        "content-type": "application/http; msgtype=response" if http else " ".join(words),
        "content-length": length,
    }


def _text(part: bytes) -> str:
    return part.decode("utf-8", "replace")


def _written(date: str) -> str:
    """14 digits as WARC writes a date; other numbers of digits as they are."""
    if len(date) < 14:
        return date
    return f"{date[:4]}-{date[4:6]}-{date[6:8]}T{date[8:10]}:{date[10:12]}:{date[12:14]}Z"
