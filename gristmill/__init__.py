"""Gristmill turns raw text into a pretraining corpus.

The library: pure functions on Arrow and Polars tables, one folder per stage, and the store that keeps what
they make. It never imports dagster, assets, resources or pipelines.
"""

__version__ = "0.1.0"
