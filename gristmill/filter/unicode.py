"""Repair of Unicode: text that was decoded wrongly, control characters, line ends, normal form.

Each repair first sorts out, by a pass of compiled regular expressions over the column, the few texts that may need
it; clean text costs that pass. Wrongly decoded text is mended by ftfy (Robyn Speer), which changes it only where it
is sure.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import polars as pl

from gristmill.filter.batch import Batch
from gristmill.filter.options.unicode import UnicodeOptions

REPAIRS = ("mojibake", "controls", "line_ends", "normal_form")

# Neither text nor line end: what ftfy removes, and the rest of C1. U+0085 is a line end.
_CONTROLS = r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x{84}\x{86}-\x{9f}\x{206a}-\x{206f}\x{feff}\x{fff9}-\x{fffc}]"
_LINE_ENDS = r"\r\n?|[\x{85}\x{2028}\x{2029}]"
# UTF-8 of Cyrillic read as windows-1251: every second letter is Р or С.
_CYRILLIC = r"(?:[РС][^\s]){4}"
# All characters that NFC may change are combining, Hangul jamo, or canonical doubles of others: those of the
# compatibility ideographs, of Hebrew and polytonic Greek, and some units. Source: Unicode, NFC_Quick_Check.
_MAYBE_NOT_NFC = (
    r"[\p{M}\x{1100}-\x{11ff}\x{0374}\x{037e}\x{0387}\x{0958}-\x{095f}\x{09dc}-\x{09df}\x{0a33}-\x{0a5e}\x{0b5c}-\x{0b5d}"
    r"\x{0f43}-\x{0fb9}\x{1f71}-\x{1ffd}\x{2000}-\x{2001}\x{2126}\x{212a}-\x{212b}\x{2329}-\x{232a}\x{2adc}"
    r"\x{f900}-\x{faff}\x{fb1d}-\x{fb4e}\x{1d15e}-\x{1d1c0}\x{2f800}-\x{2fa1d}]"
)


def repair_batch(batch: Batch, options: UnicodeOptions) -> None:
    """Repair the texts of a batch's live documents; edits are called `unicode.` and one of REPAIRS."""
    live = batch.live
    texts, counts = repair_texts(batch.texts.filter(live), options)
    batch.edit(live, texts, counts.rename(lambda name: f"unicode.{name}"))


def repair_texts(texts: pl.Series, options: UnicodeOptions) -> tuple[pl.Series, pl.DataFrame]:
    """(texts as repaired, how often each of REPAIRS was made in each), in order.

    Counts (Int64): pieces decoded anew, characters removed, line ends replaced, 1 for a text brought into its normal
    form. A null text is an empty one.
    """
    texts = texts.fill_null("")
    counts = {name: pl.repeat(0, len(texts), dtype=pl.Int64, eager=True) for name in REPAIRS}
    if options.mojibake:
        texts, counts["mojibake"] = _decode_anew(texts)
    if options.controls:
        texts, counts["controls"] = _replace(texts, _CONTROLS, "")
    if options.line_ends:
        texts, counts["line_ends"] = _replace(texts, _LINE_ENDS, "\n")
    if options.normal_form is not None:
        texts, counts["normal_form"] = _normalise(texts, options.normal_form)
    return texts, pl.DataFrame([counts[name].alias(name) for name in REPAIRS])


def _decode_anew(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    import ftfy

    pattern, config = _mojibake(), _ftfy_config()
    rows = texts.str.contains(pattern).arg_true()
    suspects = texts.gather(rows)
    mended = pl.Series([ftfy.fix_text(text, config) for text in suspects], dtype=pl.String)
    pieces = suspects.str.count_matches(pattern).cast(pl.Int64).clip(lower_bound=1)
    return _put(texts, rows, mended, pieces)


def _replace(texts: pl.Series, pattern: str, by: str) -> tuple[pl.Series, pl.Series]:
    rows = texts.str.contains(pattern).arg_true()
    found = texts.gather(rows)
    return _put(
        texts, rows, found.str.replace_all(pattern, by), found.str.count_matches(pattern).cast(pl.Int64)
    )


def _normalise(texts: pl.Series, form: Any) -> tuple[pl.Series, pl.Series]:
    rows = texts.str.contains(_MAYBE_NOT_NFC if form == "NFC" else r"[^\x00-\x7f]").arg_true()
    return _put(
        texts,
        rows,
        texts.gather(rows).str.normalize(form),
        pl.repeat(1, len(rows), dtype=pl.Int64, eager=True),
    )


def _put(
    texts: pl.Series, rows: pl.Series, repaired: pl.Series, counts: pl.Series
) -> tuple[pl.Series, pl.Series]:
    """All texts with those of some rows replaced, and the counts of those that changed; 0 for all others."""
    zeros = pl.repeat(0, len(texts), dtype=pl.Int64, eager=True)
    changed = repaired != texts.gather(rows)
    if not changed.any():
        return texts, zeros
    rows = rows.filter(changed)
    return texts.scatter(rows, repaired.filter(changed)), zeros.scatter(rows, counts.filter(changed))


@lru_cache(maxsize=1)
def _mojibake() -> str:
    """What wrongly decoded UTF-8 looks like, in the syntax of Rust's regex crate; characters as ftfy lists them."""
    from ftfy.chardata import UTF8_CLUES as CLUES

    classes = {
        name: "".join(rf"\x{{{ord(c):x}}}" if c != "-" else c for c in chars) for name, chars in CLUES.items()
    }
    more = f"[{classes['utf8_continuation']}]"
    pieces = [f"[{classes[f'utf8_first_of_{length}']}]" + more * (length - 1) for length in (2, 3, 4)]
    return "|".join([*pieces, _CYRILLIC])


@lru_cache(maxsize=1)
def _ftfy_config() -> Any:
    """Only what concerns the decoding."""
    import ftfy

    return ftfy.TextFixerConfig(
        unescape_html=False,
        remove_terminal_escapes=False,
        fix_latin_ligatures=False,
        fix_character_width=False,
        uncurl_quotes=False,
        fix_line_breaks=False,
        fix_surrogates=False,
        remove_control_chars=False,
        normalization=None,
        explain=False,
    )
