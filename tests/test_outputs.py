"""The output of every stage on the sample input, by hash: changed output without a raised version is red.

Hashed are the values of the tables, not the bytes of the Parquet files, so that another Parquet writer changes nothing.
`python -m tests.test_outputs` writes outputs.json anew; do that only together with a raised version.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import polars as pl
import pytest

from assets.graph import steps
from gristmill.hashing import digest_bytes, digest_file, digest_json
from gristmill.recipe import load_recipe
from gristmill.store import Manifest, Registry, Store

RECORDED = Path(__file__).parent / "outputs.json"


def outputs(folder: Path) -> dict[str, dict[str, object]]:
    """Version and hash of all output of every step of the corpus in a folder."""
    recipe, store = load_recipe(folder / "small.yaml"), Store.open(folder / "home" / "store")
    shards = [shard.key for shard in Registry(store, recipe.name).shards()]
    found: dict[str, dict[str, object]] = {}
    for step in steps(recipe):
        manifests = [
            store.current(recipe.name, step.name, k) for k in (shards if step.partitioned else [None])
        ]
        found[step.name] = {
            "version": step.version,
            "hash": digest_json([_values(store, m) for m in manifests]),
        }
    return found


def _values(store: Store, manifest: Manifest) -> dict[str, str]:
    hashes = {}
    for table in manifest.schemas:
        rows: pl.DataFrame = store.scan(manifest, table).collect()
        hashes[table] = digest_bytes(rows.write_ndjson().encode())
    others = {entry.table for entry in manifest.files} - set(manifest.schemas)
    return {**hashes, **{name: digest_file(store.path(manifest, name)) for name in sorted(others)}}


@pytest.mark.slow
def test_changed_output_has_a_raised_version(finished: Path) -> None:
    recorded, found = json.loads(RECORDED.read_text()), outputs(finished)
    assert set(found) == set(recorded), "steps came or went: python -m tests.test_outputs"
    silent = [
        n
        for n in found
        if found[n]["hash"] != recorded[n]["hash"] and found[n]["version"] == recorded[n]["version"]
    ]
    assert not silent[:1], (
        f"output of {silent[0]!r} changed (first of {silent}): raise its VERSION, then record"
    )
    assert found == recorded, "a version was raised: python -m tests.test_outputs"


if __name__ == "__main__":
    from gristmill.recipe import load_recipe as load
    from pipelines.run import build_corpus
    from tests.conftest import use_home
    from tests.corpora import write_corpus

    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        use_home(patch, Path(name) / "home")
        build_corpus(load(write_corpus(Path(name))))
        RECORDED.write_text(json.dumps(outputs(Path(name)), indent=1) + "\n")
