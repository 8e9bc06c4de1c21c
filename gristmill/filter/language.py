"""Which language a text is in, by fastText's lid.176 or any other fastText model of languages.

Source: fasttext.cc, language identification; its compressed form lid.176.ftz knows 176 languages in 0.9 MB. Models
with labels such as `eng_Latn` (GlotLID, NLLB) work alike.

Two modes. `compat` is the LanguageFilter of huggingface/datatrove 0.10: newlines become spaces, nothing else. `strict`,
the default, prepares the text and reads the answer with more care (docs/stages/language.md has the figures):

- Web addresses, e-mail addresses and digits are taken out: they are in no language.
- Letters become lower case (the model was trained on running text and takes capitals for foreign words) and other
  marks stand apart from words.
- A label counts only if its language is written in the script of most letters. A script of one language decides.
- Part of the model's prior is taken out: it saw 5.5 million sentences of English and 100 of some other languages, and
  gives short texts to the large ones. Labels are ranked by p / n^balance, with n as the model file has it.
- The score of a label is the probability of its group of close languages (hr and sr, no and da, ...), since which of
  a group it is says little about whether the text is good.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gristmill.classifiers import LABEL, load_classifier, predict_first, to_lines
from gristmill.documents import Schema
from gristmill.filter.options.language import LanguageOptions
from gristmill.filter.scripts import detect_scripts, languages_in

LANGUAGES: Schema = {
    "lang": pl.String,  # as the model names it
    "lang_score": pl.Float64,  # 0..1
    "script": pl.String,  # ISO 15924
    "lang_allowed_score": pl.Float64,  # highest probability of a language that may stay; null where all may
}

_LEAST_PROBABILITY = 0.01  # rarer labels are not looked at
_NOT_LANGUAGE = r"https?://\S+|www\.\S+|\S+@\S+\.\S+|[0-9]+"
# Apostrophes and hyphens are parts of words.
_MARKS = r"[^\p{L}\p{M}\s'’-]+"


def identify_languages(
    texts: pl.Series, model_path: Path, *, max_chars: int | None = None
) -> tuple[pl.Series, pl.Series]:
    """(lang, lang_score): the most probable language of each text, as the model names it, and its probability.

    The model sees the first `max_chars` characters as they are, newlines as spaces. An empty text has null in both.
    Raises ModelError where the model cannot be read. Reads 7 million characters per second on one core.
    """
    lang, score = predict_first(_model(model_path).fasttext, to_lines(_head(texts, max_chars)))
    return lang.alias("lang"), score.alias("lang_score")


def describe_languages(
    texts: pl.Series, model_path: Path, options: LanguageOptions, *, mode: str = "strict"
) -> pl.DataFrame:
    """LANGUAGES of each text, in order; a text without characters has nulls.

    A row depends on its text and the options alone. Raises ModelError where the model cannot be read.
    """
    model = _model(model_path)
    head = _head(texts, options.max_chars)
    script, share = detect_scripts(head)
    lines = to_lines(head if mode == "compat" else prepare(head))
    guess = _Plain(options) if mode == "compat" else _Ranked(model, options)
    answers = [
        _NOTHING if line is None else guess(model, line, its_script, its_share)
        for line, its_script, its_share in zip(lines, script, share, strict=True)
    ]
    columns = [[answer[place] for answer in answers] for place in range(3)]
    return pl.DataFrame(
        {"lang": columns[0], "lang_score": columns[1], "script": script, "lang_allowed_score": columns[2]},
        schema=LANGUAGES,
    )


def prepare(texts: pl.Series) -> pl.Series:
    """What is left for the model of each text: words in lower case, with other marks apart."""
    words = texts.str.replace_all(_NOT_LANGUAGE, " ").str.to_lowercase()
    return words.str.replace_all(f"({_MARKS})", " $1 ").str.replace_all(r"\s+", " ")


_Answer = tuple[str | None, float | None, float | None]
_NOTHING: _Answer = (None, None, None)


def _head(texts: pl.Series, max_chars: int | None) -> pl.Series:
    # Blanks at the start are no reason to see less of a text.
    seen = texts.str.strip_chars_start()
    return seen if max_chars is None else seen.str.slice(0, max_chars)


class _Plain:
    """The most probable label, and the probabilities of those that may stay."""

    def __init__(self, options: LanguageOptions) -> None:
        self._allowed = options.languages

    def __call__(self, model: _Model, line: str, script: str | None, share: float | None) -> _Answer:
        found = model.ask(line, 0.0)
        lang, score = found[0]
        if self._allowed is None:
            return lang, score, None
        return lang, score, max((p for label, p in found if label in self._allowed), default=0.0)


class _Ranked:
    """The best label by what the module's docstring says."""

    def __init__(self, model: _Model, options: LanguageOptions) -> None:
        self._labels = tuple(model.counts)
        self._allowed = options.languages
        self._weights = {label: max(n, 1) ** -options.balance for label, n in model.counts.items()}
        self._group_of = {
            label: group
            for group in (frozenset(codes) for codes in options.groups)
            for label in self._labels
            if label.partition("_")[0] in group
        }
        self._written_in: dict[str, frozenset[str]] = {}

    def __call__(self, model: _Model, line: str, script: str | None, share: float | None) -> _Answer:
        found = model.ask(line, _LEAST_PROBABILITY)
        in_script = self._labels_in(script)
        if in_script:
            if len(in_script) == 1 and share is not None:
                (label,) = in_script
                return label, share, self._allowed_score(label, share)
            fitting = [answer for answer in found if answer[0] in in_script]
            if not fitting:
                fitting = [answer for answer in model.ask(line, 0.0) if answer[0] in in_script]
            found = fitting or found
        label = max(found, key=lambda answer: answer[1] * self._weights[answer[0]])[0]
        group = self._group_of.get(label)
        score = sum(p for other, p in found if other == label or (group and other.partition("_")[0] in group))
        return label, min(score, 1.0), self._allowed_score(label, min(score, 1.0))

    def _labels_in(self, script: str | None) -> frozenset[str]:
        """Labels of a script; empty for Latin, in which every language is written now and then."""
        if script is None or script == "Latn":
            return frozenset()
        if script not in self._written_in:
            self._written_in[script] = languages_in(script, self._labels)
        return self._written_in[script]

    def _allowed_score(self, label: str, score: float) -> float | None:
        if self._allowed is None:
            return None
        return score if label in self._allowed else 0.0


class _Model:
    """A fastText model, and how many examples of each label it was trained on."""

    def __init__(self, path: Path) -> None:
        self.fasttext: Any = load_classifier(path)
        labels, counts = self.fasttext.get_labels(include_freq=True)
        names = [label.removeprefix(LABEL) for label in labels]
        self.counts = dict(zip(names, np.asarray(counts).tolist(), strict=True))

    def ask(self, line: str, threshold: float) -> list[tuple[str, float]]:
        """Labels with at least this probability, the most probable first; at least one."""
        found = self.fasttext.f.predict(line + "\n", -1, threshold, "strict")
        if not found:
            found = self.fasttext.f.predict(line + "\n", 1, 0.0, "strict")
        return [(label.removeprefix(LABEL), min(p, 1.0)) for p, label in found]


@lru_cache(maxsize=2)
def _model(path: Path) -> _Model:
    return _Model(path)  # 20 ms, and a shard comes in many batches
