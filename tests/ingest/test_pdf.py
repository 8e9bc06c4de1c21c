"""PDF files as documents."""

from __future__ import annotations

import io
import os
import random
import signal
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import pytest

from gristmill.errors import InputError
from gristmill.ingest import PdfSource
from gristmill.ingest.files import pdf as reader
from gristmill.ingest.files.pdf import read_pdfs
from gristmill.ingest.files.pdf_text import join_pages
from gristmill.ingest.records import Record
from gristmill.inputs import InputFile
from tests.ingest.pdfs import pdf

PDF = PdfSource(kind="pdf", inputs=("x",))
PROSE = "The mill grinds corn by day and by night,\nand the miller sleeps in between."


def read(folder: Path, *files: bytes, **options: object) -> list[Record]:
    paths = []
    for number, data in enumerate(files):
        path = folder / f"{number}.pdf"
        path.write_bytes(data)
        paths.append(InputFile.at(path))
    return [record for _, record in read_pdfs(paths, PDF.model_copy(update=options))]


def test_text_and_facts_of_a_file(tmp_path: Path) -> None:
    data = pdf(
        PROSE, info="/Title (On m\\374lls) /Author (A. Miller) /CreationDate (D:20240301120000+01'00')"
    )
    (one,) = read(tmp_path, data)
    assert (one.key, one.text, one.rule) == ("0.pdf", PROSE, None)
    assert one.meta == {"pages": 1, "title": "On mülls", "author": "A. Miller"}
    assert one.date == "2024-03-01T12:00:00+01:00"
    assert (one.offset, one.length) == (0, len(data))


@pytest.mark.parametrize(
    ("given", "date"),
    [
        ("D:2024", "2024"),
        ("D:20240301", "2024-03-01"),
        ("D:20240301120000Z", "2024-03-01T12:00:00Z"),
        ("D:20240301120000", "2024-03-01T12:00:00"),
        ("March 2024", None),
    ],
)
def test_dates_are_written_as_iso_8601(tmp_path: Path, given: str, date: str | None) -> None:
    assert read(tmp_path, pdf(PROSE, info=f"/CreationDate ({given})"))[0].date == date


def test_a_file_that_cannot_be_read_is_dropped_and_the_next_is_read(tmp_path: Path) -> None:
    whole = pdf(PROSE)
    handler = (
        "/Encrypt << /Filter /Standard /V 1 /R 2 /O ("
        + "o" * 32
        + ") /U ("
        + "u" * 32
        + ") /P -4 >> /ID [(a) (a)]"
    )
    found = read(
        tmp_path,
        b"<html>no PDF</html>",
        b"%PDF-1.4\n" + b"nothing of the kind\n" * 50,
        pdf(PROSE, encrypt=handler),
        pdf("", ""),
        pdf(PROSE, PROSE, PROSE),
        pdf("\n".join(["x" * 50] * 4)),
        whole,
        b"",
        max_pages=2,
        max_chars=150,
    )
    assert [one.rule for one in found] == [
        "not_pdf", "bad_pdf", "encrypted", "no_text", "too_many_pages", "too_complex", None, "not_pdf"
    ]  # fmt: skip
    assert [one.key for one in found] == [f"{number}.pdf" for number in range(8)]
    assert (found[4].value, found[4].bound) == (3, 2)
    assert (
        read(tmp_path, whole, max_record_bytes=1_000 if len(whole) > 1_000 else len(whole) - 1)[0].rule
        == "too_large"
    )


def bomb(megabytes: int) -> bytes:
    """A page whose content is so many megabytes of text operators, packed."""
    content = zlib.compress(b"BT /F1 9 Tf (mill) Tj ET\n" * (megabytes * 41_943), 9)
    whole = pdf("place")
    start, end = whole.index(b"<< /Length"), whole.index(b"endstream")
    stream = b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\n" % (len(content), content)
    return whole[:start] + stream + whole[end:]


def test_a_file_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    found = read(tmp_path, bomb(30), pdf(PROSE), max_seconds=0.2)
    assert [one.rule for one in found] == ["too_slow", None]
    assert found[0].bound == 0.2


def test_a_file_that_takes_too_much_memory_is_ended(tmp_path: Path) -> None:
    found = read(tmp_path, bomb(200), pdf(PROSE), max_memory_mb=256, max_seconds=30.0)
    assert found[0].rule in ("crashed", "too_complex", "no_text", "bad_pdf", "lost_pages")
    assert [one.text for one in found] == [None, PROSE]


def test_a_crash_costs_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(
        Path(reader.pdf_worker.__file__)
        .read_text()
        .replace(
            'if __name__ == "__main__":',
            "_whole = _read\n"
            "def _read(pdfium, data, *limits):\n"
            "    if b'CRASH' in data:\n"
            f"        import os; os.kill(os.getpid(), {int(signal.SIGSEGV)})\n"
            "    return _whole(pdfium, data, *limits)\n\n"
            'if __name__ == "__main__":',
        )
    )
    monkeypatch.setattr(reader.pdf_worker, "__file__", str(worker))
    found = read(tmp_path, pdf(PROSE), pdf(PROSE, info="/Title (CRASH)"), pdf(PROSE))
    assert [one.rule for one in found] == [None, "crashed", None]
    assert found[1].detail == "PDFium ended with signal 11, of damage or for want of memory"


def test_the_process_ends_with_the_reading(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf(PROSE))
    records = read_pdfs([InputFile.at(tmp_path / "a.pdf")] * 2, PDF)
    next(records)
    children = subprocess.run(
        ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(os.getpid())], capture_output=True, text=True
    )
    pids = [int(line.split()[0]) for line in children.stdout.splitlines() if "pdf_worker" in line]
    assert len(pids) == 1
    records.close()  # type: ignore[attr-defined]
    assert not Path(f"/proc/{pids[0]}").exists()


def test_without_the_library_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_is_installed", lambda: False)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(InputError, match=r"pip install 'gristmill\[pdf\]'"):
        read(tmp_path, pdf(PROSE))


def test_files_of_an_archive_are_read(tmp_path: Path) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("in/a.pdf", pdf(PROSE))
        archive.writestr("in/b.txt", b"text")
    (tmp_path / "papers.zip").write_bytes(held.getvalue())
    found = [record for _, record in read_pdfs([InputFile.at(tmp_path / "papers.zip")], PDF)]
    assert [(one.key, one.rule) for one in found] == [
        ("papers.zip/in/a.pdf", None),
        ("papers.zip/in/b.txt", "not_pdf"),
    ]


def test_damage_never_raises(tmp_path: Path) -> None:
    whole = pdf(*[f"{PROSE}\npage {number}" for number in range(3)], info="/Title (Mills)")
    rng = random.Random(4)
    files = []
    for _ in range(120):
        damaged = bytearray(whole[: rng.randint(20, len(whole))] if rng.random() < 0.4 else whole)
        for _ in range(rng.randint(0, 6)):
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        files.append(bytes(damaged))
    found = read(tmp_path, *files)
    assert len(found) == len(files)
    assert all(one.text is not None or one.rule is not None for one in found)
    assert sum(one.text is not None for one in found) > 20


PAGES = [f"Annual Report of the Mill\n{body}\n- {number} -" for number, body in enumerate(
    ["Corn came in on Monday.", "It was ground on Tuesday.", "Flour went out on Friday.", "All were content."], 9
)]  # fmt: skip


def test_running_heads_and_page_numbers_are_left_out(tmp_path: Path) -> None:
    (one,) = read(tmp_path, pdf(*PAGES), min_chars_per_page=5.0)
    assert one.text == (
        "Corn came in on Monday.\n\nIt was ground on Tuesday.\n\nFlour went out on Friday.\n\nAll were content."
    )
    (kept,) = read(tmp_path, pdf(*PAGES), drop_running_heads=False)
    assert (kept.text or "").count("Annual Report") == 4


@pytest.mark.parametrize(
    ("pages", "text"),
    [
        (["The same.", "The same."], "The same.\n\nThe same."),  # two pages have no running heads
        (["A sentence that\n", "goes on."], "A sentence that\ngoes on."),
        (["It ends.", "Next."], "It ends.\n\nNext."),
        (["", "One.", " \n"], "One."),
        (["ﬁrst oﬃce\u00a0ﬂat"], "first office flat"),
        ([], ""),
    ],
)
def test_pages_are_joined(pages: list[str], text: str) -> None:
    assert join_pages(pages) == text


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("encod\x02ing", "encoding"),
        ("encod-\r\ning", "encoding"),
        ("well\x02known, yes: well-known", "well-known, yes: well-known"),
        ("Anglo\x02Saxon", "Anglo-Saxon"),
        ("pages 3-\n4", "pages 3-\n4"),
        ("a dash -\nno word", "a dash -\nno word"),
    ],
)
def test_words_that_a_line_parts_are_joined(text: str, joined: str) -> None:
    assert join_pages([text]) == joined
    assert "\x02" not in join_pages([text], join_hyphens=False)


def test_a_word_that_a_page_parts_is_joined() -> None:
    assert join_pages(["It was encod\x02", "ing."]) == "It was encoding."
    assert join_pages(["It was encod-", "ing."]) == "It was encoding."


def test_an_answer_that_breaks_off_is_none() -> None:
    whole = io.BytesIO()
    reader.pdf_worker.send(whole, {"pages": ["text"]})
    data = whole.getvalue()
    assert reader.pdf_worker.receive(io.BytesIO(data)) == {"pages": ["text"]}
    assert [reader.pdf_worker.receive(io.BytesIO(data[:cut])) for cut in range(len(data))] == [None] * len(
        data
    )
