"""Decontamination: documents that hold items of evaluation sets.

index = build_index(read_benchmark("gsm8k", [Path("gsm8k/test.jsonl")]), options)
checked = check_contamination(documents, index, options)
checked.documents, checked.decisions, checked.evidence
"""

from gristmill.contamination.benchmarks import Item, read_benchmark
from gristmill.contamination.find import EVIDENCE, Checked, check_contamination, find_items
from gristmill.contamination.index import Index, build_index
from gristmill.contamination.options import BenchmarkOptions, ContaminationOptions

# Raise when the same documents, items and options give other output: every shard of the stage is then made again.
VERSION = 1

__all__ = [
    "EVIDENCE",
    "VERSION",
    "BenchmarkOptions",
    "Checked",
    "ContaminationOptions",
    "Index",
    "Item",
    "build_index",
    "check_contamination",
    "find_items",
    "read_benchmark",
]
