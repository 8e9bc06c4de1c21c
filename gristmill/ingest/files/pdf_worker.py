"""The process in which PDF files are read, one after the other: PDFium is native code, and a bad file may kill it.

It is run as a script and imports nothing of this project, so that it starts in a tenth of a second and its memory can
be bounded. A message is 4 bytes with the length of a JSON header, the header, and in requests `bytes` bytes of PDF.
The answer has `pages` (texts), `lost` (pages that could not be read) and `meta`, or `rule` and `detail`.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
from typing import IO, Any

_PASSWORD_ERRORS = (4, 5)  # FPDF_ERR_PASSWORD, FPDF_ERR_SECURITY of fpdfview.h
_META_CHARS = 1_000  # of a title, an author


def main() -> None:
    """Answer requests until there are no more. The first argument is the memory that may be taken, in bytes."""
    pypdfium2 = importlib.import_module("pypdfium2")  # has no types

    _limit(resource.RLIMIT_AS, int(sys.argv[1]))
    while (request := receive(sys.stdin.buffer)) is not None:
        data = sys.stdin.buffer.read(request["bytes"])
        used = resource.getrusage(resource.RUSAGE_SELF)
        _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + request["max_seconds"]) + 1)
        try:
            answer = _read(pypdfium2, data, request["max_pages"], request["max_chars"])
        except MemoryError:
            answer = _refused("too_complex", "reading the file takes too much memory")
        send(sys.stdout.buffer, answer)


def receive(stream: IO[bytes]) -> Any:
    """The next message's header; None where there is none, or it breaks off."""
    length = int.from_bytes(stream.read(4), "big")
    header = stream.read(length)
    return json.loads(header) if header and len(header) == length else None


def send(stream: IO[bytes], header: dict[str, Any], data: bytes = b"") -> None:
    """Write a message."""
    text = json.dumps(header).encode()
    stream.write(len(text).to_bytes(4, "big") + text)
    stream.write(data)
    stream.flush()


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    soft = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (soft, hard))


def _read(pdfium: Any, data: bytes, max_pages: int, max_chars: int) -> dict[str, Any]:
    try:
        document = pdfium.PdfDocument(data)
        count = len(document)
    except pdfium.PdfiumError as error:
        if getattr(error, "err_code", None) in _PASSWORD_ERRORS:
            return _refused(
                "encrypted", "the file needs a password, or a method of encryption that is not known"
            )
        return _refused("bad_pdf", str(error)[:200])
    try:
        if count > max_pages:
            return _refused("too_many_pages", None, value=count, bound=max_pages)
        pages, lost, chars = [], 0, 0
        for number in range(count):
            text = _page_text(pdfium, document, number)
            lost += text is None
            pages.append(text or "")
            chars += len(text or "")
            if chars > max_chars:
                return _refused("too_complex", "characters of text", value=chars, bound=max_chars)
        return {"pages": pages, "lost": lost, "meta": _metadata(pdfium, document)}
    finally:
        document.close()


def _page_text(pdfium: Any, document: Any, number: int) -> str | None:
    try:
        page = document[number]
        try:
            text_page = page.get_textpage()
            try:
                return str(text_page.get_text_bounded())
            finally:
                text_page.close()
        finally:
            page.close()
    except (pdfium.PdfiumError, UnicodeDecodeError, IndexError):
        return None


def _metadata(pdfium: Any, document: Any) -> dict[str, str]:
    try:
        given = document.get_metadata_dict(skip_empty=True)
    except (pdfium.PdfiumError, UnicodeDecodeError):
        return {}
    return {key: str(value)[:_META_CHARS] for key, value in given.items()}


def _refused(rule: str, detail: str | None, **values: float) -> dict[str, Any]:
    return {"rule": rule, "detail": detail, **values}


if __name__ == "__main__":
    main()
