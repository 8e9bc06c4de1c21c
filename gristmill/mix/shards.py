"""Stage `mixed`: token shards in the order of the plan, from texts that come in the order of the store.

Token counts are known before, so each document's place in the files is too: texts are tokenised once, in whatever
order they come, and every document is written straight to its places. There is no sort and no second pass; memory is
the plan and one slice of texts. Writes are scattered over all files at once, which suits SSDs more than hard disks.
A count that differs from the plan raises: places behind it would be wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import polars as pl

from gristmill import progress
from gristmill.documents import Schema
from gristmill.errors import StageError, StoreError
from gristmill.mix.megatron import choose_dtype, encode_index, to_dtype
from gristmill.mix.options import MixOptions

INDEX: Schema = {
    "file": pl.Int32,  # number of the file: corpus-00000 is 0
    "start": pl.Int64,  # first token in the file
    "n_tokens": pl.Int64,  # with the end-of-text token
    "id": pl.String,
    "parent_id": pl.String,
    "source": pl.String,
    "shard": pl.String,
    "method": pl.String,
    "epoch": pl.Int32,  # how often the document was used before
}

MAX_FILES_SHOWN = 20
_SLICE_BYTES = 4 << 20  # of text that is tokenised at a time


class Encoder(Protocol):
    """What is asked of a tokenizer; `encode` adds no special tokens."""

    @property
    def vocab_size(self) -> int: ...  # noqa: D102

    @property
    def eos_id(self) -> int: ...  # noqa: D102

    def encode(self, texts: Sequence[str]) -> list[list[int]]: ...  # noqa: D102


def file_name(number: int, suffix: str) -> str:
    """`corpus-00000.bin` for 0 and `bin`."""
    return f"corpus-{number:05d}.{suffix}"


class ShardWriter:
    """Writes the documents of a plan to `.bin` and `.idx` files.

    order: gristmill.mix.plan.ORDER. new_file: gives the path of a new file by name. Call `write` with all texts, in any
    order and in batches of any size, then `close`; the same plan gives the same bytes.
    """

    def __init__(
        self, order: pl.DataFrame, *, tokenizer: Encoder, options: MixOptions, new_file: Callable[[str], Path]
    ) -> None:
        self.dtype = choose_dtype(tokenizer.vocab_size) if options.dtype == "auto" else options.dtype
        self.index = _place(order, options.shard_tokens)
        self._tokenizer = tokenizer
        self._eos = tokenizer.eos_id if options.append_eos else None
        self._new_file = new_file
        self._files = [new_file(file_name(n, "bin")) for n in range(self.index["file"][-1] + 1)]
        for path in self._files:
            with _writing(path):
                path.touch()
        self._written = np.zeros(order.height, dtype=bool)
        self._ends = order["ends"].to_numpy()
        self._inner_eos = 0
        rows = order.select("id", "asset", "shard").with_row_index("row")
        self._waiting = {
            (str(k[0]), str(k[1])): v.select("id", "row")
            for k, v in rows.partition_by("asset", "shard", as_dict=True).items()
        }

    def write(self, documents: pl.DataFrame, *, asset: str) -> None:
        """Tokenise and write those of the documents that the plan has.

        documents: id, shard, text. Raises StageError where the number of tokens is not the planned one, or where a
        token is beyond the dtype; StoreError where the disk is full or read-only.
        """
        for (shard,), of_shard in documents.partition_by("shard", as_dict=True).items():
            waiting = self._waiting.get((asset, str(shard)))
            if waiting is not None:
                for texts in _slices(of_shard.join(waiting, on="id", how="semi")):
                    self._write_slice(texts, waiting)

    def close(self) -> dict[str, Any]:
        """Write the indices and return figures; raise StageError where the text of a planned document never came."""
        if not self._written.all():
            missing = self.index.filter(~pl.Series(self._written))
            raise StageError(
                f"mixed: {missing.height:,} of {self.index.height:,} planned documents have no text, "
                f"{missing['id'].head(3).to_list()} among them; build `scored` and `selected` again"
            )
        lengths = self.index.partition_by("file", maintain_order=True)
        for number, rows in enumerate(lengths):
            index = encode_index(rows["n_tokens"].to_numpy(), self.dtype, self._boundaries(number))
            path = self._new_file(file_name(number, "idx"))
            with _writing(path):
                path.write_bytes(index)
        return {
            "dtype": self.dtype,
            "vocab_size": self._tokenizer.vocab_size,
            "eos_id": self._eos,
            "documents_with_eos_inside": self._inner_eos,
            "files": len(self._files),
            "first_files": [
                {"file": file_name(n, "bin"), "documents": rows.height, "tokens": int(rows["n_tokens"].sum())}
                for n, rows in enumerate(lengths[:MAX_FILES_SHOWN])
            ],
        }

    def _write_slice(self, texts: pl.DataFrame, waiting: pl.DataFrame) -> None:
        encoded = self._tokenizer.encode(texts["text"].to_list())
        planned = waiting.join(texts.select("id").with_row_index("text"), on="id").sort("row")
        places = planned.hstack(self.index.select("file", "start", "n_tokens")[planned["row"]])
        size = np.dtype(self.dtype).itemsize
        for of_file in places.partition_by("file", maintain_order=True):
            path = self._files[of_file["file"][0]]
            with _writing(path), path.open("r+b") as handle:
                for name, row, text, _, start, n_tokens in of_file.iter_rows():
                    handle.seek(start * size)
                    tokens = self._tokens(encoded[text], name, n_tokens, ends=self._ends[row])
                    handle.write(tokens.tobytes())
                    self._written[row] = True
        self._inner_eos += sum(self._eos in tokens for tokens in encoded)
        progress.advance(places.height)

    def _boundaries(self, number: int) -> np.ndarray:
        """Sequences of a file before each document and in all; a group that was joined is one document."""
        ends = self._ends[(self.index["file"] == number).to_numpy()]
        return np.concatenate([[0], np.flatnonzero(ends) + 1])

    def _tokens(self, encoded: list[int], name: str, planned: int, *, ends: bool) -> np.ndarray:
        where = f"mixed, document {name}"
        ending = [self._eos] if self._eos is not None and ends else []
        if len(encoded) + len(ending) != planned:
            raise StageError(
                f"{where}: the tokenizer gives {len(encoded):,} tokens, planned were {planned - len(ending):,}; "
                "the counts come from another tokenizer or another text: build `tokens` again"
            )
        return to_dtype([*encoded, *ending], self.dtype, where)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn what the disk says into a StoreError that names the file and the cause."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"mixed: cannot write {path.name!r}: {error.strerror or error}") from error


def _place(order: pl.DataFrame, shard_tokens: int) -> pl.DataFrame:
    """File and first token of every document: files are filled in order, no document or joined group is cut."""
    sizes = order["n_tokens"].to_numpy()
    ends = np.cumsum(sizes)
    whole = np.flatnonzero(order["ends"].to_numpy())  # the last row of each document or group
    spent = ends[whole]
    cuts = [0]  # numbers of documents or groups
    while cuts[-1] < len(whole):
        before = spent[cuts[-1] - 1] if cuts[-1] else 0
        cuts.append(max(cuts[-1] + 1, int(np.searchsorted(spent, before + shard_tokens, side="right"))))
    starts = ends - sizes
    files = np.zeros(order.height, dtype=np.int32)
    edges = [0, *(whole[cut - 1] + 1 for cut in cuts[1:])]
    for number, (first, last) in enumerate(pairwise(edges)):
        files[first:last] = number
        starts[first:last] -= starts[first]
    return order.with_columns(pl.Series("file", files), pl.Series("start", starts)).select(
        pl.col(name).cast(dtype) for name, dtype in INDEX.items()
    )


def _slices(texts: pl.DataFrame) -> Iterator[pl.DataFrame]:
    number = (pl.col("text").str.len_bytes().cast(pl.Int64).cum_sum() - 1) // _SLICE_BYTES
    yield from texts.with_columns(number.alias("slice")).partition_by("slice", maintain_order=True)
