"""fastText models: how they are loaded, and how a text becomes the one line that they read.

fastText reads a line token by token. `</s>` ends it wherever it stands, and `__label__x` is taken for a label: a page
about HTML or about fastText would be cut off or mislabelled. Both are taken apart first.

Prediction holds the interpreter's lock: two threads took 1.5 times as long as one (fasttext-numpy2 0.10.4, 2 cores,
2,000 characters a text: 7 million characters per second), so there is none of it here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from gristmill.errors import ModelError
from gristmill.preparations import prepare_texts

LABEL = "__label__"


def load_classifier(path: Path) -> Any:
    """The fastText model in a `.bin` or `.ftz` file; raises ModelError where it cannot be read."""
    import fasttext

    if not path.is_file():
        raise ModelError(f"fastText model {str(path)!r} is not there; expected a .bin or .ftz file")
    try:
        return fasttext.load_model(str(path))
    except (ValueError, RuntimeError, MemoryError) as error:
        raise ModelError(f"fastText model {str(path)!r} cannot be read: {error}") from error


def to_lines(texts: pl.Series) -> pl.Series:
    """Each text on one line: stripped, its lines joined by a space, fastText's own marks taken apart.

    A text without characters, or null, becomes null: a model answers it all the same, with what it thinks of nothing.
    Source: DCLM (arXiv 2406.11794), `" ".join(text.strip().splitlines())`.
    """
    lines = (
        prepare_texts(texts, "lines_joined_by_space")
        .str.replace_all("</s>", "< /s>", literal=True)
        .str.replace_all(LABEL, "__ label__", literal=True)
    )
    return lines.set(lines == "", None)


def predict_first(model: Any, lines: pl.Series) -> tuple[pl.Series, pl.Series]:
    """(name of the most probable label, its probability) of each line; null for null.

    fastText rounds sums up, to 1.00001 at most; probabilities are cut to 1.
    """
    answers: Sequence[tuple[float, str] | None] = [
        # The wrapper's own `predict` fails under NumPy 2 in most builds.
        None if line is None else model.f.predict(line + "\n", 1, 0.0, "strict")[0]
        for line in lines
    ]
    labels = [None if answer is None else answer[1].removeprefix(LABEL) for answer in answers]
    shares = [None if answer is None else min(answer[0], 1.0) for answer in answers]
    return pl.Series("label", labels, pl.String), pl.Series("probability", shares, pl.Float64)


def predict_label(model: Any, lines: pl.Series, label: str) -> pl.Series:
    """Probability of one label for each line; null for null. Raises ModelError where the model has no such label."""
    names = [name.removeprefix(LABEL) for name in model.get_labels()]
    if label not in names:
        raise ModelError(
            f"classifier: got label {label!r}; this model knows: {', '.join(sorted(names))[:200]}"
        )
    first, shares = predict_first(model, lines)
    if len(names) == 2:
        frame = pl.DataFrame({"label": first, "share": shares})
        share = pl.col("share")
        found = frame.select(pl.when(pl.col("label") == label).then(share).otherwise(1 - share)).to_series()
        return found.alias("probability")
    wanted = LABEL + label
    answers = [
        None
        if line is None
        else next(
            (min(p, 1.0) for p, name in model.f.predict(line + "\n", -1, 0.0, "strict") if name == wanted),
            0.0,
        )
        for line in lines
    ]
    return pl.Series("probability", answers, pl.Float64)
