"""Documents that stand together: the files of a repository in one language."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.mix import GroupOptions, MixOptions, TokenShards, plan_mixture
from tests.mix.builders import Characters, select, text_of, texts_of, write

GROUPED = MixOptions(group=GroupOptions())


def files(*rows: tuple[str, str | None, str | None, int], source: str = "code") -> pl.DataFrame:
    """Rows (id, language, repository, tokens)."""
    chosen = select(*((name, source, tokens) for name, _, _, tokens in rows))
    return chosen.with_columns(
        pl.Series("language", [row[1] for row in rows], pl.String),
        pl.Series("repository", [row[2] for row in rows], pl.String),
    )


MILLS = files(
    *((f"p{n}", "Python", "mill", 5 + n) for n in range(6)),
    *((f"c{n}", "C", "mill", 9) for n in range(4)),
    *((f"q{n}", "Python", "weir", 7) for n in range(5)),
)


def runs(ids: list[str]) -> list[str]:
    """The first letters of the ids, repeats taken out: one letter for each run."""
    letters = [name[0] for name in ids]
    return [letter for n, letter in enumerate(letters) if n == 0 or letters[n - 1] != letter]


def test_files_of_a_language_and_repository_stand_together_and_each_is_there_once() -> None:
    order = plan_mixture(MILLS, GROUPED).order
    assert sorted(order["id"]) == sorted(MILLS["id"])
    assert sorted(runs(order["id"].to_list())) == ["c", "p", "q"]


def test_files_of_a_group_are_in_random_order_that_the_seed_decides() -> None:
    def python_files(seed: int) -> list[str]:
        order = plan_mixture(MILLS, MixOptions(group=GroupOptions(), seed=seed)).order
        return order.filter(pl.col("id").str.starts_with("p"))["id"].to_list()

    assert python_files(0) == python_files(0)
    assert len({tuple(python_files(seed)) for seed in range(5)}) > 1


def test_without_a_group_the_order_is_that_of_single_documents() -> None:
    assert len(runs(plan_mixture(MILLS, MixOptions()).order["id"].to_list())) > 3


def test_a_file_without_a_repository_stands_alone() -> None:
    lone = files(("a", "C", None, 5), ("b", "C", None, 5), ("c", None, "mill", 5))
    assert plan_mixture(lone, GROUPED).order["ends"].all()


def test_groups_of_two_sources_are_merged_without_being_torn() -> None:
    prose = select(*((f"w{n}", "web", 6) for n in range(20)))
    both = pl.concat([MILLS, prose.select(MILLS.columns)])
    options = MixOptions(group=GroupOptions(sources=("code",)))
    order = plan_mixture(both, options).order
    assert sorted(order["id"]) == sorted(both["id"])
    letters = "".join(runs(order["id"].to_list()))
    assert {letter: letters.count(letter) for letter in "cpq"} == {"c": 1, "p": 1, "q": 1}
    assert letters.count("w") > 1


def test_a_joined_group_ends_once_and_is_one_document_of_the_index(tmp_path: Path) -> None:
    mixture = plan_mixture(MILLS, GROUPED)
    index, _ = write(mixture, texts_of(MILLS), GROUPED, tmp_path)
    stream = np.fromfile(tmp_path / "corpus-00000.bin", "<u2")
    expected: list[int] = []
    tokens = dict(MILLS.select("id", "tokens").iter_rows())
    for name, ends in mixture.order.select("id", "ends").iter_rows():
        expected += Characters().encode([text_of(name, tokens[name])])[0] + ([0] if ends else [])
    assert stream.tolist() == expected
    assert int((stream == 0).sum()) == 3
    head = np.frombuffer((tmp_path / "corpus-00000.idx").read_bytes(), "<u8", 2, 18)
    assert head.tolist() == [15, 4]  # sequences, boundaries
    assert int(index["n_tokens"].sum()) == len(stream)


def test_files_side_by_side_end_each() -> None:
    options = MixOptions(group=GroupOptions(join=False))
    order = plan_mixture(MILLS, options).order
    assert order["ends"].all()
    assert sorted(runs(order["id"].to_list())) == ["c", "p", "q"]


def test_a_joined_group_is_not_cut_between_files(tmp_path: Path) -> None:
    options = MixOptions(group=GroupOptions(), shard_tokens=30)
    index, figures = write(plan_mixture(MILLS, options), texts_of(MILLS), options, tmp_path)
    assert figures["files"] == 3
    per_group = index.with_columns(pl.col("id").str.slice(0, 1).alias("group")).group_by("group")
    assert per_group.agg(pl.col("file").n_unique())["file"].to_list() == [1, 1, 1]


def test_each_epoch_has_its_own_order_of_whole_groups() -> None:
    options = MixOptions(group=GroupOptions(), max_repeats=2.0)
    order = plan_mixture(MILLS, options).order
    counts = order.group_by("id").len()
    assert counts.height == 15
    assert counts["len"].min() >= 1
    for epoch in (0, 1):
        of_epoch = order.filter(pl.col("epoch") == epoch)["id"].to_list()
        assert len(runs(of_epoch)) == 3


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from("ABC"), st.sampled_from(["x", "y", None]), st.integers(1, 40)), min_size=1
    ),
    seed=st.integers(0, 5),
)
def test_every_file_is_written_once_and_no_group_is_torn(
    rows: list[tuple[str, str | None, int]], seed: int
) -> None:
    table = files(
        *((f"d{n}", language, repository, size) for n, (language, repository, size) in enumerate(rows))
    )
    options = MixOptions(group=GroupOptions(), seed=seed)
    order = plan_mixture(table.sample(fraction=1.0, shuffle=True, seed=seed), options).order
    assert order.equals(plan_mixture(table, options).order)
    assert sorted(order["id"]) == sorted(table["id"])
    known = dict(zip(table["id"], table.select("language", "repository").rows(), strict=True))
    seen: list[object] = []
    for name in order["id"]:
        group = known[name] if None not in known[name] else name
        if not seen or seen[-1] != group:
            assert group not in seen
            seen.append(group)
    assert int(order["n_tokens"].sum()) == int(table["tokens"].sum()) + len(seen)


def test_the_reader_reads_a_joined_corpus(tmp_path: Path) -> None:
    index, _ = write(plan_mixture(MILLS, GROUPED), texts_of(MILLS), GROUPED, tmp_path)
    index.write_parquet(tmp_path / "index.parquet")
    (tmp_path / "manifest.json").write_text('{"files": [{"name": "corpus-00000.bin"}]}')
    corpus = TokenShards(tmp_path)
    assert len(corpus) == 15
    assert corpus.trace(0)["id"] == index["id"][0]


def test_group_names_must_be_known() -> None:
    with pytest.raises(ValueError, match="language"):
        GroupOptions(by=("folder",))  # type: ignore[arg-type]
