from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from assets import contamination, rephrased
from assets.step import build
from gristmill.documents import DOCUMENTS, NATURAL, document_id, frame
from gristmill.filter.code.judge import read_facts
from gristmill.llm import Usage
from gristmill.llm.requests import Answer, Messages, Request
from gristmill.recipe import parse_recipe
from gristmill.store import Registry, Shard, ShardFile, Store
from tests.assets.stores import NO_TOOLS, table

TASK = (
    "A baker fills nine trays with twelve rolls each and sells all but seventeen of them before noon. How many rolls "
    "are left on the shelf when the shop closes at four?"
)
RECIPE = """
name: demo
sources: {code: {kind: jsonl, inputs: [code.jsonl]}}
models: {coder: {}}
rephrase:
  model: coder
  styles: [{name: code}]
  acceptance: {min_language_score: null}
contamination: {benchmarks: {sums: {path: sums.jsonl}}}
"""


def _file(name: str, extra: str = "") -> str:
    steps = "".join(f"def {name}_{n}(level):\n    return level * {n}\n\n\n" for n in range(12))
    return f'"""Sluices.\n\n{extra}\n"""\n\n{steps}'


SEEDS = {
    "gate.py": _file("gate"),
    "weir.py": _file("weir"),
    "race.py": _file("race"),
    "NEWS.md": "Mills. " * 50,
}
WRITTEN = {  # what the model writes after the seed that has the word
    "gate_0": f"```python\n{_file('pump')}```",
    "weir_0": f"```python\n{_file('tide', TASK)}```",
    "race_0": "Here is the file:\n```python\nprint('ready')\n```",
}


class _Tools:
    """The model of a test: answers by the words of the seed."""

    def usage(self) -> Usage:
        return Usage()

    def digest(self, name: str) -> str:
        return f"digest of {name}"

    def llm(self, name: str) -> _Tools:
        return self

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def count_prompt_tokens(self, chats: Sequence[Messages]) -> list[int]:
        return [sum(len(content.split()) for _, content in chat) for chat in chats]

    def answer(self, requests: Iterable[tuple[Any, Request]]) -> Iterator[tuple[Any, Answer]]:
        for tag, request in requests:
            seed = str(request.prompt[-1][1])
            yield tag, Answer(next(text for word, text in WRITTEN.items() if word in seed), "stop", 500, 200)


def _shard_of_code(store: Store) -> Shard:
    shard = Registry(store, "demo").register("code", [ShardFile("/0", "0", 1, 0, "digest-0")])
    rows: list[dict[str, Any]] = [
        {
            "id": document_id("code", path),
            "text": text,
            "source": "code",
            "shard": shard.key,
            "method": NATURAL,
            "generation_depth": 0,
            "meta": json.dumps({"language": "Python" if path.endswith(".py") else "Markdown", "path": path}),
            "file": path,
        }
        for path, text in SEEDS.items()
    ]
    with store.writer(asset="filtered", partition=shard.key, fingerprint="0" * 32) as writer:
        writer.write("documents", frame(rows, DOCUMENTS))
        store.set_ref("demo", writer.publish(version=1, options={}, inputs={}, figures={}, run={}))
    return shard


def test_files_are_written_after_seeds_and_pass_on_as_code_without_benchmark_items(tmp_path: Path) -> None:
    (tmp_path / "sums.jsonl").write_text(json.dumps({"question": TASK, "answer": "17"}) + "\n")
    recipe, store = parse_recipe(RECIPE, tmp_path / "demo.yaml"), Store.open(tmp_path / "store")
    shard, tools = _shard_of_code(store), _Tools()
    given: Any = tools
    built = build(rephrased.step(recipe, "filtered"), recipe, store, shard, given)

    derivations = table(store, built, "derivations")
    assert derivations.select("style", "outcome", "reason").rows() == [
        ("code", "accepted", None),
        ("code", "accepted", None),
        ("code", "rejected", "code_lines"),
    ]
    assert built.manifest.figures["not_eligible"]["style"] == 1  # Markdown is no seed
    made = table(store, built, "documents")
    assert made["method"].unique().to_list() == ["snowcoder.code"]
    assert read_facts(made).select("language", "path").rows() == [
        ("Python", "gate.py"),
        ("Python", "weir.py"),
    ]

    checked = build(contamination.step(recipe, ("filtered", "rephrased")), recipe, store, shard, NO_TOOLS)
    kept = table(store, checked, "documents")
    assert set(made["id"]) - set(kept["id"]) == {derivations["child_id"][1]}
    assert set(kept["parent_id"].drop_nulls()) == {document_id("code", "gate.py")}
