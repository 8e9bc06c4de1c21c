"""Read the token shards that Gristmill exports. Copy this file: it needs numpy alone, and pyarrow for `trace`.

    corpus = TokenShards("corpus/")
    for batch in corpus.batches(seq_len=2048, batch_size=8):     # int64, (8, 2049)
        inputs, targets = batch[:, :-1], batch[:, 1:]
    corpus.trace(1_234_567)                                      # which document is this token from?

Files are mapped, not loaded. The corpus is one stream of tokens; batch n depends on n alone, so a run resumes with
`batches(..., first=n)`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

DTYPES = {1: "u1", 2: "i1", 3: "<i2", 4: "<i4", 5: "<i8", 8: "<u2"}


class TokenShards:
    """A folder of `corpus-*.bin` and `.idx` files; len() is the number of documents, `tokens` that of tokens."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        names = [entry["name"] for entry in json.loads((self.folder / "manifest.json").read_text())["files"]]
        bins = [self.folder / name for name in names if name.endswith(".bin")]
        lengths = []
        self._files = []
        for path in bins:
            of_file, dtype = _read_index(path.with_suffix(".idx"))
            self._files.append(np.memmap(path, dtype=dtype, mode="r"))
            if of_file.sum() != len(self._files[-1]):
                raise ValueError(
                    f"{path}: {len(self._files[-1])} tokens, the index has {of_file.sum()}; export again"
                )
            lengths.append(of_file)
        self._file_starts = np.cumsum([0, *map(len, self._files)])
        self._starts = np.cumsum([0, *np.concatenate(lengths)])
        self.tokens = int(self._starts[-1])

    def __len__(self) -> int:
        return len(self._starts) - 1

    def document(self, number: int) -> np.ndarray:
        """Tokens of a document, by its place in the corpus."""
        return self.read(int(self._starts[number]), int(self._starts[number + 1]))

    def read(self, start: int, stop: int) -> np.ndarray:
        """Tokens start..stop of the stream; a view of the file where they lie in one."""
        first, last = np.searchsorted(self._file_starts, [start, max(start, stop - 1)], side="right") - 1
        parts = [
            self._files[n][max(0, start - self._file_starts[n]) : stop - self._file_starts[n]]
            for n in range(first, min(last, len(self._files) - 1) + 1)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def batches(self, seq_len: int, batch_size: int, first: int = 0) -> Iterator[np.ndarray]:
        """Batches of windows of seq_len + 1 tokens that overlap by one; an incomplete last batch is left out."""
        step = seq_len * batch_size
        for start in range(first * step, self.tokens - step, step):
            stream = self.read(start, start + step + 1).astype(np.int64)
            yield np.lib.stride_tricks.sliding_window_view(stream, seq_len + 1)[::seq_len].copy()

    def trace(self, position: int) -> dict[str, Any]:
        """The row of index.parquet (id, parent_id, source, shard, method, epoch, ...) that a token belongs to."""
        import pyarrow.parquet as pq

        row = int(np.searchsorted(self._starts, position, side="right")) - 1
        if not 0 <= row < len(self):
            raise IndexError(f"token {position} is not in the corpus, which has {self.tokens}")
        with pq.ParquetFile(self.folder / "index.parquet") as index:
            for group in range(index.num_row_groups):
                if row < index.metadata.row_group(group).num_rows:
                    return dict(index.read_row_group(group).slice(row, 1).to_pylist()[0])
                row -= index.metadata.row_group(group).num_rows
        raise ValueError(
            f"{self.folder}: index.parquet has fewer rows than the shards have documents; export again"
        )


def _read_index(path: Path) -> tuple[np.ndarray, str]:
    data = path.read_bytes()
    if data[:9] != b"MMIDIDX\x00\x00" or int.from_bytes(data[9:17], "little") != 1:
        raise ValueError(f"{path} is not a Megatron index of version 1")
    sequences, boundaries = (int(n) for n in np.frombuffer(data, "<u8", 2, 18))
    if len(data) != 34 + 12 * sequences + 8 * boundaries:
        raise ValueError(f"{path} is cut or damaged: {len(data)} bytes; export again")
    return np.frombuffer(data, "<i4", sequences, 34).astype(np.int64), DTYPES[data[17]]
