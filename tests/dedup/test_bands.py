"""The S-curve, the choice of bands and rows, and points of the curve as they were measured."""

from __future__ import annotations

import base64

import numpy as np
import polars as pl
import pytest
import yaml

from gristmill.dedup import (
    DedupOptions,
    choose_bands,
    collision_probability,
    draw_s_curve,
    list_layouts,
    measured_points,
    s_curve,
)
from gristmill.errors import RecipeError


@pytest.mark.parametrize(
    ("jaccard", "expected"),
    [
        (0.5, 0.0533),
        (0.6, 0.2111),
        (0.7, 0.5645),
        (0.75, 0.7716),
        (0.8, 0.9235),
        (0.9, 0.9996),
        (0.0, 0.0),
        (1.0, 1.0),
    ],
)
def test_collision_probability(jaccard: float, expected: float) -> None:
    assert collision_probability(jaccard, bands=14, rows=8) == pytest.approx(expected, abs=5e-5)


def test_the_curve_runs_from_nought_to_one_and_never_falls() -> None:
    curve = s_curve(bands=24, rows=6, points=11)
    assert curve["jaccard"].to_list() == pytest.approx([i / 10 for i in range(11)])
    assert (curve["chance"][0], curve["chance"][10]) == (0, 1)
    assert curve["chance"].is_sorted()
    assert curve["chance"][8] == pytest.approx(collision_probability(0.8, bands=24, rows=6))


@pytest.mark.parametrize(("threshold", "bands", "rows"), [(0.8, 9, 13), (0.5, 25, 5)])
def test_without_a_recall_both_areas_weigh_alike(threshold: float, bands: int, rows: int) -> None:
    # The layouts that datasketch's MinHashLSH(threshold, num_perm=128) has.
    chosen = choose_bands(threshold)
    assert (chosen.bands, chosen.rows) == (bands, rows)


def test_missed_pairs_can_weigh_more() -> None:
    assert choose_bands(0.8, weight_missed=0.9).missed < choose_bands(0.8).missed


def test_areas_are_those_of_plain_sums() -> None:
    chosen = choose_bands(0.7, hashes=200)
    middles = (np.arange(100_000) + 0.5) / 100_000
    chances = 1 - (1 - middles**chosen.rows) ** chosen.bands
    assert chosen.compared_in_vain == pytest.approx(chances[middles < 0.7].mean(), abs=1e-5)
    assert chosen.missed == pytest.approx(1 - chances[middles > 0.7].mean(), abs=1e-5)


def test_a_recall_is_reached_with_the_fewest_comparisons_in_vain() -> None:
    chosen = choose_bands(0.8, hashes=128, recall=0.99)
    every = [(b, r) for r in range(1, 129) for b in range(1, 128 // r + 1)]
    good = [(b, r) for b, r in every if collision_probability(0.8, bands=b, rows=r) >= 0.99]
    middles = (np.arange(8_000) + 0.5) / 10_000
    assert (chosen.bands, chosen.rows) == min(
        good, key=lambda layout: (1 - (1 - middles ** layout[1]) ** layout[0]).mean()
    )
    assert chosen.recall >= 0.99
    assert all(one.recall >= 0.99 and one.hashes <= 128 for one in list_layouts(0.8, recall=0.99))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"threshold": 1.0}, "must lie between 0 and 1"),
        ({"threshold": 0.8, "recall": 1.0}, "such as 0.99"),
        ({"threshold": 0.8, "hashes": 0}, "at least 1"),
        ({"threshold": 0.8, "weight_missed": 2.0}, "between 0 and 1"),
        ({"threshold": 0.1, "recall": 0.99, "hashes": 10}, r"at most 0\.651322"),
    ],
)
def test_what_cannot_be_chosen_is_refused(given: dict[str, float], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        choose_bands(**given)  # type: ignore[arg-type]


def test_the_lines_for_the_recipe_are_read_as_the_layout() -> None:
    chosen = choose_bands(0.7, hashes=300, recall=0.995)
    options = DedupOptions.model_validate(yaml.safe_load(chosen.recipe_lines())["dedup"])
    assert (options.signatures.bands, options.signatures.rows) == (chosen.bands, chosen.rows)
    assert options.duplicates.threshold == 0.7


def test_measured_points_correct_for_the_pairs_that_nobody_saw() -> None:
    draw = np.random.default_rng(1)
    bands, rows, count = 24, 6, 40_000
    jaccard = draw.choice([0.42, 0.52, 0.62, 0.72, 0.82], count)
    shared = draw.binomial(bands, jaccard**rows)
    seen = pl.DataFrame({"jaccard": jaccard, "shared": shared}).filter(pl.col("shared") > 0)
    found = measured_points(seen, bands=bands)
    assert found["jaccard"].to_list() == pytest.approx([0.42, 0.52, 0.62, 0.72, 0.82])
    assert found["pairs"].sum() == seen.height
    for similarity, chance in found.select("jaccard", "chance").iter_rows():
        assert chance == pytest.approx(collision_probability(similarity, bands=bands, rows=rows), abs=0.03)
    assert found["chance"][0] < 0.15  # though every pair that was seen shares a band


def test_measured_points_at_both_ends() -> None:
    pairs = pl.DataFrame({"jaccard": [0.3, 0.3, 1.0], "shared": [1, 1, 24]})
    found = measured_points(pairs, bands=24)
    assert found["chance"].to_list() == [0, 1]
    assert measured_points(pairs.clear(), bands=24).height == 0


def test_the_curve_is_drawn_with_its_points_and_the_same_bytes_each_time() -> None:
    measured = measured_points(pl.DataFrame({"jaccard": [0.8], "shared": [7]}), bands=24)
    plain = draw_s_curve(bands=24, rows=6)
    dotted = [draw_s_curve(bands=24, rows=6, threshold=0.8, measured=measured) for _ in range(2)]
    assert base64.b64decode(plain).startswith(b"\x89PNG")
    assert dotted[0] == dotted[1] != plain
    assert len(dotted[0]) < 30_000
