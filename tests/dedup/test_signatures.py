from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gristmill.dedup import (
    SIGNATURES,
    DedupOptions,
    DuplicateOptions,
    NormaliseOptions,
    SignatureOptions,
    collision_probability,
    compute_signatures,
    count_signatures,
    signatures,
)
from gristmill.dedup.normalise import normalise_text
from gristmill.dedup.shingles import Shingles, hash_shingle, list_shingles, read_words
from gristmill.dedup.signatures import find_minima, hash_parameters
from gristmill.documents import check_schema
from gristmill.progress import listening, task
from tests.dedup.texts import table

OPTIONS = SignatureOptions()
FINEWEB = SignatureOptions(preset="fineweb")
PRIME = 2**61 - 1


def shingles_of(sets: list[list[int]]) -> Shingles:
    offsets = np.cumsum([0, *map(len, sets)], dtype=np.int64)
    values = np.array([value for one in sets for value in one], np.uint64)
    return Shingles(np.zeros(len(sets), np.uint32), values, offsets)


def test_a_row_per_document_in_order() -> None:
    found = compute_signatures(table(["one two three four five six", "", "one two", "Å"]), options=OPTIONS)
    check_schema(found, SIGNATURES, "signatures")
    assert found["id"].to_list() == ["d0", "d1", "d2", "d3"]
    assert found["row"].to_list() == [0, 1, 2, 3]
    assert found["n_words"].to_list() == [6, 0, 2, 1]
    assert found["n_shingles"].to_list() == [2, 0, 0, 0]
    assert found["bands"].list.len().to_list() == [24, 0, 0, 0]
    assert found["shingles"].list.len().to_list() == [2, 0, 0, 0]


def test_no_documents_give_no_rows() -> None:
    check_schema(compute_signatures(table([]), options=OPTIONS), SIGNATURES, "signatures")


def test_shingles_are_in_the_order_of_the_text_repeated_ones_included() -> None:
    text = "a b c d e f a b c d e"
    (found,) = compute_signatures(table([text]), options=FINEWEB)["shingles"].to_list()
    assert found == [hash_shingle(one, FINEWEB) for one in list_shingles(text.split(), 5)]
    (rolled,) = compute_signatures(table([text]), options=OPTIONS)["shingles"].to_list()
    assert len(rolled) == 7
    assert rolled[0] == rolled[-1]
    assert len(set(rolled)) == 6


def test_exact_is_the_digest_of_the_normalised_text() -> None:
    text = "The Mill, 3.5 Ångström!"
    row = compute_signatures(table([text]), options=FINEWEB).row(0, named=True)
    digest = hashlib.blake2b(normalise_text(text, FINEWEB.normalise).encode(), digest_size=16).hexdigest()
    assert f"{row['exact_hi']:016x}{row['exact_lo']:016x}" == digest


WORDS = st.sampled_from(
    ["mill", "MILL", "Ångström", "3.5", "1,000", "x2y", "ﬁne", "Ⅷ", "e\u0301", "大鹏", "\u0301", "İ"]
)
GAPS = st.sampled_from([" ", "  ", "\n", " - ", "…", "\u00a0", ", "])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(WORDS, GAPS), max_size=12).map(lambda x: "".join(map("".join, x))), max_size=6
    )
)
def test_rolled_hashes_tell_texts_apart_as_the_normalised_texts_do(texts: list[str]) -> None:
    rolled = compute_signatures(table(texts), options=OPTIONS)
    plain = compute_signatures(table(texts), options=FINEWEB)
    words = [normalise_text(text, OPTIONS.normalise).split() for text in texts]
    assert rolled["n_words"].to_list() == plain["n_words"].to_list() == [len(one) for one in words]
    assert rolled["n_shingles"].to_list() == plain["n_shingles"].to_list()
    keys = rolled.select("exact_hi", "exact_lo").rows()
    assert [keys.index(key) for key in keys] == [words.index(one) for one in words]
    same, hashes = {}, {}
    for text, shingles in zip(words, rolled["shingles"].to_list(), strict=True):
        for shingle, value in zip(list_shingles(text, 5), shingles, strict=True):
            assert same.setdefault(shingle, value) == value
            assert hashes.setdefault(value, shingle) == shingle


# What is special to somebody: composed or not, several marks in both orders, sigmas, a capital that becomes two
# characters, Hangul in parts, a vowel sign that splits, digits of other scripts, marks, an underscore.
LETTERS = st.sampled_from(
    [
        *"aÉé_ßΣσςİıK½²٣１^-.'", "e\u0301", "e\u0327\u0301", "e\u0301\u0327", "각", "\u1100\u1161\u11a8",
        "\u0b94", "\u09c7\u09be", "\u0958", "क\u093c", "大", "ﬁ", " ", "\n", "\u0301", "\u200d",
    ]
)  # fmt: skip


@pytest.mark.parametrize(
    "normalise",
    [
        NormaliseOptions(numbers=False, diacritics=False),
        NormaliseOptions(),
        NormaliseOptions(lowercase=False, diacritics=False),
    ],
)
@pytest.mark.parametrize("words", ["alphanumeric", "whitespace", "char"])
@settings(max_examples=50, deadline=None)
@given(texts=st.lists(st.one_of(st.lists(LETTERS, max_size=9).map("".join), st.text(max_size=9)), max_size=6))
def test_words_read_in_one_pass_are_those_of_the_definition(
    normalise: NormaliseOptions, words: str, texts: list[str]
) -> None:
    options = SignatureOptions.model_validate({"words": words, "normalise": normalise, "ngram": 1})
    found = compute_signatures(table(texts), options=options)
    expected = [read_words(text, options) for text in texts]
    assert found["n_words"].to_list() == [len(one) for one in expected]
    keys = found.select("exact_hi", "exact_lo").rows()
    assert [keys.index(key) for key in keys] == [expected.index(one) for one in expected]
    hashes: dict[str, int] = {}
    for one, shingles in zip(expected, found["shingles"].to_list(), strict=True):
        for word, value in zip(one, shingles, strict=True):
            assert hashes.setdefault(word, value) == value
    assert len(set(hashes.values())) == len(hashes)


def test_alphanumeric_words_are_those_of_pythons_regular_expressions() -> None:
    options = SignatureOptions.model_validate(
        {"words": "alphanumeric", "normalise": {"numbers": False, "diacritics": False}}
    )
    text = "It's 3.5 e\u0301tudes_2, ΟΔΟΣ—naïve…x²"
    words = re.findall(r"\w+", unicodedata.normalize("NFC", text).lower().replace("ς", "σ"))
    assert words == ["it", "s", "3", "5", "études_2", "οδοσ", "naïve", "x²"]
    assert read_words(text, options) == words
    found = compute_signatures(table([text, " | ".join(words)]), options=options)
    assert found["n_words"].to_list() == [8, 8]
    assert found["exact_lo"].n_unique() == 1


def test_alphanumeric_words_need_the_rolling_hash() -> None:
    with pytest.raises(ValidationError, match="choose preset `high_recall`"):
        SignatureOptions.model_validate({"words": "alphanumeric", "preset": "fineweb"})


@pytest.mark.parametrize(("count", "bands", "rows"), [(1, 1, 1), (31, 3, 2), (513, 5, 5), (1024, 24, 6)])
def test_short_minima_are_those_of_plain_arithmetic(count: int, bands: int, rows: int) -> None:
    values = np.random.default_rng(count).integers(0, 2**64, count, dtype=np.uint64)
    options = SignatureOptions(bands=bands, rows=rows)
    generator = np.random.RandomState(options.seed)
    a, b = (generator.randint(0, 1 << 32, dtype=np.uint32, size=bands * rows) for _ in range(2))
    halves = [int(value) >> 32 for value in values]
    expected = [min((x * (int(p) | 1) + int(q)) % 2**32 for x in halves) for p, q in zip(a, b, strict=True)]
    assert find_minima(shingles_of([values.tolist(), []]), options).tolist() == [
        expected,
        [2**32 - 1] * len(expected),
    ]


def test_a_rolled_hash_does_not_depend_on_what_came_before() -> None:
    alone, after = compute_signatures(table(["a b c d e", "z y x a b c d e"]), options=OPTIONS)[
        "shingles"
    ].to_list()
    assert after[-1] == alone[0]


@pytest.mark.parametrize(
    "given_options",
    [
        {"words": "spacy_en"},
        {"precision": 32},
        {"normalise": {"weekdays": True}},
        {"normalise": {"whitespace": False}},
    ],
)
def test_what_cannot_be_done_in_one_pass_is_refused_with_a_way_out(given_options: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="choose preset `fineweb`"):
        SignatureOptions.model_validate(given_options)
    SignatureOptions.model_validate({**given_options, "preset": "fineweb"})


def test_a_preset_gives_what_is_not_given() -> None:
    assert (FINEWEB.bands, FINEWEB.rows, FINEWEB.hash) == (14, 8, "xxhash")
    assert (OPTIONS.bands, OPTIONS.rows, OPTIONS.hash) == (24, 6, "rolling")
    assert SignatureOptions(preset="fineweb", bands=9).bands == 9


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=8), st.integers(1, 80), st.data())
def test_batches_and_chunks_do_not_change_a_row(
    texts: list[str], chunk_bytes: int, data: st.DataObject
) -> None:
    documents = table(texts)
    whole = compute_signatures(documents, options=OPTIONS)
    cut = data.draw(st.integers(0, len(texts)))
    before = signatures._CHUNK_BYTES
    signatures._CHUNK_BYTES = chunk_bytes
    try:
        parts = [
            compute_signatures(documents[:cut], options=OPTIONS),
            compute_signatures(documents[cut:], options=OPTIONS, first_row=cut),
        ]
    finally:
        signatures._CHUNK_BYTES = before
    assert pl.concat(parts).equals(whole)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=6), st.sampled_from([32, 64]), st.integers(0, 9)
)
def test_minima_are_those_of_plain_arithmetic(values: list[int], precision: int, seed: int) -> None:
    options = SignatureOptions(preset="fineweb", bands=2, rows=3, precision=precision, seed=seed)
    a, b = hash_parameters(6, seed)
    expected = [
        min((x * int(p) + int(q)) % 2**64 % PRIME % 2**precision for x in values)
        for p, q in zip(a, b, strict=True)
    ]
    assert find_minima(shingles_of([values]), options)[0].tolist() == expected


def test_long_documents_are_done_in_blocks_with_the_same_minima() -> None:
    values = np.random.default_rng(0).integers(0, 2**63, 5_000).tolist()
    whole = find_minima(shingles_of([values]), OPTIONS)[0]
    parts = find_minima(shingles_of([values[start : start + 100] for start in range(0, 5_000, 100)]), OPTIONS)
    assert np.array_equal(whole, parts.min(axis=0))


def test_bands_depend_on_their_number() -> None:
    (found,) = compute_signatures(
        table(["a b c d e"]), options=SignatureOptions(bands=50, rows=1)
    ).get_column("bands")
    assert found.n_unique() == 50


def minima_of_pairs(jaccard: float, options: SignatureOptions, pairs: int) -> Any:
    """Minima of so many pairs of random sets that are this similar: array[pairs, 2, bands, rows]."""
    common = round(100 * jaccard)
    values = np.random.default_rng(common).integers(0, 2**64, (pairs, 100), dtype=np.uint64)
    side = (100 - common) // 2
    sets = [
        half
        for row in values.tolist()
        for half in (row[: common + side], row[:common] + row[common + side :])
    ]
    return find_minima(shingles_of(sets), options).reshape(pairs, 2, options.bands, options.rows)


@pytest.mark.parametrize("jaccard", [0.5, 0.7, 0.8, 0.9])
@pytest.mark.parametrize("options", [OPTIONS, FINEWEB], ids=["rolling", "fineweb"])
def test_random_sets_share_a_band_as_often_as_theory_says(options: SignatureOptions, jaccard: float) -> None:
    pairs = 1_500
    minima = minima_of_pairs(jaccard, options, pairs)
    shared = (minima[:, 0] == minima[:, 1]).all(axis=2).any(axis=1).mean()
    expected = collision_probability(jaccard, bands=options.bands, rows=options.rows)
    deviation = (expected * (1 - expected) / pairs) ** 0.5
    assert abs(shared - expected) < 4 * deviation + 0.005


@pytest.mark.parametrize("jaccard", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("options", [OPTIONS, FINEWEB], ids=["rolling", "fineweb"])
def test_estimates_have_no_bias_and_the_variance_that_theory_says(
    options: SignatureOptions, jaccard: float
) -> None:
    # The share of equal minima of k is binomial: mean J, variance J (1 - J) / k.
    pairs = 1_500
    minima = minima_of_pairs(jaccard, options, pairs)
    estimates = (minima[:, 0] == minima[:, 1]).mean(axis=(1, 2))
    variance = jaccard * (1 - jaccard) / (options.bands * options.rows)
    assert abs(estimates.mean() - jaccard) < 4 * (variance / pairs) ** 0.5
    assert estimates.var(ddof=1) == pytest.approx(variance, rel=4 * (2 / pairs) ** 0.5)


def test_figures_count_what_cannot_be_compared() -> None:
    texts = ["", "...", "one two", "one two three four five", "東京の天気は晴れです", None]
    found = count_signatures(compute_signatures(table(texts), options=OPTIONS))
    assert found == {
        "documents": 6, "words": 8, "shingles": 1, "empty": 3, "too_short": 2, "mostly_unspaced": 1,
    }  # fmt: skip


def test_progress_counts_documents() -> None:
    seen: list[int] = []
    with listening(lambda opened: seen.append(opened.done)), task("signatures", "s", total=3):
        compute_signatures(table(["a", "b", "c"]), options=OPTIONS)
    assert seen[-1] == 3


def test_options_refuse_what_is_unknown_or_out_of_range() -> None:
    with pytest.raises(ValidationError, match="threshold"):
        DuplicateOptions(threshold=1.5)
    with pytest.raises(ValidationError, match="band"):
        SignatureOptions(band=3)
    with pytest.raises(ValidationError, match="nothing can be found"):
        DedupOptions(duplicates=DuplicateOptions(exact=False, near=False))
