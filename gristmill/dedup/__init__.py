"""Deduplication by document: by URL, then signatures, duplicates, and what is left; then by line or paragraph.

signatures = compute_signatures(documents, options=SignatureOptions())
decisions = find_duplicates(signatures, shard="a", options=DuplicateOptions())
kept = apply_decisions(documents, decisions)

keys = key_urls(documents, options=UrlOptions())
winners = pl.concat(pick_winners([keys.lazy()], options=UrlOptions()))
losers = find_url_duplicates(keys, winners, shards=["a"], shard="a", options=UrlOptions())
documents, decisions = drop_url_duplicates(documents, losers)

units = hash_units(documents, options=ParagraphOptions())
counts = pl.concat(count_units([units.lazy()], options=ParagraphOptions()))
documents, decisions, edits = remove_units(documents, counts, options=ParagraphOptions(), sequence=0)
"""

from gristmill.dedup.bands import (
    Layout,
    choose_bands,
    collision_probability,
    draw_s_curve,
    list_layouts,
    measured_points,
    s_curve,
)
from gristmill.dedup.canonical_urls import canonical_url, canonical_urls
from gristmill.dedup.centroids import default_clusters, fit_centroids
from gristmill.dedup.clusters import (
    MEMBERS,
    Numbering,
    ReadRanks,
    Shingles,
    decide_by_clusters,
    join_clusters,
    join_neighbours,
    join_twins,
    list_members,
)
from gristmill.dedup.deduped import apply_decisions
from gristmill.dedup.duplicates import EXACT_DUPLICATE, NEAR_DUPLICATE, ReadSignatures, find_duplicates
from gristmill.dedup.edits import EDITS, undo
from gristmill.dedup.index import (
    BANDS,
    SHARDS,
    TEXTS,
    Block,
    index_bands,
    index_texts,
    merge_bands,
    merge_texts,
)
from gristmill.dedup.options import (
    DedupOptions,
    DuplicateOptions,
    NormaliseOptions,
    ParagraphOptions,
    SemanticOptions,
    SignatureOptions,
    SubstringOptions,
    UrlOptions,
)
from gristmill.dedup.paragraphs import COUNTS, UNITS, count_units, hash_units, remove_units
from gristmill.dedup.semantic import (
    SEMANTIC_DUPLICATE,
    SIMILARITIES,
    Neighbours,
    count_similar,
    drop_similar,
    find_neighbours,
)
from gristmill.dedup.signature_files import export_signatures
from gristmill.dedup.signatures import SIGNATURES, compute_signatures, count_signatures
from gristmill.dedup.sorted_tables import SortedTable
from gristmill.dedup.substrings import (
    COUNTED_STRETCHES,
    COUNTED_WINDOWS,
    RANGES,
    STRETCHES,
    WINDOWS,
    count_stretches,
    count_windows,
    hash_stretches,
    hash_windows,
    merge_stretches,
    merge_windows,
    remove_substrings,
)
from gristmill.dedup.urls import (
    LOSERS,
    URL_DUPLICATE,
    URL_KEYS,
    WINNERS,
    drop_url_duplicates,
    find_url_duplicates,
    key_urls,
    parse_dates,
    pick_winners,
)

# Raise one when its stage's output changes: every shard of that stage is then made again.
URL_KEYS_VERSION = 1
URL_WINNERS_VERSION = 1
UNIQUE_URLS_VERSION = 1
SIGNATURES_VERSION = 3
INDEX_VERSION = 1
DUPLICATES_VERSION = 3
CLUSTERS_VERSION = 1
DEDUPED_VERSION = 1
UNITS_VERSION = 1
COUNTS_VERSION = 1
PARAGRAPHS_VERSION = 1
STRETCHES_VERSION = 1
COUNTED_STRETCHES_VERSION = 1
WINDOWS_VERSION = 1
COUNTED_WINDOWS_VERSION = 1
SUBSTRINGS_VERSION = 1
SIMILARITIES_VERSION = 1
SEMANTIC_VERSION = 1

__all__ = [
    "BANDS",
    "CLUSTERS_VERSION",
    "COUNTED_STRETCHES",
    "COUNTED_STRETCHES_VERSION",
    "COUNTED_WINDOWS",
    "COUNTED_WINDOWS_VERSION",
    "COUNTS",
    "COUNTS_VERSION",
    "DEDUPED_VERSION",
    "DUPLICATES_VERSION",
    "EDITS",
    "EXACT_DUPLICATE",
    "INDEX_VERSION",
    "LOSERS",
    "MEMBERS",
    "NEAR_DUPLICATE",
    "PARAGRAPHS_VERSION",
    "RANGES",
    "SEMANTIC_DUPLICATE",
    "SEMANTIC_VERSION",
    "SHARDS",
    "SIGNATURES",
    "SIGNATURES_VERSION",
    "SIMILARITIES",
    "SIMILARITIES_VERSION",
    "STRETCHES",
    "STRETCHES_VERSION",
    "SUBSTRINGS_VERSION",
    "TEXTS",
    "UNIQUE_URLS_VERSION",
    "UNITS",
    "UNITS_VERSION",
    "URL_DUPLICATE",
    "URL_KEYS",
    "URL_KEYS_VERSION",
    "URL_WINNERS_VERSION",
    "WINDOWS",
    "WINDOWS_VERSION",
    "WINNERS",
    "Block",
    "DedupOptions",
    "DuplicateOptions",
    "Layout",
    "Neighbours",
    "NormaliseOptions",
    "Numbering",
    "ParagraphOptions",
    "ReadRanks",
    "ReadSignatures",
    "SemanticOptions",
    "Shingles",
    "SignatureOptions",
    "SortedTable",
    "SubstringOptions",
    "UrlOptions",
    "apply_decisions",
    "canonical_url",
    "canonical_urls",
    "choose_bands",
    "collision_probability",
    "compute_signatures",
    "count_signatures",
    "count_similar",
    "count_stretches",
    "count_units",
    "count_windows",
    "decide_by_clusters",
    "default_clusters",
    "draw_s_curve",
    "drop_similar",
    "drop_url_duplicates",
    "export_signatures",
    "find_duplicates",
    "find_neighbours",
    "find_url_duplicates",
    "fit_centroids",
    "hash_stretches",
    "hash_units",
    "hash_windows",
    "index_bands",
    "index_texts",
    "join_clusters",
    "join_neighbours",
    "join_twins",
    "key_urls",
    "list_layouts",
    "list_members",
    "measured_points",
    "merge_bands",
    "merge_stretches",
    "merge_texts",
    "merge_windows",
    "parse_dates",
    "pick_winners",
    "remove_substrings",
    "remove_units",
    "s_curve",
    "undo",
]
