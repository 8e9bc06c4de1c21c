"""How a text is prepared for a classifier, by name; the same at training and at prediction.

The first five are the preparations of published classifiers. `maths` is made for telling mathematics from the rest,
in the manner of cc_net and OpenWebMath (arXiv 2310.06786): lower case, no accents, digits as 0, punctuation marks of
other scripts as those of ASCII, every formula and every block of code one mark.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import polars as pl

Preparation = Literal[
    "newline_to_space",
    "newline_to_space_strip",
    "newline_runs_to_one_space",
    "lines_joined_by_space",
    "ultra_fineweb_before_tokenizer",
    "maths",
]

# What ends a line for str.splitlines.
LINE_ENDS = r"\r\n|[\n\r\x0b\x0c\x1c-\x1e\x{85}\x{2028}\x{2029}]"
# White space for str.strip; Polars has its own list, without the separators of files and records.
WHITE_SPACE = (
    " \t\n\v\f\r\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)

# No blank line inside, so that a stray mark takes little with it.
_FORMULA = (
    r"\$\$(?:[^$\n]|\n[^$\n])+\$\$"
    r"|\\\[(?:[^\n]|\n[^\n])+?\\\]"
    r"|\\\([^\n]+?\\\)"
    r"|\\begin\{(?:equation|align|gather|multline|eqnarray|math|displaymath)\*?\}(?s:.+?)"
    r"\\end\{(?:equation|align|gather|multline|eqnarray|math|displaymath)\*?\}"
)
# No blank inside the marks and no digit after them: "$5 and $6" is money.
_INLINE_FORMULA = r"\$(?:[^\s$]|[^\s$][^$\n]*?[^\s$\\])\$([^0-9]|$)"
_CODE = r"```(?s:.*?)```|`[^`\n]+`"
# Marks of other scripts and typographic ones. Source: cc_net (arXiv 1911.00359), text_normalizer.
_PUNCTUATION = {
    "，": ",", "。": ".", "、": ",", "„": '"', "”": '"', "“": '"', "«": '"', "»": '"', "」": '"', "「": '"', "《": '"',
    "》": '"', "´": "'", "∶": ":", "：": ":", "？": "?", "！": "!", "（": "(", "）": ")", "；": ";", "–": "-",
    "—": " - ", "．": ". ", "～": "~", "’": "'", "‘": "'", "…": "...", "━": "-", "〈": "<", "〉": ">", "【": "[",
    "】": "]", "％": "%", "►": "-",
}  # fmt: skip


def prepare_texts(texts: pl.Series, preparation: Preparation) -> pl.Series:
    """The texts as a classifier is to see them, in order; null stays null.

    Columnar. What separates fastText's tokens and labels is dealt with by gristmill.classifiers.to_lines.
    """
    return _PREPARATIONS[preparation](texts)


def _join_lines(texts: pl.Series) -> pl.Series:
    # Source: DCLM (arXiv 2406.11794), `" ".join(text.strip().splitlines())`.
    return texts.str.strip_chars(WHITE_SPACE).str.replace_all(LINE_ENDS, " ")


def _prepare_ultra_fineweb(texts: pl.Series) -> pl.Series:
    # Source: openbmb/Ultra-FineWeb-classifier, the steps before its tokenizer.
    return _strip_accents(texts.str.replace_all(r"\n{3,}", "\n\n").str.to_lowercase(), "NFKD")


def _prepare_maths(texts: pl.Series) -> pl.Series:
    marked = (
        texts.str.replace_all(_CODE, " [code] ")
        .str.replace_all(_FORMULA, " [equation] ")
        .str.replace_all(_INLINE_FORMULA, " [equation] $1")
    )
    plain = _strip_accents(marked.str.to_lowercase(), "NFD").str.replace_all(r"\p{Nd}", "0")
    punctuated = plain.str.replace_many(list(_PUNCTUATION), list(_PUNCTUATION.values()))
    return punctuated.str.replace_all(r"[\s\p{Cc}]+", " ").str.strip_chars()


def _strip_accents(texts: pl.Series, form: Literal["NFD", "NFKD"]) -> pl.Series:
    rows = texts.str.contains(r"[^\x00-\x7f]").arg_true()
    if not len(rows):
        return texts
    return texts.scatter(rows, texts.gather(rows).str.normalize(form).str.replace_all(r"\p{Mn}", ""))


_PREPARATIONS: dict[str, Callable[[pl.Series], pl.Series]] = {
    "newline_to_space": lambda texts: texts.str.replace_all("\n", " ", literal=True),
    "newline_to_space_strip": lambda texts: texts.str.replace_all("\n", " ", literal=True).str.strip_chars(
        WHITE_SPACE
    ),
    "newline_runs_to_one_space": lambda texts: texts.str.replace_all(r"\n+", " "),
    "lines_joined_by_space": _join_lines,
    "ultra_fineweb_before_tokenizer": _prepare_ultra_fineweb,
    "maths": _prepare_maths,
}
