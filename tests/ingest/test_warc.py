"""Web archives as documents."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from gristmill.ingest import WarcSource
from gristmill.ingest.records import Record
from gristmill.ingest.web import warc
from gristmill.ingest.web.warc import read_warc
from gristmill.inputs import InputFile
from tests.ingest.archives import DATA, SAMPLE, WARC, members, page, record, response


def read(path: Path, *records: bytes, options: WarcSource = WARC) -> list[Record]:
    path.write_bytes(members(list(records)))
    return list(read_warc(InputFile.at(path), options))


def only(path: Path, one: bytes, options: WarcSource = WARC) -> Record:
    (found,) = read(path, one, options=options)
    return found


def test_a_page_becomes_text_with_where_it_came_from(tmp_path: Path) -> None:
    block = response(page("The mill.", "<title>Mill</title>"))
    found = only(tmp_path / "f", record("a", block))
    assert found.text == "The mill."
    assert found.key == "urn:uuid:a"
    assert found.url == "https://example.org/a"
    assert found.date == "2024-03-01T00:00:00Z"
    said = {"title": "Mill", "html_lang": None, "charset": "utf-8", "content_type": "text/html"}
    assert found.meta | said == found.meta
    assert (found.offset, found.length) == (0, (tmp_path / "f").stat().st_size)
    assert found.digest is not None
    assert found.rule is None


@pytest.mark.parametrize(
    ("one", "rule"),
    [
        (record("a", b"software: x", kind="warcinfo"), "warcinfo"),
        (record("a", b"HTTP/1.1 200 OK", kind="revisit"), "revisit"),
        (record("a", b"x", kind="x-custom"), "not_a_response"),
        (record("a", b"20240301", "Content-Type: text/dns", kind="response"), None),
        (record("a", page("no HTTP")), "no_http_headers"),
        (record("a", b""), "no_http_headers"),
        (record("a", response(page("gone"), status="404 Not Found")), "http_status"),
        (record("a", response(b"%PDF", "Content-Type: application/pdf")), "content_type"),
        (record("a", response(b"")), "empty_body"),
        (record("a", response(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))), "not_text"),
        (record("a", response(b"<html><script>x()</script>")), "empty_text"),
        (record("a", response(b"<div>x " * 6_000)), "too_deep"),
        (
            record("a", response(gzip.compress(bytes(30_000_000)), "Content-Encoding: gzip")),
            "content_type",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_page_is_dropped_with_its_reason(tmp_path: Path, one: bytes, rule: str | None) -> None:
    found = only(tmp_path / "f", one)
    assert found.text is None
    assert found.rule == (rule or "no_http_headers")


def test_a_source_of_maths_drops_pages_without_a_sign_of_it(tmp_path: Path) -> None:
    options = WARC.model_copy(update={"html": WARC.html.model_copy(update={"maths_only": True})})
    pages = [
        page(r"So \(\frac{1}{2}\)."),
        page("A maths test costs $5."),
        page("So <math><mi>x</mi></math>."),
    ]
    found = read(
        tmp_path / "f",
        *[record(str(number), response(body)) for number, body in enumerate(pages)],
        options=options,
    )
    assert [one.rule for one in found] == [None, "no_maths", None]
    assert [one.text for one in found] == [r"So $\frac{1}{2}$.", None, "So $x$."]


def test_a_bomb_in_a_body_is_too_large(tmp_path: Path) -> None:
    headers = ("Content-Type: text/html", "Content-Encoding: gzip")
    found = only(tmp_path / "f", record("a", response(gzip.compress(bytes(30_000_000)), *headers)))
    assert (found.text, found.rule) == (None, "too_large")


def test_a_page_without_a_type_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    assert only(tmp_path / "f", record("a", response(page("Mill."), "X: y"))).text == "Mill."
    assert only(tmp_path / "f", record("a", response(b"{}", "X: y"))).rule == "content_type"


def test_comments_before_an_unknown_page_take_no_time(tmp_path: Path) -> None:
    found = only(tmp_path / "f", record("a", response(b"<!---->" * 1_000 + b"x", "X: y")))
    assert found.rule == "content_type"


def test_the_type_that_the_crawler_identified_wins(tmp_path: Path) -> None:
    block = response(page("Mill."), "Content-Type: application/octet-stream")
    assert only(tmp_path / "f", record("a", block)).rule == "content_type"
    identified = record("a", block, "WARC-Identified-Payload-Type: text/html")
    assert only(tmp_path / "f", identified).text == "Mill."


def test_plain_text_is_taken_as_it_is_where_it_is_asked_for(tmp_path: Path) -> None:
    one = record("a", response(b"a < b\n", "Content-Type: text/plain"))
    asked = WARC.model_copy(update={"content_types": ("text/plain",)})
    assert only(tmp_path / "f", one).rule == "content_type"
    assert only(tmp_path / "f", one, asked).text == "a < b"


def test_short_texts_can_be_dropped(tmp_path: Path) -> None:
    found = only(
        tmp_path / "f", record("a", response(page("Mill."))), WARC.model_copy(update={"min_chars": 9})
    )
    assert (found.rule, found.value, found.bound) == ("short_text", 5, 9)


def test_a_digest_that_does_not_fit_is_counted_and_the_page_kept(tmp_path: Path) -> None:
    body = page("Mill.")
    wrong = record("a", response(body), "WARC-Payload-Digest: sha1:" + "A" * 32)
    assert only(tmp_path / "f", wrong).rule == "digest_mismatch"
    assert only(tmp_path / "f", wrong).text == "Mill."
    right = record("a", response(body), f"WARC-Payload-Digest: sha1:{hashlib.sha1(body).hexdigest()}")
    assert only(tmp_path / "f", right).rule is None
    unknown = record("a", response(body), "WARC-Payload-Digest: crc:" + "A" * 32)
    assert only(tmp_path / "f", unknown).rule is None


def test_a_body_that_breaks_off_is_kept_or_dropped_as_the_recipe_says(tmp_path: Path) -> None:
    packed = gzip.compress(page("The mill. " * 50))[:-12]
    one = record("a", response(packed, "Content-Type: text/html", "Content-Encoding: gzip"))
    found = only(tmp_path / "f", one)
    assert found.rule == "partial_body"
    assert found.text is not None
    assert found.text.startswith("The mill.")
    strict = WARC.model_copy(update={"keep_partial": False})
    assert only(tmp_path / "f", one, strict).rule == "body_decode"


def test_the_sample_gives_what_its_list_expects() -> None:
    expected = [json.loads(line) for line in (DATA / "sample_records.jsonl").open()]
    found = list(read_warc(InputFile.at(SAMPLE / "docs.warc.gz"), WARC))
    assert [one.key for one in found] == [f"urn:uuid:{row['record_id']}" for row in expected]
    wrong = []
    for one, row in zip(found, expected, strict=True):
        outcome = "keep" if one.text else "skip"
        fits = {
            "keep": outcome == "keep" and one.rule is None,
            "skip": outcome == "skip" and one.rule is not None,
            "keep-partial": outcome == "keep" and one.rule == "partial_body",
            "keep-and-count": outcome == "keep" and one.rule == "digest_mismatch",
        }
        if not fits.get(row["expect"], True):
            wrong.append((row["uri"], row["expect"], outcome, one.rule))
    assert wrong == []


def test_sound_records_come_out_of_broken_framing() -> None:
    found = list(read_warc(InputFile.at(SAMPLE / "broken_framing.warc.gz"), WARC))
    kept = {(one.url or "")[-6:-5] for one in found if one.text and one.rule is None}
    assert kept == {"a", "b", "e", "f"}
    assert [one.rule for one in found if one.rule] == [
        "content_length",
        "content_length",
        "unreadable",
        "truncated",
    ]


# The damage files know the reasons by these names.
REASONS = {"mime": "content_type"}
# Read in another way that the list allows, or that it leaves open: where, and what is different.
DIFFERENT = {
    "not_warc.warc.gz": "the file's fault is a record",
    "garbage_between.warc.gz": "the garbage is a record",
}
ALTERNATIVES = {"https://example.org/l1": "kept without the last 7 bytes"}


@pytest.mark.parametrize("name", sorted(json.loads((DATA / "warc" / "expected.json").read_text())))
def test_damaged_files_give_all_their_good_records(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = json.loads((DATA / "warc" / "expected.json").read_text())[name]
    found = _read_with_pages(name, monkeypatch)
    if name in DIFFERENT:
        found = [(one, text) for one, text in found if one.url]
    assert len(found) == len(expected)
    for (one, text), row in zip(found, expected, strict=True):
        assert one.url in (row["uri"], None) or row["uri"] is None
        if row["outcome"] == "ok":
            assert one.text, row
            if row["uri"] != "https://example.org/nul":
                assert hashlib.sha1((text or "").encode()).hexdigest() == row["text_sha1"], row
        elif row["outcome"] == "skip":
            assert (one.text, one.rule) in [(None, row["type"]), (None, "not_a_response")], row
        elif not (row["uri"] in ALTERNATIVES and row.get("alt") and one.rule == "content_length"):
            assert (one.text, one.rule) == (None, REASONS.get(row["reason"], row["reason"])), row


def _read_with_pages(name: str, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Record, str | None]]:
    """Records, each with the decoded text before extraction, which is what the list has digests of."""
    decoded: list[str] = []
    decode = warc.decode_text

    def spy(*given: Any, **named: Any) -> tuple[str, str]:
        result = decode(*given, **named)
        decoded.append(result[0])
        return result

    monkeypatch.setattr(warc, "decode_text", spy)
    records = read_warc(InputFile.at(DATA / "warc" / name), WARC.model_copy(update={"keep_partial": False}))
    return [(one, decoded.pop() if decoded else None) for one in records]
