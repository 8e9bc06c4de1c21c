from __future__ import annotations

import base64

import numpy as np
import polars as pl

from gristmill.plots import Histogram, draw_histograms


def test_values_outside_count_in_the_first_or_last_bin() -> None:
    histogram = Histogram("x", np.array([0.0, 1.0, 2.0]))
    histogram.add(pl.Series([-5.0, 0.5, 1.5, 99.0, None]))
    histogram.add(pl.Series([1], dtype=pl.Int64))
    assert histogram.counts.tolist() == [2, 3]


def test_a_plot_is_a_small_png_and_the_same_bytes_each_time() -> None:
    def draw() -> str:
        words = Histogram("words", np.geomspace(1, 1000, 31), bounds=[50], log_x=True)
        words.add(pl.Series(range(1, 1000)))
        return draw_histograms([words, Histogram("nothing", np.linspace(0, 1, 11))])

    png = base64.b64decode(draw())
    assert png.startswith(b"\x89PNG")
    assert len(png) < 30_000
    assert base64.b64decode(draw()) == png
