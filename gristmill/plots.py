"""Small plots as PNG in base64: below 30 KB, and the same bytes for the same numbers (with one matplotlib).

Values of histograms are counted into fixed bins batch by batch, so nothing is held but the counts.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

_DPI = 72  # keeps a file of two panels near 15 KB
_PANEL_INCHES = (4.2, 2.6)
_COLOUR, _BOUND_COLOUR = "#4c78a8", "#c44e52"


@dataclass
class Histogram:
    """Counts of values between `edges`; values outside count in the first or last bin, nulls do not."""

    title: str
    edges: npt.NDArray[np.float64]
    bounds: Sequence[float] = ()  # drawn as dashed lines
    log_x: bool = False
    counts: npt.NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.counts = np.zeros(len(self.edges) - 1, np.int64)

    def add(self, values: pl.Series) -> None:
        """Count a batch of values."""
        known = values.drop_nulls().cast(pl.Float64).to_numpy()
        self.counts += np.histogram(np.clip(known, self.edges[0], self.edges[-1]), self.edges)[0]


def draw_histograms(histograms: Sequence[Histogram]) -> str:
    """Histograms side by side, their bounds as dashed lines."""
    figure, panels = _panels(len(histograms))
    for panel, histogram in zip(panels, histograms, strict=True):
        panel.stairs(histogram.counts, histogram.edges, fill=True, color=_COLOUR)
        for bound in histogram.bounds:
            panel.axvline(bound, color=_BOUND_COLOUR, linestyle="--", linewidth=1.2)
        if histogram.log_x:
            panel.set_xscale("log")
        panel.set_title(histogram.title, fontsize=9)
    return _to_base64(figure)


@dataclass
class Curve:
    """A line from 0 to 1 on both axes, with bounds as dashed lines and measured points as dots."""

    title: str
    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    bounds: Sequence[float] = ()
    points: Sequence[tuple[float, float]] = ()
    x_label: str = ""


def draw_curves(curves: Sequence[Curve]) -> str:
    """Curves side by side."""
    figure, panels = _panels(len(curves), bottom=0.17)  # room for the labels
    for panel, curve in zip(panels, curves, strict=True):
        panel.plot(curve.x, curve.y, color=_COLOUR, linewidth=1.4)
        for bound in curve.bounds:
            panel.axvline(bound, color=_BOUND_COLOUR, linestyle="--", linewidth=1.2)
        if curve.points:
            panel.plot(*zip(*curve.points, strict=True), "o", color=_BOUND_COLOUR, markersize=4)
        panel.set_xlim(0, 1)
        panel.set_ylim(0, 1.04)
        panel.set_xlabel(curve.x_label, fontsize=7)
        panel.set_title(curve.title, fontsize=9)
    return _to_base64(figure)


@dataclass
class Bars:
    """Counts by name, one bar each."""

    title: str
    names: Sequence[str]
    counts: Sequence[int]
    log_y: bool = False


def draw_bars(charts: Sequence[Bars]) -> str:
    """Bars side by side, their counts above them."""
    figure, panels = _panels(len(charts), bottom=0.24)  # room for names at a slant
    for panel, chart in zip(panels, charts, strict=True):
        drawn = panel.bar(range(len(chart.names)), chart.counts, color=_COLOUR)
        panel.bar_label(drawn, [f"{count:,}" if count else "" for count in chart.counts], fontsize=6)
        panel.set_xticks(range(len(chart.names)), chart.names, rotation=30, ha="right")
        if chart.log_y:
            panel.set_yscale("log")
        panel.set_title(chart.title, fontsize=9)
    return _to_base64(figure)


def _panels(count: int, *, bottom: float = 0.12) -> tuple[Any, list[Any]]:
    # Without pyplot: no global state, so threads may draw at the same time.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width, height = _PANEL_INCHES
    figure = Figure(figsize=(width * count, height), dpi=_DPI)
    FigureCanvasAgg(figure)
    # Fixed margins: finding the best ones would take three times as long as drawing.
    figure.subplots_adjust(left=0.16 / count, right=1 - 0.04 / count, bottom=bottom, top=0.88)
    panels = [figure.add_subplot(1, count, i + 1) for i in range(count)]
    for panel in panels:
        panel.tick_params(labelsize=7)
        panel.spines[["top", "right"]].set_visible(False)
    return figure, panels


def _to_base64(figure: Any) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})  # else the version of matplotlib
    return base64.b64encode(buffer.getvalue()).decode()
