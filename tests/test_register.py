from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from gristmill.errors import InputError
from gristmill.recipe import Recipe, parse_recipe
from gristmill.register import expected_shards, register_new_files
from gristmill.store import Registry, Store


def _recipe(folder: Path, *lines: str) -> Recipe:
    sources = "".join(f"  {line}\n" for line in lines)
    return parse_recipe(f"name: demo\nsources:\n{sources}", folder / "demo.yaml")


def _write(folder: Path, *names: str, text: str = "x") -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _look(recipe: Recipe, folder: Path, **when: Any) -> tuple[dict[str, list[str]], list[str]]:
    """(names of files by key of the added shards, keys of the removed ones)."""
    found = register_new_files(recipe, Store.open(folder / "store"), **when)
    return {shard.key: [file.name for file in shard.files] for shard in found.added}, list(found.removed)


def _shards(folder: Path) -> dict[str, list[str]]:
    registry = Registry(Store.open(folder / "store"), "demo")
    return {shard.key: [file.name for file in shard.files] for shard in registry.shards()}


def _rewrite(path: Path, text: str) -> None:
    """Change a file, with another time even where the clock is coarse."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text)
    os.utime(path, ns=(before + 1_000_000_000, before + 1_000_000_000))


def test_files_become_shards_in_sorted_order_source_after_source(tmp_path: Path) -> None:
    _write(tmp_path, "web/c.warc", "web/a.warc", "web/b.warc", "code/z.py", "code/sub/y.py")
    recipe = _recipe(
        tmp_path,
        "web: {kind: warc, inputs: ['web/*.warc'], files_per_shard: 2}",
        "code: {kind: code, inputs: ['code/**/*.py'], files_per_shard: 10}",
    )
    assert _look(recipe, tmp_path) == (
        {"web-0001": ["a.warc", "b.warc"], "web-0002": ["c.warc"], "code-0001": ["sub/y.py", "z.py"]},
        [],
    )


def test_a_second_look_adds_only_what_is_new(tmp_path: Path) -> None:
    _write(tmp_path, "web/b.warc")
    recipe = _recipe(tmp_path, "web: {kind: warc, inputs: ['web/*.warc']}")
    assert _look(recipe, tmp_path) == ({"web-0001": ["b.warc"]}, [])
    assert _look(recipe, tmp_path) == ({}, [])
    _write(tmp_path, "web/a.warc")
    assert _look(recipe, tmp_path) == ({"web-0002": ["a.warc"]}, [])
    assert list(_shards(tmp_path)) == ["web-0001", "web-0002"]


def test_a_file_named_by_two_patterns_is_taken_once(tmp_path: Path) -> None:
    _write(tmp_path, "web/a.warc", "web/b.warc")
    recipe = _recipe(tmp_path, "web: {kind: warc, inputs: [web/b.warc, 'web/*.warc']}")
    assert _look(recipe, tmp_path)[0] == {"web-0001": ["b.warc"], "web-0002": ["a.warc"]}


def test_a_path_that_looks_like_a_pattern_is_taken_as_it_is(tmp_path: Path) -> None:
    _write(tmp_path, "web/[1].warc", "web/1.warc")
    recipe = _recipe(tmp_path, "web: {kind: warc, inputs: ['web/[1].warc']}")
    assert _look(recipe, tmp_path)[0] == {"web-0001": ["[1].warc"]}


def test_inputs_are_relative_to_the_recipe_wherever_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path, "data/a.warc")
    recipe = _recipe(tmp_path / "recipes", "web: {kind: warc, inputs: [../data/a.warc]}")
    monkeypatch.chdir("/")
    assert _look(recipe, tmp_path)[0] == {"web-0001": ["a.warc"]}


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("web/gone.warc", "finds no file"),
        ("web/*.jsonl", "finds no file"),
        ("web", "is a folder; name its files"),
    ],
)
def test_a_missing_input_is_named_with_the_key_and_where_it_was_looked_for(
    tmp_path: Path, pattern: str, complaint: str
) -> None:
    _write(tmp_path, "web/a.warc")
    recipe = _recipe(tmp_path, f"web: {{kind: warc, inputs: ['{pattern}']}}")
    with pytest.raises(InputError) as caught:
        _look(recipe, tmp_path)
    assert str(caught.value).startswith(
        f"recipe demo.yaml, sources.web.inputs: {str(tmp_path / pattern)!r} {complaint}"
    )
    assert str(caught.value).endswith("; paths are relative to the recipe")
    assert _shards(tmp_path) == {}


# -- files that change ------------------------------------------------------------------------------------------


def test_a_changed_file_is_registered_anew_and_its_old_shard_removed(tmp_path: Path) -> None:
    _write(tmp_path, "web/a.warc", "web/b.warc")
    recipe = _recipe(tmp_path, "web: {kind: warc, inputs: ['web/*.warc']}")
    _look(recipe, tmp_path)
    _rewrite(tmp_path / "web/a.warc", "other")
    assert _look(recipe, tmp_path) == ({"web-0003": ["a.warc"]}, ["web-0001"])
    assert list(_shards(tmp_path)) == ["web-0002", "web-0003"]
    assert _look(recipe, tmp_path) == ({}, [])


def test_a_shard_with_one_changed_file_is_made_anew_as_a_whole(tmp_path: Path) -> None:
    _write(tmp_path, "web/a.warc", "web/b.warc")
    recipe = _recipe(tmp_path, "web: {kind: warc, inputs: ['web/*.warc'], files_per_shard: 2}")
    _look(recipe, tmp_path)
    _rewrite(tmp_path / "web/b.warc", "other")
    assert _look(recipe, tmp_path) == ({"web-0002": ["a.warc", "b.warc"]}, ["web-0001"])


def test_a_file_that_was_only_touched_or_is_gone_keeps_its_shard(tmp_path: Path) -> None:
    _write(tmp_path, "web/a.warc", "web/b.warc")
    recipe = _recipe(tmp_path, "web: {kind: warc, inputs: ['web/*.warc']}")
    _look(recipe, tmp_path)
    _rewrite(tmp_path / "web/a.warc", "x")
    (tmp_path / "web/b.warc").unlink()
    assert _look(recipe, tmp_path) == ({}, [])
    assert list(_shards(tmp_path)) == ["web-0001", "web-0002"]


def test_nothing_is_removed_where_a_new_file_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path, "web/a.warc")
    recipe = _recipe(tmp_path, "web: {kind: warc, inputs: ['web/*.warc']}")
    _look(recipe, tmp_path)
    _rewrite(tmp_path / "web/a.warc", "other")

    def refuse(path: Path, name: str) -> None:
        raise InputError(f"input {str(path)!r} cannot be read: Permission denied")

    monkeypatch.setattr("gristmill.register.describe_file", refuse)
    with pytest.raises(InputError, match="Permission denied"):
        _look(recipe, tmp_path)
    assert list(_shards(tmp_path)) == ["web-0001"]


# -- landing folders --------------------------------------------------------------------------------------------


def test_files_that_land_are_found_at_the_next_look(tmp_path: Path) -> None:
    recipe = _recipe(tmp_path, "web: {kind: warc, landing: landing}")
    assert _look(recipe, tmp_path) == ({}, [])  # the folder need not be there yet
    _write(tmp_path, "landing/b.warc", "landing/day/a.warc")
    assert _look(recipe, tmp_path)[0] == {"web-0001": ["b.warc"], "web-0002": ["day/a.warc"]}
    assert _look(recipe, tmp_path) == ({}, [])


def test_unfinished_files_are_left_alone(tmp_path: Path) -> None:
    recipe = _recipe(tmp_path, "web: {kind: warc, landing: landing}")
    _write(
        tmp_path,
        "landing/.a.warc",
        "landing/b.warc.part",
        "landing/c.tmp",
        "landing/d.partial",
        "landing/e.warc",
    )
    assert _look(recipe, tmp_path)[0] == {"web-0001": ["e.warc"]}


def test_a_file_that_may_still_be_copied_waits(tmp_path: Path) -> None:
    recipe = _recipe(tmp_path, "web: {kind: warc, landing: landing}")
    _write(tmp_path, "landing/a.warc")
    now = time.time()
    assert _look(recipe, tmp_path, settle_seconds=60, now=now + 30) == ({}, [])
    assert _look(recipe, tmp_path, settle_seconds=60, now=now + 90)[0] == {"web-0001": ["a.warc"]}


def test_a_file_that_is_being_overwritten_keeps_its_shard_until_it_has_settled(tmp_path: Path) -> None:
    recipe = _recipe(tmp_path, "web: {kind: warc, landing: landing}")
    _write(tmp_path, "landing/a.warc")
    _look(recipe, tmp_path)
    _rewrite(tmp_path / "landing/a.warc", "half")
    then = (tmp_path / "landing/a.warc").stat().st_mtime
    assert _look(recipe, tmp_path, settle_seconds=60, now=then + 30) == ({}, [])
    assert _look(recipe, tmp_path, settle_seconds=60, now=then + 90) == (
        {"web-0002": ["a.warc"]},
        ["web-0001"],
    )


def test_a_preview_names_the_shards_that_registration_then_makes(tmp_path: Path) -> None:
    _write(tmp_path, "a.warc", "b.warc", "c.py")
    recipe = _recipe(tmp_path, "web: {kind: warc, inputs: ['*.warc']}", "code: {kind: code, inputs: [c.py]}")
    store = Store.open(tmp_path / "store")
    previewed, new_files = expected_shards(recipe, store)
    assert new_files == 3
    assert _shards(tmp_path) == {}
    register_new_files(recipe, store)
    assert previewed == Registry(store, "demo").shards()
    assert expected_shards(recipe, store) == (previewed, 0)
    _rewrite(tmp_path / "a.warc", "another")
    assert [shard.key for shard in expected_shards(recipe, store)[0]] == ["web-0002", "code-0001", "web-0003"]


def test_two_files_of_one_name_are_refused_where_the_name_is_the_key(tmp_path: Path) -> None:
    _write(tmp_path, "a/src/x.py", "b/src/x.py")
    recipe = _recipe(tmp_path, "code: {kind: code, inputs: ['a/**/*.py', 'b/**/*.py']}")
    named = r"sources\.code: '.*a/src/x\.py' and '.*b/src/x\.py' are both named 'src/x\.py'"
    with pytest.raises(InputError, match=named):
        _look(recipe, tmp_path)
    assert _shards(tmp_path) == {}
    above = _recipe(tmp_path, "code: {kind: code, inputs: ['*/src/*.py'], files_per_shard: 9}")
    assert _look(above, tmp_path)[0] == {"code-0001": ["a/src/x.py", "b/src/x.py"]}


def test_a_new_file_with_the_name_of_a_registered_one_is_refused(tmp_path: Path) -> None:
    _write(tmp_path, "a/x.py")
    _look(_recipe(tmp_path, "code: {kind: code, inputs: ['a/*.py']}"), tmp_path)
    _write(tmp_path, "b/x.py")
    with pytest.raises(InputError, match=r"are both named 'x\.py'"):
        _look(_recipe(tmp_path, "code: {kind: code, inputs: ['a/*.py', 'b/*.py']}"), tmp_path)


def test_two_archives_of_one_name_are_fine(tmp_path: Path) -> None:
    _write(tmp_path, "a/x.warc", "b/x.warc")
    recipe = _recipe(tmp_path, "web: {kind: warc, inputs: ['a/*.warc', 'b/*.warc']}")
    assert _look(recipe, tmp_path)[0] == {"web-0001": ["x.warc"], "web-0002": ["x.warc"]}


def test_a_dataset_folder_gives_the_files_of_its_split(tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    (folder / "data").mkdir(parents=True)
    (folder / "README.md").write_text(
        "---\nconfigs:\n- config_name: default\n  data_files:\n  - {split: train, path: data/train-*}\n---\n"
    )
    for name in ("train-0.jsonl", "train-1.jsonl", "test-0.jsonl"):
        (folder / "data" / name).write_text(f'{{"text": "{name}"}}\n')
    text = "name: demo\nsources:\n  hub: {kind: huggingface, inputs: [hub]%s}\n"
    recipe = parse_recipe(text % "", tmp_path / "demo.yaml")
    shards = register_new_files(recipe, Store.open(tmp_path / "store")).added
    assert [file.name for shard in shards for file in shard.files] == [
        "data/train-0.jsonl",
        "data/train-1.jsonl",
    ]
    wrong = parse_recipe(text % ", split: validation", tmp_path / "demo.yaml")
    with pytest.raises(InputError, match=r"recipe demo.yaml, sources.hub: .*validation"):
        register_new_files(wrong, Store.open(tmp_path / "other"))
