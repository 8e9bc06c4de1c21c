from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.errors import StageError, StoreError
from gristmill.mix import MixOptions, ShardWriter, plan_mixture
from gristmill.mix.megatron import choose_dtype, encode_index, to_dtype
from tests.mix.builders import Characters, contents, select, text_of, texts_of, write


def test_documents_lie_where_the_index_says_and_end_with_one_eos(tmp_path: Path) -> None:
    selection = select(("ab", "web", 5), ("cd", "web", 3), ("ef", "code", 9))
    options = MixOptions()
    index, figures = write(plan_mixture(selection, options), texts_of(selection), options, tmp_path)
    stream = np.fromfile(tmp_path / "corpus-00000.bin", dtype="<u2")
    sizes = dict(selection.select("id", "tokens").iter_rows())
    for row in index.iter_rows(named=True):
        tokens = stream[row["start"] : row["start"] + row["n_tokens"]].tolist()
        assert tokens == [*map(ord, text_of(row["id"], sizes[row["id"]])), 0]
    assert stream.size == index["n_tokens"].sum() == 20
    assert figures["dtype"] == "uint16"
    assert figures["documents_with_eos_inside"] == 0


def test_without_append_eos_there_is_none(tmp_path: Path) -> None:
    selection, options = select(("ab", "web", 5)), MixOptions(append_eos=False)
    _, figures = write(plan_mixture(selection, options), texts_of(selection), options, tmp_path)
    assert np.fromfile(tmp_path / "corpus-00000.bin", dtype="<u2").tolist() == [*map(ord, "ab ab")]
    assert figures["eos_id"] is None


def test_a_repeated_document_lies_in_each_of_its_places(tmp_path: Path) -> None:
    selection, options = select(("ab", "web", 2), ("cd", "web", 2)), MixOptions(max_repeats=2)
    index, _ = write(plan_mixture(selection, options), texts_of(selection), options, tmp_path)
    stream = np.fromfile(tmp_path / "corpus-00000.bin", dtype="<u2").reshape(4, 3)
    assert ["".join(map(chr, row[:2])) for row in stream] == index["id"].to_list()
    assert index["epoch"].to_list() == [0, 0, 1, 1]


def test_files_are_cut_between_documents_and_a_long_one_has_its_own(tmp_path: Path) -> None:
    rows = [("long", "web", 40), *((f"d{n}", "web", 4) for n in range(9))]
    selection, options = select(*rows), MixOptions(shard_tokens=10)
    index, figures = write(plan_mixture(selection, options), texts_of(selection), options, tmp_path)
    of_file = index.group_by("file", maintain_order=True).agg("id", "start", pl.col("n_tokens").sum())
    assert [r for r in of_file["id"].to_list() if "long" in r] == [["long"]]
    assert all(
        tokens <= 10 for ids, tokens in zip(of_file["id"], of_file["n_tokens"], strict=True) if len(ids) > 1
    )
    assert all(starts[0] == 0 for starts in of_file["start"])
    assert figures["files"] == of_file.height
    sizes = [(tmp_path / f"corpus-{n:05d}.bin").stat().st_size // 2 for n in of_file["file"]]
    assert sizes == of_file["n_tokens"].to_list()
    assert sorted(contents(tmp_path)) == [
        f"corpus-{n:05d}.{s}" for n in of_file["file"] for s in ("bin", "idx")
    ]


def test_a_text_that_has_the_eos_token_inside_is_counted(tmp_path: Path) -> None:
    selection, options = select(("a", "web", 3)), MixOptions()
    texts = texts_of(selection).with_columns(pl.lit("x\0y").alias("text"))
    assert (
        write(plan_mixture(selection, options), texts, options, tmp_path)[1]["documents_with_eos_inside"] == 1
    )


def test_texts_that_are_not_planned_are_passed_over(tmp_path: Path) -> None:
    selection, options = select(("a", "web", 3)), MixOptions()
    other = pl.concat(
        [select(("b", "web", 4)), select(("a", "web", 9), shard="t"), select(("a", "x", 9), synthetic=True)]
    )
    texts = pl.concat([texts_of(other), texts_of(selection)])
    index, _ = write(plan_mixture(selection, options), texts, options, tmp_path)
    assert index["n_tokens"].to_list() == [4]


def test_a_count_that_differs_from_the_plan_raises(tmp_path: Path) -> None:
    selection, options = select(("a", "web", 3)), MixOptions()
    texts = texts_of(selection).with_columns(pl.lit("four").alias("text"))
    with pytest.raises(StageError, match="document a: the tokenizer gives 4 tokens, planned were 3"):
        write(plan_mixture(selection, options), texts, options, tmp_path)


def test_a_planned_document_without_text_raises(tmp_path: Path) -> None:
    selection, options = select(("a", "web", 3), ("b", "web", 3)), MixOptions()
    with pytest.raises(StageError, match=r"1 of 2 planned documents have no text, \['b'\]"):
        write(plan_mixture(selection, options), texts_of(selection.head(1)), options, tmp_path)


def test_a_token_beyond_the_dtype_raises_instead_of_wrapping(tmp_path: Path) -> None:
    selection, options = select(("a", "web", 1)), MixOptions(dtype="uint16")
    texts = texts_of(selection).with_columns(pl.lit(chr(70_000)).alias("text"))
    with pytest.raises(StageError, match=r"document a: token 70000 does not fit into uint16 \(0 to 65535\)"):
        write(plan_mixture(selection, options), texts, options, tmp_path)
    with pytest.raises(StageError, match="token -1"):
        to_dtype([5, -1], "uint16", "here")


def test_a_disk_that_cannot_be_written_raises_with_the_file(tmp_path: Path) -> None:
    selection, options = select(("a", "web", 3)), MixOptions()
    order = plan_mixture(selection, options).order
    writer = ShardWriter(order, tokenizer=Characters(), options=options, new_file=tmp_path.joinpath)
    full = tmp_path / "corpus-00000.bin"
    full.unlink()
    full.symlink_to("/dev/full")
    with pytest.raises(StoreError, match=r"cannot write 'corpus-00000\.bin': No space left on device"):
        writer.write(texts_of(selection), asset="refined")


def test_a_shard_of_which_nothing_is_planned_is_passed_over(tmp_path: Path) -> None:
    selection, options = select(("a", "web", 3)), MixOptions()
    order = plan_mixture(selection, options).order
    writer = ShardWriter(order, tokenizer=Characters(), options=options, new_file=tmp_path.joinpath)
    writer.write(texts_of(select(("b", "web", 3))), asset="refined")
    writer.write(texts_of(select()), asset="refined")
    writer.write(texts_of(selection), asset="refined")
    assert writer.close()["first_files"] == [{"file": "corpus-00000.bin", "documents": 1, "tokens": 4}]


def test_a_large_vocabulary_is_stored_in_four_bytes(tmp_path: Path) -> None:
    class Wide(Characters):
        vocab_size = 65_500

    selection, options = select(("a", "web", 1)), MixOptions()
    texts = texts_of(selection).with_columns(pl.lit(chr(70_000)).alias("text"))
    write(plan_mixture(selection, options), texts, options, tmp_path, tokenizer=Wide())
    assert np.fromfile(tmp_path / "corpus-00000.bin", dtype="<i4").tolist() == [70_000, 0]
    assert [choose_dtype(size) for size in (65_499, 65_500)] == ["uint16", "int32"]


def test_a_document_too_long_for_the_index_raises() -> None:
    with pytest.raises(StageError, match="2,147,483,648 tokens does not fit"):
        encode_index(np.array([2**31]), "uint16")


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["web", "code"]), st.integers(1, 30), st.sampled_from("st")),
        min_size=1,
        max_size=20,
    ),
    st.integers(1, 100),
    st.integers(1, 7),
    st.integers(0, 100),
)
def test_the_bytes_do_not_depend_on_the_order_of_texts_or_the_size_of_batches(
    rows: list[tuple[str, int, str]], shard_tokens: int, batch_rows: int, seed: int
) -> None:
    selection = pl.concat(
        select((f"d{n}", source, size), shard=shard) for n, (source, size, shard) in enumerate(rows)
    )
    options = MixOptions(shard_tokens=shard_tokens, max_repeats=1.5)
    mixture, texts = plan_mixture(selection, options), texts_of(selection)
    with tempfile.TemporaryDirectory() as name:
        first, second = Path(name, "first"), Path(name, "second")
        write(mixture, texts, options, first)
        write(
            mixture, texts.sample(fraction=1, shuffle=True, seed=seed), options, second, batch_rows=batch_rows
        )
        assert contents(first) == contents(second)
