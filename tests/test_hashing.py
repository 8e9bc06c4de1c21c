from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.hashing import (
    canonical_json,
    digest_bytes,
    digest_file,
    digest_folder,
    digest_json,
    digest_text,
    random_u64,
    uniform,
)

TEXT = st.text(alphabet=st.characters())  # half surrogate pairs included


def test_digests_stay_what_they_are() -> None:
    # Ids and fingerprints in existing stores are made of these.
    assert digest_bytes(b"") == "cae66941d9efbd404e4d88758ea67670"
    assert digest_text("document", "web", "1") == "e3d1259973c0192df5fecb7fd653a88b"
    assert digest_json({"b": [1, None], "a": "é"}) == "d76dff578d92e51130e57f3ca4fabb6c"
    assert random_u64(0, "mix", "a") == 13_023_574_549_369_101_858


@given(st.lists(TEXT, max_size=4), st.lists(TEXT, max_size=4))
def test_different_parts_have_different_digests(one: list[str], other: list[str]) -> None:
    assert (digest_text(*one) == digest_text(*other)) == (one == other)


def test_where_parts_end_counts() -> None:
    assert (
        len({digest_text("ab", "c"), digest_text("a", "bc"), digest_text("abc"), digest_text("abc", "")}) == 4
    )


def test_the_order_of_keys_does_not_count_and_that_of_items_does() -> None:
    assert digest_json({"a": 1, "b": 2}) == digest_json({"b": 2, "a": 1})
    assert digest_json([1, 2]) != digest_json([2, 1])
    assert canonical_json({"b": "é", "a": [1.0, True]}) == '{"a":[1.0,true],"b":"é"}'


def test_a_value_without_one_json_text_is_refused() -> None:
    with pytest.raises(ValueError, match="Out of range float values are not JSON compliant"):
        canonical_json({"a": math.nan})


def test_a_file_is_named_by_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 3_000_000)  # more than one piece
    assert digest_file(path) == digest_bytes(b"x" * 3_000_000)


def test_a_folder_is_named_by_names_and_contents_not_by_its_place(tmp_path: Path) -> None:
    def folder(name: str, **files: str) -> str:
        for file, text in files.items():
            path = tmp_path / name / file.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return digest_folder(tmp_path / name)

    first = folder("1", a="x", sub__b="y")
    assert folder("2", sub__b="y", a="x") == first
    assert (
        len({first, folder("3", a="x", sub__c="y"), folder("4", a="x", sub__b="z"), folder("5", a="x")}) == 4
    )


@given(st.integers(0, 2**31), st.text(max_size=5), TEXT)
def test_a_draw_is_a_number_from_0_to_below_1_and_repeats(seed: int, stage: str, key: str) -> None:
    drawn = uniform(seed, stage, key)
    assert 0 <= drawn < 1
    assert uniform(seed, stage, key) == drawn


def test_draws_are_spread_evenly_and_differ_by_seed_and_stage() -> None:
    keys = [str(i) for i in range(10_000)]
    drawn = [uniform(0, "select", key) for key in keys]
    tenths = [sum(10 * value // 1 == i for value in drawn) for i in range(10)]
    assert max(abs(count - 1000) for count in tenths) < 120  # four standard deviations
    for other in (("1", "select"), ("0", "mix")):
        both = sum(
            uniform(int(other[0]), other[1], key) < 0.5 and value < 0.5
            for key, value in zip(keys, drawn, strict=True)
        )
        assert abs(both - 2500) < 180
