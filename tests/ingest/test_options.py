"""Options of sources, and what a recipe says where they are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from gristmill.errors import RecipeError
from gristmill.ingest import CodeSource, JsonlSource, WarcSource
from gristmill.recipe import parse_recipe


def fault(source: str) -> str:
    with pytest.raises(RecipeError) as raised:
        parse_recipe(f"name: mill\nsources:\n  web: {source}\n", Path("mill.yaml"))
    return str(raised.value).removeprefix("recipe mill.yaml, sources.web")


def test_each_kind_is_read_from_a_recipe() -> None:
    text = (
        "name: mill\nsources:\n"
        "  web: {kind: warc, inputs: [a.warc.gz], statuses: [200, 203]}\n"
        "  rows: {kind: jsonl, landing: new, meta: [licence]}\n"
        "  code: {kind: code, inputs: [src/**/*], languages: [Python]}\n"
    )
    sources = parse_recipe(text, Path("mill.yaml")).sources
    assert [type(one) for one in sources.values()] == [WarcSource, JsonlSource, CodeSource]
    assert sources["code"].files_per_shard == 1_000


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{kind: warcs, inputs: [a]}", "kind: got 'warcs'"),
        ("{kind: warc}", "needs `inputs:` (files or patterns) or `landing:` (a folder), or both"),
        ("{kind: warc, inputs: [a], statuss: [200]}", "Did you mean 'statuses'?"),
        ("{kind: jsonl, inputs: [a], statuses: [200]}", "statuses: unknown key"),
        ("{kind: code, inputs: [a], extensions: {.PY: Python}}", "without a dot: 'py'"),
        ("{kind: warc, inputs: [a], min_chars: -1}", "min_chars: got -1"),
        ("{kind: warc, inputs: [a], record_types: [respons]}", "'response', 'resource' or 'conversion'"),
    ],
)
def test_a_fault_names_key_and_value(source: str, message: str) -> None:
    assert message in fault(source)


def test_reading_holds_no_place() -> None:
    here = WarcSource(kind="warc", inputs=("a",), landing="b", files_per_shard=3)
    there = WarcSource(kind="warc", inputs=("c",))
    assert here.reading() == there.reading()
    assert not {"inputs", "landing", "files_per_shard"} & set(here.reading())
    assert here.reading() != WarcSource(kind="warc", inputs=("a",), min_chars=9).reading()
