from __future__ import annotations

import sys
import types

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.dedup import SignatureOptions, _kernels, shingles
from gristmill.dedup.shingles import hash_shingle, hash_shingles, list_shingles, list_words
from gristmill.errors import StageError


def hashes_of(texts: list[str], options: SignatureOptions) -> list[list[int]]:
    found = hash_shingles(pa.array(texts, pa.large_string()), options)
    return [part.tolist() for part in np.split(found.hashes, found.offsets[1:-1])]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 2**64 - 1))
def test_xxh64_is_that_of_the_reference_package(data: bytes, seed: int) -> None:
    ours = _kernels.xxh64(np.frombuffer(data + b"?", np.uint8), 0, len(data), np.uint64(seed))
    assert int(ours) == xxhash.xxh64_intdigest(data, seed=seed)


def test_xxh64_reads_only_the_part_it_is_given() -> None:
    data = np.frombuffer(b"xxthe millyy", np.uint8)
    assert int(_kernels.xxh64(data, 2, 10, np.uint64(0))) == xxhash.xxh64_intdigest(b"the mill")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(alphabet="ab é京👍\u2003 ", max_size=40), min_size=1, max_size=4),
    st.sampled_from(["whitespace", "char"]),
    st.integers(1, 6),
)
def test_hashes_are_those_of_the_defined_shingles(texts: list[str], words: str, ngram: int) -> None:
    for options in (
        SignatureOptions(preset="fineweb", words=words, ngram=ngram),
        SignatureOptions(words=words, ngram=ngram, hash="sha1"),
    ):
        defined = [list_shingles(list_words(text, options), ngram) for text in texts]
        assert hashes_of(texts, options) == [
            [hash_shingle(one, options) for one in found] for found in defined
        ]


def test_a_text_with_fewer_words_than_a_shingle_has_none() -> None:
    options = SignatureOptions(preset="fineweb")
    assert [len(found) for found in hashes_of(["", "a b c d", "a b c d e", "a b c d e f"], options)] == [
        0,
        0,
        1,
        2,
    ]
    assert hash_shingles(pa.array(["a  b c"], pa.large_string()), options).n_words.tolist() == [3]


def test_blanks_between_words_do_not_count() -> None:
    assert hashes_of(["a  b c d e"], SignatureOptions()) == hashes_of(["a b c d e"], SignatureOptions())


def test_characters_are_words_where_asked() -> None:
    options = SignatureOptions(words="char", ngram=2)
    assert hashes_of(["東京 都"], options) == [
        [xxhash.xxh64_intdigest("東 京".encode()), xxhash.xxh64_intdigest("京 都".encode())]
    ]


def test_hash_of_32_bits_is_xxh32() -> None:
    assert hash_shingle("a b", SignatureOptions(preset="fineweb", precision=32)) == xxhash.xxh32_intdigest(
        b"a b"
    )


def test_words_of_spacy_are_joined_by_blanks(monkeypatch: pytest.MonkeyPatch) -> None:
    def tokenizer(text: str) -> list[types.SimpleNamespace]:
        return [types.SimpleNamespace(text=part) for part in text.replace("£", "£ ").split(" ")]

    stub = types.SimpleNamespace(blank=lambda language: types.SimpleNamespace(tokenizer=tokenizer))
    monkeypatch.setitem(sys.modules, "spacy", stub)
    shingles._spacy_tokenizer.cache_clear()
    try:
        found = hashes_of(["£0 million"], SignatureOptions(preset="fineweb", words="spacy_en", ngram=3))
    finally:
        shingles._spacy_tokenizer.cache_clear()
    assert found == [[xxhash.xxh64_intdigest("£ 0 million".encode())]]


def test_missing_spacy_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)
    shingles._spacy_tokenizer.cache_clear()
    with pytest.raises(StageError, match=r"gristmill\[spacy\]"):
        hashes_of(["a b"], SignatureOptions(preset="fineweb", words="spacy_en"))
