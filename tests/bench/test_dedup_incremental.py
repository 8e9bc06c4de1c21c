"""The job of the bench of growing corpora, small: every way of work gives the same."""

from __future__ import annotations

import json
from pathlib import Path

from bench.dedup_incremental import job
from tests.dedup.texts import edit, make_words


def test_every_way_gives_the_same_decisions_and_clusters(tmp_path: Path) -> None:
    texts = [" ".join(edit(make_words(i % 7, 60), 0.02, i)) for i in range(24)]
    rows = [{"id": f"d{i}", "text": text} for i, text in enumerate(texts)]
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, rows)))
    figures = job(str(tmp_path / "corpus.jsonl"), shards=5)
    assert figures["same decisions"] == figures["same clusters"] == figures["ways"] == 6
    assert figures["dropped"] == 17
    assert set(figures) >= {"duplicates of 2", "duplicates of 5", "signature_index of 5"}
