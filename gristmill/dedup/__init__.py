"""Deduplication by document: signatures, duplicates, and what is left.

signatures = compute_signatures(documents, options=SignatureOptions())
decisions = find_duplicates(signatures, shard="b", earlier=[("a", others)], options=DuplicateOptions())
kept = apply_decisions(documents, decisions)
"""

from gristmill.dedup.deduped import apply_decisions
from gristmill.dedup.duplicates import EXACT_DUPLICATE, NEAR_DUPLICATE, find_duplicates
from gristmill.dedup.options import DedupOptions, DuplicateOptions, NormaliseOptions, SignatureOptions
from gristmill.dedup.signatures import SIGNATURES, collision_probability, compute_signatures, count_signatures

# Raise one when its stage's output changes: every shard of that stage is then made again.
SIGNATURES_VERSION = 2
DUPLICATES_VERSION = 2
DEDUPED_VERSION = 1

__all__ = [
    "DEDUPED_VERSION",
    "DUPLICATES_VERSION",
    "EXACT_DUPLICATE",
    "NEAR_DUPLICATE",
    "SIGNATURES",
    "SIGNATURES_VERSION",
    "DedupOptions",
    "DuplicateOptions",
    "NormaliseOptions",
    "SignatureOptions",
    "apply_decisions",
    "collision_probability",
    "compute_signatures",
    "count_signatures",
    "find_duplicates",
]
