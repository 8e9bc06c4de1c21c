"""How the bench of URL duplicates counts."""

from __future__ import annotations

from pathlib import Path

from bench.url_duplicates import canonical, url_of, whole_job
from gristmill.dedup import canonical_url


def test_the_ways_to_write_a_url_are_different_and_have_one_form() -> None:
    ways = {url_of(7, way) for way in range(20)}
    assert len(ways) > 5
    assert len({canonical_url(url) for url in ways}) == 1


def test_what_stays_is_what_was_planted() -> None:
    figures = whole_job(300, shard_documents=70)
    assert figures["exact"] == 1
    assert figures["documents_per_cpu_second"] > 0


def test_urls_of_a_file_are_repeated(tmp_path: Path) -> None:
    (tmp_path / "urls").write_text("http://mill.org/\nno address")
    assert canonical(str(tmp_path / "urls"), 5)["written"] == 3
