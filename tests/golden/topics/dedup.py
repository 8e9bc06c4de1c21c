"""Golden cases of deduplication: normalisation, shingles, MinHash parameters, signatures, Jaccard similarity, lines.

64-bit numbers are decimal strings in the cases.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl

from gristmill.dedup import (
    DuplicateOptions,
    NormaliseOptions,
    ParagraphOptions,
    SignatureOptions,
    SubstringOptions,
    collision_probability,
    compute_signatures,
    count_units,
    hash_units,
    remove_units,
)
from gristmill.dedup.normalise import normalise_text, normalise_texts
from gristmill.dedup.paragraphs import normalise_unit
from gristmill.dedup.shingles import hash_shingle, hash_shingles, list_shingles, list_words
from gristmill.dedup.signature_files import export_signatures
from gristmill.dedup.signatures import find_minima, hash_parameters
from gristmill.documents import DROP
from tests.dedup.texts import cut_substrings, frame, members_of
from tests.golden.harness import Case, Golden

_CONFIG = {
    "lowercase": "lowercase",
    "norm_numbers": "numbers",
    "norm_weekdays": "weekdays",
    "norm_monthnames": "months",
    "remove_punctuation": "punctuation",
    "norm_whitespace": "whitespace",
    "norm_unicode_diacritics": "diacritics",
}
# English contractions without their apostrophe, some of which spaCy splits.
_CONTRACTION = re.compile(
    "(do|does|did|is|are|was|were|has|have|had|wo|would|could|should|ca|must|need|ai|might|may|ought|sha)nt"
    "|(i|you|he|she|we|they|that|there|this|what|who|where|when|why|how)(m|s|d|ll|ve|re)|itll|(w|sh|c)ouldve"
    "|cannot|lets|gonna|gotta|cos|em"
)
_HAS_SPACY = importlib.util.find_spec("spacy") is not None


def _normalised(text: str, options: NormaliseOptions) -> str:
    """By the kernel, which must agree with the definition."""
    found = normalise_texts(pl.Series([text]), options).texts[0].as_py()
    assert found == normalise_text(text, options)
    return str(found)


def _normalise(case: Case) -> dict[str, Any]:
    options = NormaliseOptions(**{_CONFIG[key]: value for key, value in case["input"]["config"].items()})
    return {"expected": {"text": _normalised(case["input"]["text"], options)}}


def _hashes(text: str, options: SignatureOptions) -> list[int]:
    found = hash_shingles(normalise_texts(pl.Series([text]), options.normalise).texts, options).hashes
    return [int(value) for value in found]


def _shingles(case: Case) -> dict[str, Any]:
    text, ngram = case["input"]["text"], case["input"]["n"]
    options = SignatureOptions(preset="fineweb", ngram=ngram)
    normalised = _normalised(text, options.normalise)
    words = list_words(normalised, options)
    hashes = _hashes(text, options)
    assert hashes == [hash_shingle(shingle, options) for shingle in list_shingles(words, ngram)]
    computed = {
        "normalised": normalised,
        "tokens_whitespace": words,
        "shingles_whitespace": len(hashes),
        "xxh64_whitespace": [str(value) for value in hashes[:20]],
        "sha1_64_whitespace": [
            str(value) for value in _hashes(text, options.model_copy(update={"hash": "sha1"}))[:5]
        ],
        "xxh32_whitespace": _hashes(text, options.model_copy(update={"precision": 32}))[:5],
    }
    if _HAS_SPACY:
        spacy = options.model_copy(update={"words": "spacy_en"})
        tokens = list_words(normalised, spacy)
        sha1 = spacy.model_copy(update={"hash": "sha1", "precision": 32})
        hashes = _hashes(text, spacy)
        computed |= {
            "tokens_spacy_en": tokens,
            "spacy_equals_whitespace": tokens == words,
            "shingles_spacy_en": len(hashes),
            "first_shingles_spacy_en": list(list_shingles(tokens, ngram))[:3],
            "xxh64_spacy_en": [str(value) for value in hashes[:20]],
            "sha1_32_spacy_en": _hashes(text, sha1)[:20],
        }
    return {"expected": computed}


def _parameters(case: Case) -> dict[str, Any]:
    a, b = hash_parameters(case["input"]["num_hashes"], case["input"]["seed"])
    return {
        "expected": {
            "a_first8": [str(value) for value in a[:8]],
            "b_first8": [str(value) for value in b[:8]],
            "a_last": str(a[-1]),
            "b_last": str(b[-1]),
            "a_xor_b_sha256": hashlib.sha256(
                a.astype("<u8").tobytes() + b.astype("<u8").tobytes()
            ).hexdigest(),
        }
    }


def _signature_options(case: Case) -> SignatureOptions:
    given = case["input"]
    return SignatureOptions(
        preset="fineweb",
        words=given["tokens"] if _HAS_SPACY else "whitespace",
        ngram=given["n"],
        bands=given["num_buckets"],
        rows=given["hashes_per_bucket"],
        hash=given["hash"],
        precision=given["precision"],
        seed=given["seed"],
    )


def _signature(case: Case) -> dict[str, Any]:
    options = _signature_options(case)
    texts = normalise_texts(pl.Series([case["input"]["text"]]), options.normalise).texts
    shingles = hash_shingles(texts, options)
    if not len(shingles.hashes):
        return {"expected": {"signature": None}}
    minima = find_minima(shingles, options)[0].reshape(options.bands, options.rows)
    return {"expected": {"signature": [[str(value) for value in band] for band in minima]}}


def _splits_alike(case: Case) -> bool:
    """Whether the words are certain to be those between blanks, or spaCy is there to find them."""
    if _HAS_SPACY or case["input"]["tokens"] == "whitespace":
        return True
    return _is_split_by_blanks(case["input"]["text"])


def _is_split_by_blanks(text: str) -> bool:
    """Whether spaCy's words are certain to be those between blanks."""
    words = normalise_text(text, NormaliseOptions()).split()
    return all(word == "0" or word.isalpha() for word in words) and not any(
        map(_CONTRACTION.fullmatch, words)
    )


def _jaccard(case: Case) -> dict[str, Any]:
    options = SignatureOptions(preset="fineweb", ngram=case["input"]["n"])
    texts = pl.DataFrame({"id": ["a", "b"], "text": [case["input"]["a"], case["input"]["b"]]})
    left, right = (set(found) for found in compute_signatures(texts, options=options)["shingles"].to_list())
    union = len(left | right)
    similarity = len(left & right) / union if union else None
    computed = {
        "shingles_a": len(left),
        "shingles_b": len(right),
        "intersection": len(left & right),
        "union": union,
        "jaccard": similarity,
    }
    for bands, rows in ((14, 8), (9, 13)):
        chance = None if similarity is None else collision_probability(similarity, bands=bands, rows=rows)
        computed[f"lsh_probability_{bands}x{rows}"] = chance
    return {"expected": computed}


_CCNET = ParagraphOptions(unit="line", hash="sha1", min_chars=0, min_chars_left=0)


def _ccnet_line(case: Case) -> dict[str, Any]:
    line = case["input"]["line"]
    (found,) = hash_units(pl.DataFrame({"text": [line]}), options=_CCNET)["hash"].to_list()
    # The reference has no hash for an empty document; here it has one empty line, which is never counted by default.
    return {
        "expected": {
            "normalised": normalise_unit(line),
            "sha1_first8_le_uint64": str(found) if line else None,
        }
    }


def _ccnet_docs(case: Case) -> dict[str, Any]:
    documents = frame(case["input"]["docs"])
    return {
        "expected": {
            "keep_first": _ccnet_kept(documents, _CCNET),
            "drop_all_duplicated": _ccnet_kept(documents, _CCNET.model_copy(update={"keep": "none"})),
        }
    }


def _ccnet_kept(documents: pl.DataFrame, options: ParagraphOptions) -> list[dict[str, Any] | None]:
    units = hash_units(documents, options=options)
    counts = pl.concat(count_units([units.lazy()], options=options))
    left, decisions, edits = remove_units(documents, counts, options=options, sequence=0)
    texts = dict(left.select("id", "text").iter_rows())
    cut = set(edits.select("id", "unit").iter_rows())
    return [
        None
        if action == DROP
        else {
            "text": texts[key],
            "line_ids": [i for i in range(before.count("\n") + 1) if (key, i) not in cut],
        }
        for key, action, before in zip(decisions["id"], decisions["action"], documents["text"], strict=True)
    ]


def _exact_substring(case: Case) -> dict[str, Any]:
    """A token is a word here."""
    options = SubstringOptions(
        unit="words", min_length=case["input"]["threshold"], keep="none", action="mask"
    )
    texts = [" ".join(map(str, tokens)) for tokens in case["input"]["docs"]]
    found = cut_substrings([frame(texts)], options)[0].ranges
    ranges: list[list[list[int]]] = [[] for _ in texts]
    for key, start, end in found.select("id", "start", "end").iter_rows():
        text = texts[int(key)]
        ranges[int(key)].append([len(text[:start].split()), len(text[:end].split())])
    return {"expected": {"duplicate_ranges": ranges}}


def _clusters(case: Case) -> dict[str, Any]:
    """A file is a shard. The reference's clusters are those of rule `longest` and the like, and of all common bands."""
    options = SignatureOptions(preset="fineweb", words="spacy_en" if _HAS_SPACY else "whitespace")
    decide = DuplicateOptions(exact=False, verify=False)
    shards = [pl.DataFrame(documents) for documents in case["input"]["files"]]
    signed = [compute_signatures(shard, options=options) for shard in shards]
    members = members_of(signed, decide)
    with tempfile.TemporaryDirectory() as folder:
        files = [
            export_signatures([shard], Path(folder), options=options, rank=rank)[0]
            for rank, shard in enumerate(shards)
        ]
        digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    return {
        "expected": {
            "clusters": sorted(sorted(ids) for ids in members.group_by("cluster").agg("id")["id"].to_list()),
            "n_removed": members.height - members["cluster"].n_unique(),
            "edges_reference": _chain_edges(pl.concat(signed)),
            "sig_file_sha256_bucket0_by_rank": {str(rank): digest for rank, digest in enumerate(digests)},
        }
    }


def _chain_edges(signed: pl.DataFrame) -> list[tuple[str, str]]:
    """Of the documents with a band in common, in order, each and the next one."""
    runs = (
        signed.select("id", "bands").explode("bands").group_by("bands", maintain_order=True).agg("id")["id"]
    )
    return sorted({pair for run in runs.to_list() for pair in pairwise(run)})


def _fields(*names: str) -> frozenset[str]:
    return frozenset(f"expected.{name}" for name in names)


_SPACY_FIELDS = _fields(
    "tokens_spacy_en",
    "spacy_equals_whitespace",
    "shingles_spacy_en",
    "first_shingles_spacy_en",
    "xxh64_spacy_en",
    "sha1_32_spacy_en",
)

FILES = {
    "normalise": Golden(compute=_normalise, fields=_fields("text")),
    "shingles": Golden(
        compute=_shingles,
        fields=_SPACY_FIELDS
        | _fields(
            "normalised",
            "tokens_whitespace",
            "shingles_whitespace",
            "xxh64_whitespace",
            "sha1_64_whitespace",
            "xxh32_whitespace",
        ),
        needs="spacy",
        needs_fields=_SPACY_FIELDS,
    ),
    "parameters": Golden(
        compute=_parameters, fields=_fields("a_first8", "b_first8", "a_last", "b_last", "a_xor_b_sha256")
    ),
    "signatures": Golden(compute=_signature, fields=_fields("signature"), applies=_splits_alike),
    "jaccard_pairs": Golden(
        compute=_jaccard,
        fields=_fields(
            "shingles_a",
            "shingles_b",
            "intersection",
            "union",
            "jaccard",
            "lsh_probability_14x8",
            "lsh_probability_9x13",
        ),
        tolerance=1e-9,
    ),
    # `removed_reference` is not implemented: which member stays follows the roots of the reference's union-find.
    "clusters": Golden(
        compute=_clusters,
        fields=_fields("clusters", "n_removed", "edges_reference", "sig_file_sha256_bucket0_by_rank"),
        applies=lambda case: all(
            _HAS_SPACY or _is_split_by_blanks(document["text"])
            for file in case["input"]["files"]
            for document in file
        ),
    ),
    # `decon_ngrams` is not implemented: it pins the hashed n-grams of datatrove's index of benchmarks, and what
    # gristmill/contamination compares are other words, weighted 3-grams and whole items, without an index of n-grams.
    "ccnet_lines": Golden(compute=_ccnet_line, fields=_fields("normalised", "sha1_first8_le_uint64")),
    "exact_substring": Golden(compute=_exact_substring, fields=_fields("duplicate_ranges")),
    "ccnet_docs": Golden(compute=_ccnet_docs, fields=_fields("keep_first", "drop_all_duplicated")),
}
