"""Small corpora for tests that run the whole graph: a recipe over the sample input, with the stub engine."""

from __future__ import annotations

import copy
import gzip
import json
from pathlib import Path
from typing import Any

import yaml

SAMPLE = Path(__file__).parent.parent / "recipes" / "sample"

RECIPE: dict[str, Any] = {
    "name": "small",
    "sources": {
        "web": {"kind": "warc", "inputs": ["web/*.warc.gz"]},
        "prose": {
            "kind": "jsonl",
            "inputs": ["prose/*.jsonl.gz"],
            "landing": "landing",
            "text": "text",
            "id": "id",
        },
    },
    "models": {"stub": {"engine": "stub"}},
    "tokenizer": "stub",
    "filter": {"language": {"languages": ["en"]}},
    "dedup": {},
    "refine": {
        "model": "stub",
        "max_chunk_tokens": 300,
        "budget": {"prompt_tokens": 8000, "output_tokens": 4000},
    },
    "rephrase": {"model": "stub", "budget": {"prompt_tokens": 5000, "output_tokens": 8000}},
    "quality": {
        "positives": [{"sources": ["prose"]}],
        "negatives": [{"sources": ["web"]}],
        "dim": 8,
        "bucket": 1000,
    },
    "select": {"budget_tokens": 60_000},
    "mix": {"synthetic_share": 0.1, "shard_tokens": 20_000},
}

# Changes that leave only the stages without a model.
CPU_ONLY: dict[str, Any] = dict.fromkeys(("refine", "rephrase", "mix", "select", "quality", "tokenizer"))


def write_corpus(folder: Path, *, prose_shards: int = 2, prose_rows: int = 20, **changes: Any) -> Path:
    """Write input files and `small.yaml` into a folder; `changes` are sections of the recipe merged over RECIPE.

    The prose is cut into `prose_shards` files of `prose_rows` documents; the web is the sample's whole WARC.
    """
    (folder / "web").mkdir(parents=True, exist_ok=True)
    (folder / "prose").mkdir(exist_ok=True)
    (folder / "landing").mkdir(exist_ok=True)
    (folder / "web" / "docs.warc.gz").write_bytes((SAMPLE / "docs.warc.gz").read_bytes())
    rows = prose()
    for number in range(prose_shards):
        write_jsonl(
            folder / "prose" / f"part-{number}.jsonl.gz",
            rows[number * prose_rows : (number + 1) * prose_rows],
        )
    return write_recipe(folder / "small.yaml", **changes)


def write_recipe(path: Path, **changes: Any) -> Path:
    """The recipe with sections changed: mappings are merged, None removes a section, anything else replaces it."""
    recipe = copy.deepcopy(RECIPE)
    _merge(recipe, changes)
    path.write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")
    return path


def prose() -> list[dict[str, Any]]:
    """The documents of the sample's prose."""
    with gzip.open(SAMPLE / "prose.jsonl.gz", "rt", encoding="utf-8") as handle:
        return [json.loads(line) for line in handle]


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Rows as gzipped JSONL, the same bytes each time."""
    data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(data, mtime=0))
    return path


def _merge(into: dict[str, Any], changes: dict[str, Any]) -> None:
    for key, value in changes.items():
        if value is None:
            into.pop(key, None)
        elif isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value
