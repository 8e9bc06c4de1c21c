"""The job of the scale bench, small: every planted pair is found, and nothing else."""

from __future__ import annotations

from pathlib import Path

from bench.dedup_scale import job


def test_every_planted_pair_is_found_across_shards(tmp_path: Path) -> None:
    figures = job(documents=3000, shard_documents=700, folder=str(tmp_path))
    assert (figures["found"], figures["wrong"], figures["clustered"]) == (1.0, 0.0, 1.0)
    assert figures["rows"] == 42_000
    assert list(tmp_path.iterdir()) == []
