"""Hosts of URLs in the form in which they are compared."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import unquote


@lru_cache(maxsize=1 << 16)
def ascii_host(host: str) -> str:
    """The host in lower case and in its ASCII form, without dots at its end; as it is where there is no such form."""
    import idna

    name = unquote(host).strip().rstrip(".。．｡").lower()
    if name.isascii():
        return name
    try:
        return idna.encode(name, uts46=True, transitional=False).decode()
    except idna.IDNAError:
        return name
