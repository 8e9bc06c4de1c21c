"""How many bands of how many rows: the S-curve of MinHash with bands, and the layout for a threshold.

Two texts of Jaccard similarity s have a row in common with chance s, a band of `rows` with s^rows, and are compared if
any of `bands` is common: 1 - (1 - s^rows)^bands (Mining of Massive Datasets, Leskovec, Rajaraman and Ullman, section
3.4). Choosing a layout is choosing where that curve rises, at a price: every hash costs time for every document, and
every pair compared below the threshold is compared in vain.

Two ways to choose, both over all layouts of at most `hashes` hashes:
  recall given   the layout that compares pairs at the threshold with at least that chance, and pairs below it least
  no recall      least weighted sum of the areas below the curve left of the threshold (compared in vain) and above it
                 right of the threshold (missed), as ekzhu/datasketch does in `lsh.py`, `_optimal_param`
Areas weigh all similarities alike; in a real corpus nearly all pairs are unlike, which makes steep curves better still.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl

from gristmill.errors import RecipeError
from gristmill.plots import Curve, draw_curves

MAX_BANDS, MAX_ROWS = 1000, 100  # as the recipe allows
BIN_WIDTH = 0.05  # of similarity, for measured points

_NODES = 128  # of Gauss-Legendre quadrature: exact for up to 255 hashes, where the curve is a polynomial of that degree
_HALVINGS = 60  # of an interval of length 1: the precision of a double


@dataclass(frozen=True)
class Layout:
    """Bands and rows, and what they mean for pairs on both sides of a threshold."""

    bands: int
    rows: int
    threshold: float
    compared_in_vain: (
        float  # mean chance of a pair below the threshold to be compared; area divided by threshold
    )
    missed: float  # mean chance of a pair at or above the threshold not to be compared

    @property
    def hashes(self) -> int:
        """Minima that are computed for every document."""
        return self.bands * self.rows

    @property
    def recall(self) -> float:
        """Chance that a pair exactly at the threshold is compared."""
        return self.chance(self.threshold)

    def chance(self, jaccard: float) -> float:
        """Chance that a pair of this similarity is compared."""
        return collision_probability(jaccard, bands=self.bands, rows=self.rows)

    def recipe_lines(self) -> str:
        """The lines of a recipe that ask for this layout; they hold with any preset."""
        return (
            "dedup:\n"
            "  signatures:\n"
            f"    bands: {self.bands}\n"
            f"    rows: {self.rows}\n"
            "  duplicates:\n"
            f"    threshold: {self.threshold:g}"
        )


def collision_probability(jaccard: float, *, bands: int, rows: int) -> float:
    """Chance that two texts of this Jaccard similarity share a band: 1 - (1 - s^rows)^bands."""
    return float(1 - (1 - jaccard**rows) ** bands)


def choose_bands(
    threshold: float, *, hashes: int = 128, recall: float | None = None, weight_missed: float = 0.5
) -> Layout:
    """The layout for a threshold, of at most `hashes` hashes; see the top of this module.

    recall: wanted chance that a pair at the threshold is compared; null weighs errors on both sides, with
    `weight_missed` (0..1) for missed pairs and the rest for those compared in vain.
    Raises RecipeError if a number is out of range, or no layout of so many hashes has that recall.
    """
    found = list_layouts(threshold, hashes=hashes, recall=recall, weight_missed=weight_missed)
    if not found:
        best = collision_probability(threshold, bands=min(hashes, MAX_BANDS), rows=1)
        raise RecipeError(
            f"bands: no layout of {hashes} hashes compares pairs of similarity {threshold:g} with chance {recall} "
            f"(at most {best:.6f}); ask for more hashes or less recall"
        )
    if recall is not None:
        return min(found, key=lambda one: (one.compared_in_vain, one.hashes))
    return min(found, key=lambda one: (_cost(one, weight_missed), one.hashes))


def list_layouts(
    threshold: float, *, hashes: int = 128, recall: float | None = None, weight_missed: float = 0.5
) -> list[Layout]:
    """The best layout for every number of rows, by rows: the fewest bands with that recall, or the least cost."""
    _check(threshold, hashes, recall, weight_missed)
    found = []
    for rows in range(1, min(hashes, MAX_ROWS) + 1):
        most = min(hashes // rows, MAX_BANDS)
        vain, missed = _areas(threshold, rows, most)
        if recall is None:
            bands = 1 + int(np.argmin((1 - weight_missed) * vain + weight_missed * missed))
        else:
            bands = _fewest_bands(threshold, rows, recall)
        if bands <= most:
            shares = float(vain[bands - 1]) / threshold, float(missed[bands - 1]) / (1 - threshold)
            found.append(Layout(bands, rows, threshold, *shares))
    return found


def s_curve(*, bands: int, rows: int, points: int = 101) -> pl.DataFrame:
    """The curve at evenly spaced similarities from 0 to 1: jaccard, chance."""
    jaccard = np.linspace(0, 1, points)
    return pl.DataFrame({"jaccard": jaccard, "chance": 1 - (1 - jaccard**rows) ** bands})


def measured_points(pairs: pl.DataFrame, *, bands: int, bin_width: float = BIN_WIDTH) -> pl.DataFrame:
    """Where the S-curve really ran, from pairs that were compared: a row per bin of similarity that has any.

    Columns in: jaccard (0..1, counted), shared (bands in common, 1..bands). Out: jaccard (mean of the bin), chance
    (that a pair of the bin shares a band), pairs (how many), mean_shared.
    Pairs without a common band are never seen, so the number of common bands is a binomial without its zeros: its mean
    m = B p / (1 - (1 - p)^B) gives the chance p of one band, and 1 - (1 - p)^B that of any. Bands count as independent,
    and p as the same for all pairs of a bin; bins that are wide where the curve is steep come out a little too high.
    """
    edge = (pl.col("jaccard") / bin_width + 1e-9).floor()
    binned = (
        pairs.group_by(edge.alias("bin"))
        .agg(pl.col("jaccard").mean(), pairs=pl.len(), mean_shared=pl.col("shared").cast(pl.Float64).mean())
        .sort("bin")
    )
    one = _band_chance(binned["mean_shared"].to_numpy(), bands)
    return binned.select(
        "jaccard", chance=pl.Series(_any_of(one, bands)), pairs="pairs", mean_shared="mean_shared"
    )


def draw_s_curve(
    *, bands: int, rows: int, threshold: float | None = None, measured: pl.DataFrame | None = None
) -> str:
    """PNG in base64: the S-curve, the threshold as a dashed line, and what `measured_points` found as dots."""
    curve = s_curve(bands=bands, rows=rows)
    points = () if measured is None else tuple(measured.select("jaccard", "chance").iter_rows())
    return draw_curves(
        [
            Curve(
                title=f"chance to be compared, {bands} x {rows}",
                x=curve["jaccard"].to_numpy(),
                y=curve["chance"].to_numpy(),
                bounds=() if threshold is None else (threshold,),
                points=points,
                x_label="Jaccard similarity",
            )
        ]
    )


# -- choosing ---------------------------------------------------------------------------------------------------


def _check(threshold: float, hashes: int, recall: float | None, weight_missed: float) -> None:
    if not 0 < threshold < 1:
        raise RecipeError(
            f"bands: threshold is {threshold!r}, must lie between 0 and 1; equal texts need no bands, use exact"
        )
    if hashes < 1:
        raise RecipeError(f"bands: hashes is {hashes!r}, must be at least 1")
    if recall is not None and not 0 < recall < 1:
        raise RecipeError(f"bands: recall is {recall!r}, must lie between 0 and 1, such as 0.99")
    if not 0 <= weight_missed <= 1:
        raise RecipeError(f"bands: weight_missed is {weight_missed!r}, must be between 0 and 1")


def _fewest_bands(threshold: float, rows: int, recall: float) -> int:
    """The least number of bands with this recall, or more than any layout may have."""
    chance = threshold**rows
    if chance < 1e-12:
        return MAX_BANDS + 1
    bands = max(1, int(np.log1p(-recall) / np.log1p(-chance)))
    while collision_probability(threshold, bands=bands, rows=rows) < recall and bands <= MAX_BANDS:
        bands += 1
    return bands


def _cost(layout: Layout, weight_missed: float) -> float:
    vain, missed = layout.compared_in_vain * layout.threshold, layout.missed * (1 - layout.threshold)
    return (1 - weight_missed) * vain + weight_missed * missed


def _areas(threshold: float, rows: int, most: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """For 1, 2, ... `most` bands: area below the curve left of the threshold, and above it right of it."""
    nodes, weights = _quadrature()

    def integral_of_missed(low: float, high: float) -> npt.NDArray[np.float64]:
        s = low + (high - low) * (nodes + 1) / 2
        powers = np.cumprod(np.broadcast_to((1 - s**rows)[:, None], (_NODES, most)), axis=1)
        return np.asarray((high - low) / 2 * (weights @ powers))

    return threshold - integral_of_missed(0, threshold), integral_of_missed(threshold, 1)


@lru_cache(maxsize=1)
def _quadrature() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    return np.polynomial.legendre.leggauss(_NODES)


# -- measured points --------------------------------------------------------------------------------------------


def _band_chance(mean_shared: npt.NDArray[np.float64], bands: int) -> npt.NDArray[np.float64]:
    """The p that solves m = B p / (1 - (1 - p)^B), by halving; the right side grows with p, from 1 to B."""
    low, high = np.zeros(len(mean_shared)), np.ones(len(mean_shared))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        too_low = bands * middle < mean_shared * _any_of(middle, bands)
        low, high = np.where(too_low, middle, low), np.where(too_low, high, middle)
    return np.where(mean_shared <= 1, 0.0, np.where(mean_shared >= bands, 1.0, (low + high) / 2))


def _any_of(chance: npt.NDArray[np.float64], bands: int) -> npt.NDArray[np.float64]:
    """1 - (1 - p)^B, exact for small p too."""
    with np.errstate(divide="ignore"):
        return np.asarray(-np.expm1(bands * np.log1p(-chance)))
