"""Training of a fastText classifier with the same bytes for the same examples.

fastText 0.9.3 and builds made from it (fasttext-numpy2 0.10.4) start from memory that nobody has set: with
`thread=1` DenseMatrix::uniform fills the first tenth of the vectors, with fewer than ten threads only so many
tenths; what lies in the rest is what the process left there, up to 1e33, and training ends in "Encountered NaN" or
in a model that cannot be made twice. Ten threads and more race each other.

So fastText makes the dictionary, the labels and the file, and the vectors are trained here by the same rule
(fasttext.cc, FastText::supervised: mean of the vectors of words and runs of words, softmax, plain gradient steps
whose rate falls linearly to 0), from numbers drawn by place. The file is read by any fastText.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from gristmill import progress
from gristmill.classifiers import LABEL
from gristmill.errors import RecipeError
from gristmill.hashing import random_u64

END_OF_LINE = "</s>"  # fastText's name for it, a word like any other
_BLANKS = r"[\t\v\f\r\x00\n]"  # with the space, what separates words


class TrainingOptions(Protocol):
    """fastText's own options, as far as they are used here."""

    @property
    def word_ngrams(self) -> int:
        """Words and runs of up to so many words are features."""

    @property
    def dim(self) -> int:
        """Length of the vectors."""

    @property
    def bucket(self) -> int:
        """Number of vectors that runs of words share."""

    @property
    def epochs(self) -> int:
        """Passes over the examples."""

    @property
    def lr(self) -> float:
        """Learning rate at the start."""

    @property
    def min_count(self) -> int:
        """Rarer words are no features of their own."""

    @property
    def seed(self) -> int:
        """Initialises the vectors."""


def train_classifier(
    lines: pl.Series,
    labels: Sequence[str],
    options: TrainingOptions,
    path: Path,
    *,
    name: str = "models/quality",
    key: str = "quality",
) -> Any:
    """Train on lines (gristmill.classifiers.to_lines) in their order, write the model to `path`, and return it.

    name: what the first vectors are drawn by, beside the seed; key: where in the recipe the options stand. Same
    lines, labels, options and name: same bytes. Memory: 12 bytes per word of the examples beside the model. Raises
    RecipeError where no word is frequent enough.
    """
    from gristmill import _fasttext_kernels as kernels

    model = _make_dictionary(lines, labels, options, key)
    words: list[str] = model.get_words()
    names = [label.removeprefix(LABEL) for label in model.get_labels()]
    rows, dim = np.asarray(model.f.getInputMatrix()).shape
    inputs = np.empty((rows, dim), np.float32)
    outputs = np.zeros((len(names), dim), np.float32)
    kernels.fill_uniform(np.uint64(random_u64(options.seed, name, "vectors")), inputs)

    ids, hashes, offsets = _list_tokens(lines, words)
    targets = np.array([names.index(label) for label in labels], np.int64)
    total = len(ids) * options.epochs
    progress.expect(len(lines) * options.epochs, "examples")
    for epoch in range(options.epochs):
        kernels.train_epoch(
            ids,
            hashes,
            offsets,
            targets,
            len(words),
            options.word_ngrams,
            options.lr,
            epoch * len(ids),
            total,
            inputs,
            outputs,
        )
        progress.advance(len(lines))
    model.set_matrices(inputs, outputs)
    model.save_model(str(path))
    return model


def split_tokens(lines: pl.Series) -> pl.Series:
    """The words of each line as fastText cuts them, as lists; its mark for the end of the line is the last one."""
    pieces = (
        lines.str.replace_all(_BLANKS, " ").str.split(" ").list.eval(pl.element().filter(pl.element() != ""))
    )
    return pieces.list.concat(pl.Series([END_OF_LINE]).implode())


def _make_dictionary(lines: pl.Series, labels: Sequence[str], options: TrainingOptions, key: str) -> Any:
    """A model that knows words and labels and has learnt nothing."""
    import fasttext

    with tempfile.TemporaryDirectory() as folder:
        examples = Path(folder) / "examples.txt"
        with examples.open("w", encoding="utf-8", newline="\n") as handle:
            handle.writelines(f"{LABEL}{label} {line}\n" for label, line in zip(labels, lines, strict=True))
        model = fasttext.train_supervised(
            input=str(examples),
            epoch=0,
            dim=options.dim,
            bucket=options.bucket,
            wordNgrams=options.word_ngrams,
            minCount=options.min_count,
            lr=options.lr,
            thread=1,
            verbose=0,
        )
    if set(model.get_words()) <= {END_OF_LINE}:
        raise RecipeError(
            f"{key}.min_count: got {options.min_count}, and no word occurs so often in {len(lines)} examples; "
            "lower it or add examples"
        )
    return model


def _list_tokens(
    lines: pl.Series, words: list[str]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """Per token its number in the dictionary, or -1, and its hash; and where the tokens of each line begin."""
    from gristmill import _fasttext_kernels as kernels

    tokens = split_tokens(lines)
    offsets = np.concatenate([[0], tokens.list.len().cum_sum().to_numpy()]).astype(np.int64)
    flat = pl.DataFrame({"word": tokens.explode()})
    distinct = flat.unique()
    array = distinct["word"].to_arrow(compat_level=pl.CompatLevel.oldest())
    _, starts, data = array.buffers()
    hashes = np.empty(distinct.height, np.uint32)
    kernels.hash_words(
        np.frombuffer(data, np.uint8), np.frombuffer(starts, np.int64)[: distinct.height + 1], hashes
    )
    numbers = pl.DataFrame({"word": words, "id": np.arange(len(words), dtype=np.int32)})
    known = distinct.with_columns(pl.Series("hash", hashes)).join(numbers, on="word", how="left")
    found = flat.join(known, on="word", how="left", maintain_order="left")
    return (
        found["id"].fill_null(-1).to_numpy().copy(),
        found["hash"].to_numpy().copy(),
        offsets,
    )
