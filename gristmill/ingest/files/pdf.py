"""PDF files as documents, through PDFium in a process of its own.

pypdfium2 was chosen over pypdf: on two manuals (53 pages, pdfTeX) both find as many characters (within 2 %),
pypdfium2 in 1.8 ms of CPU a page, pypdf in 30 ms; and it marks the hyphens that the end of a line made. As PDFium is
native code, it runs in a process whose CPU time and memory are bounded by the kernel; where a file kills it, that file
is dropped and the next has a new process.
"""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gristmill.errors import InputError
from gristmill.hashing import digest_bytes
from gristmill.ingest.charset import clean_text
from gristmill.ingest.files import pdf_worker
from gristmill.ingest.files.pdf_text import join_pages
from gristmill.ingest.files.whole import read_whole
from gristmill.ingest.options.pdf import PdfSource
from gristmill.ingest.packed.archives import read_inside
from gristmill.ingest.records import Record
from gristmill.inputs import InputFile

_MAGIC = b"%PDF-"
_MAGIC_BYTES = 1_024  # PDFium looks for the magic this far
_DATE = re.compile(r"D:(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:(Z)|([+-])(\d\d)'?(\d\d)?)?")
_META = {"Title": "title", "Author": "author", "Subject": "subject", "Keywords": "keywords"}


def read_pdfs(files: Sequence[InputFile], options: PdfSource) -> Iterator[tuple[InputFile, Record]]:
    """Every PDF file, one record each, also those inside archives; the key is the name, ARCHIVE/ENTRY for these.

    `meta`: title, author, subject, keywords, pages. Rules: not_pdf, bad_pdf, encrypted, too_large, too_many_pages,
    too_slow, too_complex, crashed, no_text (pages are pictures), and of kept files lost_pages (`value` pages could not
    be read). Raises InputError where pypdfium2 is not installed, OSError where a file cannot be read.
    """
    with PdfReader(options) as reader:
        read = read_inside(lambda file, _: reader.read(file), whole=True)
        for file in files:
            for record in read(file, options):
                yield file, record


class PdfReader:
    """Reads PDF files in a process that is started when it is first needed, and again where a file has killed it."""

    def __init__(self, options: PdfSource) -> None:
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def read(self, file: InputFile) -> Iterator[Record]:
        """The one record of a file."""
        whole = read_whole(file, self._options)
        if isinstance(whole, Record):
            yield whole
            return
        digest = digest_bytes(whole.data)
        if _MAGIC not in whole.data[:_MAGIC_BYTES]:
            detail = f"the file begins with {whole.data[:8]!r}"
            yield Record(0, whole.size, file.name, digest, rule="not_pdf", detail=detail)
            return
        answer = self._ask(whole.data)
        if "rule" in answer:
            yield Record(0, whole.size, file.name, digest, **answer)
            return
        yield self._record(answer, file.name, digest, whole.size)

    def _record(self, answer: dict[str, Any], name: str, digest: str, size: int) -> Record:
        options, pages = self._options, answer["pages"]
        meta: dict[str, Any] = {"pages": len(pages)}
        meta |= {own: clean_text(given) for key, own in _META.items() if (given := answer["meta"].get(key))}
        text = join_pages(
            [clean_text(page) for page in pages],
            drop_running_heads=options.drop_running_heads,
            join_hyphens=options.join_hyphens,
        )
        density, least = len(text) / max(1, len(pages)), options.min_chars_per_page
        if not text or density < least:
            detail = "characters on an average page: the pages are pictures"
            return Record(
                0, size, name, digest, rule="no_text", value=density, bound=least, detail=detail, meta=meta
            )
        lost = float(answer["lost"])
        return Record(
            0,
            size,
            name,
            digest,
            text,
            rule="lost_pages" if lost else None,
            value=lost or None,
            date=_date(answer["meta"].get("CreationDate")),
            meta=meta,
        )

    def _ask(self, data: bytes) -> dict[str, Any]:
        options = self._options
        request = {
            "bytes": len(data),
            "max_pages": options.max_pages,
            "max_chars": options.max_chars,
            "max_seconds": options.max_seconds,
        }
        process = self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            pdf_worker.send(process.stdin, request, data)
            answer = pdf_worker.receive(process.stdout)
        except BrokenPipeError:
            answer = None
        return dict(answer) if answer is not None else self._why_it_died()

    def _start(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            memory = str(self._options.max_memory_mb << 20)
            self._process = subprocess.Popen(
                [sys.executable, "-I", str(Path(pdf_worker.__file__)), memory],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._process

    def _why_it_died(self) -> dict[str, Any]:
        status = self.close()
        if status == -signal.SIGXCPU:
            return {"rule": "too_slow", "bound": self._options.max_seconds, "detail": "seconds of CPU time"}
        if status > 0 and not _is_installed():
            raise InputError(
                "sources of kind 'pdf' need pypdfium2, which is not installed: pip install 'gristmill[pdf]'"
            )
        ended = f"signal {-status}" if status < 0 else f"status {status}"
        return {"rule": "crashed", "detail": f"PDFium ended with {ended}, of damage or for want of memory"}

    def close(self) -> int:
        """End the process; its status."""
        process, self._process = self._process, None
        if process is None:
            return 0
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        return process.wait()

    def __enter__(self) -> PdfReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _is_installed() -> bool:
    from importlib.util import find_spec

    return find_spec("pypdfium2") is not None


def _date(given: str | None) -> str | None:
    """A PDF date as ISO 8601, as far as it is given."""
    found = _DATE.match(given or "")
    if found is None:
        return None
    year, month, day, hour, minute, second, zulu, sign, zone_hours, zone_minutes = found.groups()
    text = "-".join(part for part in (year, month, day) if part)
    if day and hour and minute:
        text += f"T{hour}:{minute}:{second or '00'}"
        text += "Z" if zulu else f"{sign}{zone_hours}:{zone_minutes or '00'}" if sign else ""
    return text
