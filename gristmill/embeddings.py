"""Texts as vectors: what a sentence-embedding model says of their meaning, for comparing texts by cosine.

`load_embedder(folder)` reads a folder as sentence-transformers lays it out (modules.json, 1_Pooling/config.json,
sentence_bert_config.json, safetensors, tokenizer.json); transformers runs the model, no code of the folder does.

On a CPU every text goes through the model by itself, on one thread, and as many texts at a time as there are cores.
Padded batches would be slower there (6.7 against 13 texts of 217 tokens a second on two cores at work on other things
too), and their vectors depend on the company a text is in; so a vector is a function of its text alone, whatever the
batches and threads. On a GPU texts go in batches by length; there the vectors differ in the last bits with the batch.

Source: Sentence-BERT (arXiv 1908.10084); UKPLab/sentence-transformers for pooling, cutting and the layout of folders.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from gristmill.errors import ModelError, shorten

# Raise it when the vectors change: every shard is then embedded again.
EMBEDDINGS_VERSION = 1
MINILM = "all-minilm-l6-v2"  # always there under this name, where its package is installed

_MAX_CHARS_PER_TOKEN = (
    32  # of a text so many characters for each token that is read; the rest is not looked at
)
_GPU_TOKENS = 1 << 16  # in a batch, padding included
_MODULES = ("Transformer", "Pooling", "Normalize")  # of sentence-transformers, in this order
_POOLINGS = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}

Vectors = npt.NDArray[np.float32]


class Embedded(NamedTuple):
    """Vectors of texts, one row each, and what they rest on."""

    vectors: Vectors  # (texts, width); of length 1, or 0 for a text without a token
    tokens: npt.NDArray[np.uint32]  # tokens that were read, without those that the model adds
    unknown: npt.NDArray[np.float64]  # share of them that stands for words unknown to the model, 0..1


class Embedder(Protocol):
    """What makes vectors of texts."""

    width: int

    def embed(self, texts: Sequence[str], *, max_chunks: int = 1) -> Embedded:
        """Vectors of the texts; of a long one only the first `max_chunks` windows are read."""
        ...


def embeddings_schema(width: int) -> dict[str, pl.DataType]:
    """Columns of a table of vectors: id, row (position in the shard), vector; tokens and unknown as in `Embedded`."""
    return {
        "id": pl.String(),
        "row": pl.UInt32(),
        "vector": pl.Array(pl.Float32, width),
        "tokens": pl.UInt32(),
        "unknown": pl.Float32(),
    }


def embed_documents(
    documents: pl.DataFrame, embedder: Embedder, *, max_chunks: int = 1, first_row: int = 0
) -> pl.DataFrame:
    """Vectors of documents, in order, with the columns of `embeddings_schema`.

    Columns in: id, text (String; null counts as empty). first_row: position of the first document in its shard.
    """
    found = embedder.embed(documents["text"].fill_null("").to_list(), max_chunks=max_chunks)
    schema = embeddings_schema(embedder.width)
    vectors = pl.Series("vector", found.vectors, dtype=schema["vector"])
    rows = pl.int_range(first_row, first_row + documents.height, dtype=pl.UInt32, eager=True)
    return pl.DataFrame(
        {
            "id": documents["id"],
            "row": rows,
            "vector": vectors,
            "tokens": found.tokens,
            "unknown": found.unknown.astype(np.float32),
        },
        schema=schema,
    )


def load_embedder(folder: Path, *, device: str | None = None) -> SentenceEmbedder:
    """The model in a folder. device: `cpu` or `cuda`; None takes a GPU where torch sees one.

    Raises ModelError where the folder is incomplete or of an unknown kind, or torch or transformers is missing.
    """
    return SentenceEmbedder(folder, device)


class SentenceEmbedder:
    """A model of sentence-transformers' kind: a transformer, then the mean of its states or the first one."""

    def __init__(self, folder: Path, device: str | None = None) -> None:
        """As `load_embedder`."""
        torch, auto_model = _libraries()
        _check_modules(folder)
        self._torch = torch
        self._device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self._pads = self._device != "cpu"
        self._pooling = _pooling(folder)
        config, sentence = _read_json(folder / "config.json"), folder / "sentence_bert_config.json"
        settings = _read_json(sentence) if sentence.is_file() else {}
        positions = int(config.get("max_position_embeddings") or 512)
        self.max_tokens = min(int(settings.get("max_seq_length") or positions), positions)
        self._lowercase = bool(settings.get("do_lower_case"))
        self._tokenizer, self._unknown = _load_tokenizer(folder / "tokenizer.json", self.max_tokens)
        with _quiet():
            try:
                model = auto_model.from_pretrained(
                    folder,
                    local_files_only=True,
                    use_safetensors=True,
                    trust_remote_code=False,
                    dtype=torch.float32,
                )
            except (OSError, ValueError, RuntimeError, KeyError) as error:
                raise ModelError(
                    f"model folder {folder.name!r}: transformers cannot load it: {shorten(str(error), 300)}"
                ) from error
        self._model = model.eval().to(self._device)
        self.width = int(model.config.hidden_size)

    def embed(self, texts: Sequence[str], *, max_chunks: int = 1) -> Embedded:
        """Vectors of the texts, in order.

        A text is cut into windows of `max_tokens` tokens; the first `max_chunks` are read, and the vector is the mean
        of theirs by tokens. Memory: that of one text per core, or of a batch of 65,536 tokens on a GPU.
        """
        chunks, owners, tokens, unknown = self._encode(texts, max_chunks)
        vectors = np.zeros((len(texts), self.width), np.float64)
        for chunk, vector in self._run(chunks):
            vectors[owners[chunk]] += vector.astype(np.float64) * len(chunks[chunk])
        vectors[tokens == 0] = 0
        lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        vectors /= np.where(lengths > 0, lengths, 1)[:, None]
        shares = unknown / np.maximum(tokens, 1)
        return Embedded(vectors.astype(np.float32), tokens, shares)

    def _encode(
        self, texts: Sequence[str], max_chunks: int
    ) -> tuple[list[list[int]], list[int], npt.NDArray[np.uint32], npt.NDArray[np.float64]]:
        """Token ids of all windows, the text of each, and tokens and unknown tokens per text."""
        most = self.max_tokens * max_chunks * _MAX_CHARS_PER_TOKEN
        # A surrogate alone is no character of UTF-8; the tokenizer would refuse the text.
        read = [text[:most].encode("utf-8", "replace").decode() for text in texts]
        encoded = self._tokenizer.encode_batch([text.lower() for text in read] if self._lowercase else read)
        chunks: list[list[int]] = []
        owners: list[int] = []
        tokens, unknown = np.zeros(len(texts), np.uint32), np.zeros(len(texts), np.float64)
        for owner, whole in enumerate(encoded):
            for window in [whole, *whole.overflowing][:max_chunks]:
                own = len(window.ids) - sum(window.special_tokens_mask)
                # Tokenizers mark an unknown token as a special one where it is listed among these.
                unknowns = window.ids.count(self._unknown)
                marked = sum(
                    1
                    for token, special in zip(window.ids, window.special_tokens_mask, strict=True)
                    if special and token == self._unknown
                )
                tokens[owner] += own + marked
                unknown[owner] += unknowns
                chunks.append(window.ids)
                owners.append(owner)
        return chunks, owners, tokens, unknown

    def _run(self, chunks: list[list[int]]) -> Iterator[tuple[int, Vectors]]:
        """(number, pooled states) of every window, in an order that depends on the windows alone."""
        if self._pads:
            for batch in _batches(chunks):
                yield from zip(batch, self._forward([chunks[i] for i in batch]), strict=True)
            return
        with _one_thread_each(self._torch), ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            yield from enumerate(pool.map(lambda ids: self._forward([ids])[0], chunks))

    def _forward(self, batch: list[list[int]]) -> Vectors:
        """Pooled states of windows that are padded to the longest."""
        torch = self._torch
        longest = max(map(len, batch))
        ids = torch.zeros(len(batch), longest, dtype=torch.long)
        mask = torch.zeros(len(batch), longest, dtype=torch.long)
        for row, window in enumerate(batch):
            ids[row, : len(window)] = torch.tensor(window)
            mask[row, : len(window)] = 1
        with torch.inference_mode():
            ids, mask = ids.to(self._device), mask.to(self._device)
            states = self._model(input_ids=ids, attention_mask=mask).last_hidden_state
            if self._pooling == "cls":
                pooled = states[:, 0]
            else:
                weights = mask.unsqueeze(-1).to(states.dtype)
                pooled = (states * weights).sum(1) / weights.sum(1)
            vectors: Vectors = pooled.float().cpu().numpy()
        return vectors


def _batches(chunks: list[list[int]]) -> Iterator[list[int]]:
    """Numbers of windows that fit a batch together, the longest first, so that little is padding."""
    order = sorted(range(len(chunks)), key=lambda i: (-len(chunks[i]), i))
    first = 0
    while first < len(order):
        fit = max(1, _GPU_TOKENS // len(chunks[order[first]]))
        yield order[first : first + fit]
        first += fit


# -- reading the folder ---------------------------------------------------------------------------------------------


def _libraries() -> tuple[Any, Any]:
    try:
        import torch
        from transformers import AutoModel
    except ImportError as error:
        raise ModelError(
            f"embeddings need torch and transformers: {error}; install them: pip install 'gristmill[semantic]'"
        ) from error
    return torch, AutoModel


def _check_modules(folder: Path) -> None:
    """Raise ModelError if the folder asks for more than a transformer, pooling and normalising."""
    if not (folder / "modules.json").is_file():
        return
    modules = _read_json(folder / "modules.json")
    kinds = [str(entry.get("type", "")).rpartition(".")[2] for entry in modules]
    if kinds[:2] != list(_MODULES[:2]) or kinds[2:] not in ([], [_MODULES[2]]):
        raise ModelError(
            f"model folder {folder.name!r}: modules.json names {kinds}; known are {list(_MODULES)}, "
            "the last may be missing"
        )


def _pooling(folder: Path) -> str:
    file = folder / "1_Pooling" / "config.json"
    if not file.is_file():
        return "mean"  # as sentence-transformers does where a folder says nothing
    config = _read_json(file)
    chosen = sorted(key for key, value in config.items() if key.startswith("pooling_mode_") and value is True)
    if len(chosen) != 1 or chosen[0] not in _POOLINGS:
        raise ModelError(
            f"model folder {folder.name!r}: 1_Pooling/config.json asks for {chosen}; known is one of "
            f"{sorted(_POOLINGS)}"
        )
    return _POOLINGS[chosen[0]]


def _load_tokenizer(file: Path, max_tokens: int) -> tuple[Any, int | None]:
    """The tokenizer, cutting texts into windows, and the id of unknown tokens."""
    from tokenizers import Tokenizer

    model = _read_json(file).get("model", {})
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens, stride=0)
    named = model.get("unk_token")
    return tokenizer, tokenizer.token_to_id(named) if named else model.get("unk_id")


def _read_json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"model folder {file.parent.name!r}: {file.name} cannot be read: {error}") from error


# -- torch and transformers in a process that others use too --------------------------------------------------------


@contextmanager
def _one_thread_each(torch: Any) -> Iterator[None]:
    """Every operation on one thread, also in threads that are started inside."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bar for weights that load in a second."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
