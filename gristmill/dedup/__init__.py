"""Deduplication by document: signatures, duplicates, and what is left; then by line or paragraph.

signatures = compute_signatures(documents, options=SignatureOptions())
decisions = find_duplicates(signatures, shard="b", earlier=[("a", others)], options=DuplicateOptions())
kept = apply_decisions(documents, decisions)

units = hash_units(documents, options=ParagraphOptions())
counts = pl.concat(count_units([units.lazy()], options=ParagraphOptions()))
documents, decisions, edits = remove_units(documents, counts, options=ParagraphOptions(), sequence=0)
"""

from gristmill.dedup.deduped import apply_decisions
from gristmill.dedup.duplicates import EXACT_DUPLICATE, NEAR_DUPLICATE, find_duplicates
from gristmill.dedup.options import (
    DedupOptions,
    DuplicateOptions,
    NormaliseOptions,
    ParagraphOptions,
    SignatureOptions,
)
from gristmill.dedup.paragraphs import COUNTS, EDITS, UNITS, count_units, hash_units, remove_units, undo
from gristmill.dedup.signatures import SIGNATURES, collision_probability, compute_signatures, count_signatures

# Raise one when its stage's output changes: every shard of that stage is then made again.
SIGNATURES_VERSION = 3
DUPLICATES_VERSION = 2
DEDUPED_VERSION = 1
UNITS_VERSION = 1
COUNTS_VERSION = 1
PARAGRAPHS_VERSION = 1

__all__ = [
    "COUNTS",
    "COUNTS_VERSION",
    "DEDUPED_VERSION",
    "DUPLICATES_VERSION",
    "EDITS",
    "EXACT_DUPLICATE",
    "NEAR_DUPLICATE",
    "PARAGRAPHS_VERSION",
    "SIGNATURES",
    "SIGNATURES_VERSION",
    "UNITS",
    "UNITS_VERSION",
    "DedupOptions",
    "DuplicateOptions",
    "NormaliseOptions",
    "ParagraphOptions",
    "SignatureOptions",
    "apply_decisions",
    "collision_probability",
    "compute_signatures",
    "count_signatures",
    "count_units",
    "find_duplicates",
    "hash_units",
    "remove_units",
    "undo",
]
