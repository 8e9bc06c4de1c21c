from __future__ import annotations

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.dedup import (
    DuplicateOptions,
    SignatureOptions,
    _kernels,
    apply_decisions,
    compute_signatures,
    find_duplicates,
)
from gristmill.documents import DECISIONS, check_conservation, check_schema
from gristmill.errors import StageError
from tests.dedup.texts import edit, index_of, make_words, table

DEFAULT = DuplicateOptions()
# Many bands of one row find nearly every pair, so that few documents give many candidates.
LOOSE = SignatureOptions(bands=20, rows=1, ngram=2)


def signed(documents: pl.DataFrame, options: SignatureOptions) -> pl.DataFrame:
    return compute_signatures(documents, options=options)


def decide(
    texts: list[str], options: DuplicateOptions = DEFAULT, signature_options: SignatureOptions | None = None
) -> list[tuple[str | None, str | None]]:
    """(rule, other_id) per text, all in one shard."""
    found = find_duplicates(
        signed(table(texts), signature_options or SignatureOptions()), shard="s", options=options
    )
    return found.select("rule", "other_id").rows()


def decide_in_shards(
    shards: list[list[str]], options: DuplicateOptions, signature_options: SignatureOptions, order: list[int]
) -> pl.DataFrame:
    """Decisions on all shards, worked on in the given order; ids count through all shards."""
    starts = [0, *itertools.accumulate(map(len, shards))]
    documents = table([text for texts in shards for text in texts])
    tables = [
        signed(documents[start : start + len(texts)], signature_options)
        for start, texts in zip(starts, shards, strict=False)
    ]
    found = {
        number: find_duplicates(
            tables[number], shard=f"s{number}", options=options, **index_of(tables[:number])
        )
        for number in order
    }
    return pl.concat(found[number] for number in range(len(shards)))


def expected_decisions(
    texts: list[str], options: DuplicateOptions, signature_options: SignatureOptions
) -> list[tuple[str | None, str | None, float | None]]:
    """The rule, taken literally: every document against all before it, with Python sets."""
    table_ = signed(table(texts), signature_options)
    rows = table_.rows(named=True)
    found: list[tuple[str | None, str | None, float | None]] = []
    for here, row in enumerate(rows):
        before = rows[:here]
        same = [
            other
            for other in before
            if (other["exact_hi"], other["exact_lo"]) == (row["exact_hi"], row["exact_lo"])
            and (row["n_words"] or not options.skip_empty)
        ]
        candidates = [other for other in before if set(other["bands"]) & set(row["bands"])]
        near = []
        for other in candidates[: options.max_candidates]:
            left, right = set(row["shingles"]), set(other["shingles"])
            similarity = len(left & right) / len(left | right)
            if similarity >= options.threshold or not options.verify:
                near.append((other, similarity if options.verify else None))
        if options.exact and same:
            found.append(("exact_duplicate", same[0]["id"], 1.0))
        elif options.near and near:
            found.append(("near_duplicate", near[0][0]["id"], near[0][1]))
        else:
            found.append((None, None, None))
    return found


_WORDS = st.lists(st.sampled_from("abc"), max_size=7).map(" ".join)
_DUPLICATE_OPTIONS = st.builds(
    DuplicateOptions,
    exact=st.booleans(),
    near=st.booleans(),
    verify=st.booleans(),
    skip_empty=st.booleans(),
    threshold=st.sampled_from([0.3, 0.5, 0.8, 1.0]),
    max_candidates=st.sampled_from([None, 1, 2]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(_WORDS, max_size=5), min_size=1, max_size=4), _DUPLICATE_OPTIONS, st.data())
def test_how_the_work_is_cut_and_ordered_changes_nothing(
    shards: list[list[str]], options: DuplicateOptions, data: st.DataObject
) -> None:
    texts = [text for one in shards for text in one]
    order = data.draw(st.permutations(range(len(shards))))
    cut = decide_in_shards(shards, options, LOOSE, order)
    whole = decide_in_shards([texts], options, LOOSE, [0])
    singly = decide_in_shards(
        [[text] for text in texts] or [[]], options, LOOSE, list(range(len(texts) or 1))
    )
    plain = ["id", "action", "rule", "value", "bound", "other_id"]
    assert cut.select(plain).equals(whole.select(plain))
    assert singly.select(plain).equals(whole.select(plain))
    assert whole.select("rule", "other_id", "value").rows() == expected_decisions(texts, options, LOOSE)


def test_equal_texts_are_dropped_for_the_first() -> None:
    text = " ".join(make_words(1, 30))
    assert decide([text, "something else", text.upper() + "!", text]) == [
        (None, None),
        (None, None),
        ("exact_duplicate", "d0"),
        ("exact_duplicate", "d0"),
    ]


def test_decisions_say_rule_value_bound_twin_and_its_shard() -> None:
    words = make_words(1, 200)
    one = signed(table([" ".join(words)]), SignatureOptions())
    two = signed(
        pl.DataFrame(
            {"id": ["same", "near", "new"], "text": [" ".join(words), " ".join([*words, "mill"]), "new"]}
        ),
        SignatureOptions(),
    )
    found = find_duplicates(two, shard="b", options=DEFAULT, **index_of([one]))
    check_schema(found, DECISIONS, "duplicates")
    assert found.rows() == [
        ("same", "drop", "exact_duplicate", 1.0, None, "d0", '{"row": 0, "shard": "s0"}'),
        ("near", "drop", "near_duplicate", 196 / 197, 0.8, "d0", '{"row": 0, "shard": "s0"}'),
        ("new", "keep", None, None, None, None, None),
    ]


def test_an_exact_twin_goes_before_an_earlier_near_one() -> None:
    words = make_words(1, 200)
    near, text = " ".join([*words, "mill"]), " ".join(words)
    assert decide([near, text, text])[2] == ("exact_duplicate", "d1")


def test_a_dropped_document_is_a_twin_too() -> None:
    words = make_words(1, 400)
    chain = [words, words[40:] + make_words(2, 40), words[80:] + make_words(2, 40) + make_words(3, 40)]
    options = DuplicateOptions(threshold=0.75)
    found = decide([" ".join(one) for one in chain], options)
    assert found == [(None, None), ("near_duplicate", "d0"), ("near_duplicate", "d1")]
    assert decide([" ".join(chain[0]), " ".join(chain[2])], options) == [(None, None), (None, None)]


def test_empty_texts_are_no_duplicates_of_each_other_unless_asked() -> None:
    assert decide(["", " ...", ""]) == [(None, None)] * 3
    assert decide(["", " ..."], DuplicateOptions(skip_empty=False)) == [
        (None, None),
        ("exact_duplicate", "d0"),
    ]


def test_texts_too_short_for_a_shingle_are_compared_as_a_whole() -> None:
    assert decide(["one two", "one two three", "One, two"]) == [
        (None, None),
        (None, None),
        ("exact_duplicate", "d0"),
    ]


@pytest.mark.parametrize("share", [0.01, 0.02])
def test_planted_edits_are_found(share: float) -> None:
    originals = [make_words(seed, 600) for seed in range(20)]
    copies = [edit(words, share, seed=100 + seed) for seed, words in enumerate(originals)]
    found = decide([" ".join(words) for words in originals + copies])
    assert found[:20] == [(None, None)] * 20
    # 2 % of the words take part in nearly 10 % of the shingles: Jaccard 0.82, found with chance 0.95.
    hits = sum(found[20 + i] == ("near_duplicate", f"d{i}") for i in range(20))
    assert hits == 20 if share == 0.01 else hits >= 16


def test_texts_of_the_same_words_in_another_order_are_kept() -> None:
    words = make_words(1, 300)
    assert decide([" ".join(words), " ".join(sorted(words))]) == [(None, None), (None, None)]


def test_without_verification_a_common_band_is_enough() -> None:
    texts = ["a b c d e f g h", "a b x y z u v w"]
    assert decide(texts, DEFAULT, LOOSE)[1] == (None, None)
    loose = SignatureOptions(bands=400, rows=1, ngram=2)
    assert decide(texts, DuplicateOptions(verify=False), loose)[1] == ("near_duplicate", "d0")


def test_a_document_compared_in_vain_up_to_the_limit_says_so() -> None:
    signatures = signed(
        table(["a b c d", "a b x y", "b c y z"]), SignatureOptions(bands=400, rows=1, ngram=2)
    )
    found = find_duplicates(signatures, shard="s", options=DuplicateOptions(max_candidates=1))
    assert found["action"].to_list() == ["keep"] * 3
    assert found["detail"][1] == '{"compared_with_the_first": 1}'


def test_signatures_of_earlier_shards_are_read_only_where_a_band_is_in_common() -> None:
    other = signed(table([" ".join(make_words(9, 50))]), SignatureOptions())
    this = signed(table([" ".join(make_words(1, 50))]), SignatureOptions())
    index = {**index_of([other]), "read_signatures": None}
    assert find_duplicates(this, shard="b", options=DEFAULT, **index)["action"].to_list() == ["keep"]


def test_an_empty_shard_has_no_decisions() -> None:
    nothing = signed(table([]), SignatureOptions())
    check_schema(find_duplicates(nothing, shard="s", options=DEFAULT), DECISIONS, "duplicates")


def test_a_slice_of_a_longer_table_is_a_shard() -> None:
    words = make_words(1, 100)
    texts = [" ".join(make_words(2, 50)), " ".join(words), " ".join([*words, "mill"]), "short"]
    longer = signed(table(texts), SignatureOptions())
    part = longer[1:].with_columns(row=pl.col("row") - 1)
    found = find_duplicates(part, shard="s", options=DEFAULT, **index_of([longer[:1]]))
    assert found["other_id"].to_list() == [None, "d1", None]


def test_repeated_shingles_count_once() -> None:
    verse = make_words(1, 40)
    once, thrice = " ".join(verse), " ".join([*verse, *verse, *verse])
    # 36 shingles, and 4 more where a verse meets the next.
    (_, found) = find_duplicates(
        signed(table([once, thrice]), SignatureOptions()), shard="s", options=DEFAULT
    ).rows(named=True)
    assert found["value"] == 36 / 40


def test_missing_rows_are_refused() -> None:
    signatures = signed(table(["a", "b", "c"]), SignatureOptions())
    with pytest.raises(StageError, match="first_row"):
        find_duplicates(signatures[1:], shard="s", options=DEFAULT)


@settings(max_examples=60, deadline=None)
@given(
    st.sets(st.integers(0, 30)),
    st.sets(st.integers(0, 30)),
    st.one_of(st.floats(0.01, 1.0), st.sampled_from([0.07, 0.7])),
)
def test_jaccard_is_that_of_python_sets(left: set[int], right: set[int], threshold: float) -> None:
    arrays = [np.array([*one, *one], np.uint64) for one in (left, right)]
    similarity = len(left & right) / len(left | right) if left | right else 0.0
    assert _kernels.jaccard(*arrays, threshold) == (similarity if similarity >= threshold else 0.0)


def test_what_is_left_are_the_kept_documents_in_order() -> None:
    text = " ".join(make_words(1, 30))
    documents = table([text, "b", text, "", "c"])
    decisions = find_duplicates(signed(documents, SignatureOptions()), shard="s", options=DEFAULT)
    kept = apply_decisions(documents, decisions)
    assert kept["id"].to_list() == ["d0", "d1", "d3", "d4"]
    check_conservation(documents.height, kept, decisions, "deduped")
    batches = [apply_decisions(documents[:2], decisions), apply_decisions(documents[2:], decisions)]
    assert pl.concat(batches).equals(kept)


def test_a_document_without_a_decision_is_refused() -> None:
    documents = table(["a", "b"])
    decisions = find_duplicates(signed(documents[:1], SignatureOptions()), shard="s", options=DEFAULT)
    with pytest.raises(StageError, match="d1"):
        apply_decisions(documents, decisions)


def test_two_decisions_for_a_document_are_refused() -> None:
    documents = table(["a"])
    decisions = find_duplicates(signed(documents, SignatureOptions()), shard="s", options=DEFAULT)
    with pytest.raises(StageError, match="exactly one"):
        apply_decisions(documents, pl.concat([decisions, decisions]))
